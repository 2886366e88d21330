// All pictures by what they look like: near each other what looks alike. Hovering shows a picture, a click opens it.
// One module with plotly.js and words.js. The places come from /thaw/map/<dataset>, whom to mark from the page.

const HOVER_SIDE = 160, MOST_CLASSES = 7, MOST_DRAWN = 5000; // points, where the browser draws them one by one
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "pentagon", "star"];
const RINGS = ["circle-open", "diamond-open", "square-open"];
const MAP_HTML = `
  <p class="quiet">Laying out the map…</p>
  <div class="plot" role="img" hidden></div>
  <div class="card" aria-hidden="true" hidden><img alt="" width="${HOVER_SIDE}" height="${HOVER_SIDE}"><p></p><p class="mark"></p></div>
  <button type="button" class="whole" hidden>Show the whole map again</button>`;

export default function map({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const shown = (root.shown ??= new Places(root));
  shown.pick = (n) => setTriggerValue("picked", n);
  shown.follow(data);
  return () => shown.end();
}

class Places {
  constructor(root) {
    this.root = root;
    root.innerHTML = MAP_HTML;
    this.find = (selector) => root.querySelector(selector);
    this.plot = this.find(".plot");
    this.sizes = new ResizeObserver(() => this.Plotly && this.plot.layout && this.plot.offsetWidth && this.Plotly.Plots.resize(this.plot));
    this.sizes.observe(root);
    this.find(".whole").onclick = () => this.Plotly.relayout(this.plot, { "xaxis.autorange": true, "yaxis.autorange": true });
  }

  async follow(data) {
    this.data = data;
    const address = `/thaw/map/${encodeURIComponent(data.dataset)}?v=${encodeURIComponent(data.version)}`;
    try {
      if (address !== this.address) {
        const answer = await fetch(address);
        if (!answer.ok) throw new Error();
        this.places = await answer.json();
        this.address = address;
      }
      if (!this.Plotly) {
        this.Plotly = await loadPlotly(data.plotly);
        styleInside(this.root);
      }
      this.draw();
    } catch {
      setText(this.find(".quiet"), "The map could not be read. Reload the page to try again.");
    }
  }

  end() {
    this.sizes.disconnect();
    if (this.Plotly) this.Plotly.purge(this.plot);
    delete this.root.shown;
  }

  draw() {
    const look = lookOf(this.root), fresh = !this.plot.layout;
    this.find(".quiet").hidden = true;
    this.plot.hidden = false;
    this.plot.setAttribute("aria-label", this.described());
    this.marks = new Map(this.data.marks.flatMap(({ name, pictures }) => pictures.map(([n, words]) => [n, words || name])));
    this.Plotly.react(this.plot, this.traces(look), {
      autosize: true, margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "closest", hoverdistance: 12, dragmode: "zoom",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: look.font, color: look.text, size: 13 },
      xaxis: { visible: false }, yaxis: { visible: false }, uirevision: this.address, showlegend: true,
      legend: { orientation: "h", x: 0, y: -0.02, yanchor: "top", itemsizing: "constant" },
    }, { displayModeBar: false, responsive: false, doubleClick: "reset" });
    if (fresh) this.listen();
  }

  listen() {
    this.plot.on("plotly_hover", ({ points, event }) => this.hover(points[0].customdata, event));
    this.plot.on("plotly_unhover", () => { this.find(".card").hidden = true; });
    this.plot.on("plotly_click", ({ points }) => this.pick(points[0].customdata));
    this.plot.on("plotly_relayout", () => { this.find(".whole").hidden = this.plot._fullLayout.xaxis.autorange !== false; });
  }

  // A trace for each class, and above them one for each kind of suspect.
  traces(look) {
    const { classes, label, n, x, y } = this.places, webgl = hasWebgl();
    const step = webgl ? 1 : Math.ceil(n.length / MOST_DRAWN), place = new Map(n.map((one, at) => [one, at]));
    const sizes = classes.map(() => 0);
    for (const one of label) sizes[one] += 1;
    const large = classes.map((_, at) => at).sort((a, b) => sizes[b] - sizes[a]).slice(0, MOST_CLASSES);
    const shown = classes.length > MOST_CLASSES + 1 ? large.sort((a, b) => a - b) : classes.map((_, at) => at);
    const own = new Map(shown.map((one, at) => [one, at]));
    const points = [...shown, -1].map(() => []);
    for (let at = 0; at < n.length; at += step) points[own.get(label[at]) ?? shown.length].push(at);
    const size = n.length > 20000 ? 3 : n.length > 3000 ? 4 : 6, kind = webgl ? "scattergl" : "scatter";
    const trace = (those, more) => ({
      type: kind, mode: "markers", x: those.map((at) => x[at]), y: those.map((at) => y[at]),
      customdata: those.map((at) => n[at]), hoverinfo: "none", ...more,
    });
    const drawn = points.map((those, at) => trace(those, {
      name: at < shown.length ? unmarked(shortened(classes[shown[at]])) : "other classes",
      marker: { size, opacity: 0.65, symbol: SYMBOLS[at % SYMBOLS.length], color: at < shown.length ? look.palette[at % look.palette.length] : look.axis },
    })).filter(({ x: there }) => there.length);
    const marked = this.data.marks.map(({ name, pictures }, at) => trace(
      pictures.map(([one]) => place.get(one)).filter((one) => one !== undefined),
      { name: unmarked(name), marker: { size: 13, symbol: RINGS[at % RINGS.length], color: look.alert, line: { width: 2.5, color: look.alert } } },
    )).filter(({ x: there }) => there.length);
    return [...drawn, ...marked];
  }

  hover(n, { clientX, clientY }) {
    const card = this.find(".card"), picture = this.find(".card img"), [said, mark] = this.root.querySelectorAll(".card p");
    const { dataset, fingerprint } = this.data;
    const address = `/thaw/picture/${encodeURIComponent(dataset)}/${n}?side=${HOVER_SIDE}&v=${encodeURIComponent(fingerprint.slice(0, 12))}`;
    if (picture.getAttribute("src") !== address) picture.src = address;
    setText(said, this.places.classes[this.places.label[this.places.n.indexOf(n)]] ?? "");
    setText(mark, this.marks.get(n) ?? "");
    card.hidden = false;
    const whole = this.root.getBoundingClientRect(), wide = card.offsetWidth, tall = card.offsetHeight;
    const x = clientX - whole.left, y = clientY - whole.top;
    card.style.left = `${Math.max(0, x + 16 + wide > whole.width ? x - 16 - wide : x + 16)}px`;
    card.style.top = `${Math.max(0, Math.min(y - tall / 2, whole.height - tall))}px`;
  }

  described() {
    const marked = this.data.marks.map(({ name, pictures }) => `${pictures.length} marked: ${name}`);
    return `Map of ${this.places.n.length} pictures in ${this.places.classes.length} classes. ${marked.join(", ")}`;
  }
}

function shortened(name) { return name.length > 28 ? `${name.slice(0, 18)}…${name.slice(-9)}` : name; }

let webglThere;
function hasWebgl() {
  webglThere ??= Boolean(document.createElement("canvas").getContext("webgl"));
  return webglThere;
}
