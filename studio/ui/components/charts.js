// The charts of a run and what is set about them: the axis, smoothing, another run beside it. For live.js.
// The charts are made once; what they show is in curves.js, what can be saved of them in saving.js.

const CHARTS_HTML = `
  <div class="curves" hidden>
    <div class="legend" role="group" aria-label="Lines to show"></div>
    <div class="charts first"></div>
    <ul class="marks" aria-label="What changed while it trained"></ul>
    <details class="further">
      <summary>More curves: learning rate, pictures per second, accuracy by class</summary>
      <div class="charts more"></div>
    </details>
    <details class="tools">
      <summary>Chart settings and saving</summary>
      <div class="settings">
        <label>Along the bottom <select class="axis">
          <option value="epoch">Epochs</option><option value="step">Steps</option><option value="time">Time</option></select></label>
        <label>Smoothing <span class="row"><input class="smoothing" type="range" min="0" max="0.95" step="0.05" value="0"><output>0</output></span></label>
        <label class="tick"><input class="log" type="checkbox"> Loss on a log scale</label>
        <label class="with">Compare with <select class="other"></select></label>
        <div class="saves">
          <label>Save <select class="which" aria-label="Chart to save"></select></label>
          <button type="button" class="png">PNG</button><button type="button" class="svg">SVG</button>
          <button type="button" class="csv">Numbers (CSV)</button>
        </div>
        <p class="wrong" role="alert"></p>
      </div>
    </details>
  </div>`;

class Charts {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.hidden = new Set();
    this.revision = 0;
    this.view = { axis: "epoch", smoothing: 0, log: false };
    this.plots = CHARTS.map((chart) => this.buildChart(chart));
    this.buildLegend();
    this.buildSettings();
    this.onRelease = () => { this.held = false; };
    for (const event of ["pointerup", "pointercancel"]) window.addEventListener(event, this.onRelease);
  }

  buildChart(chart) {
    const title = element("figcaption"), plot = element("div", "plot");
    title.textContent = chart.name;
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", chart.name); // until there is more to say
    plot.addEventListener("pointerdown", () => { this.held = true; }); // no redraw under the hand that drags
    const figure = element("figure", chart.key, title, plot);
    this.find(chart.further ? ".charts.more" : ".charts.first").append(figure);
    return { ...chart, plot, title, figure };
  }

  buildLegend() {
    LINES.forEach((name, at) => {
      const button = element("button", "line", sample(at));
      button.type = "button";
      button.append(name);
      button.setAttribute("aria-pressed", "true");
      button.onclick = () => {
        this.hidden.has(name) ? this.hidden.delete(name) : this.hidden.add(name);
        button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
        this.draw();
      };
      this.find(".legend").append(button);
    });
    this.whole = element("button", "whole");
    this.whole.type = "button";
    this.whole.textContent = "Show all again";
    this.whole.hidden = true;
    this.whole.onclick = () => {
      this.revision += 1;
      this.whole.hidden = true;
      this.draw();
    };
    this.beside = element("span", "beside");
    this.find(".legend").append(this.whole, this.beside);
  }

  buildSettings() {
    const set = (selector, event, change) => {
      this.find(selector)[event] = ({ target }) => { change(target); this.draw(); };
    };
    set(".axis", "onchange", ({ value }) => { this.view.axis = value; });
    set(".log", "onchange", ({ checked }) => { this.view.log = checked; });
    set(".smoothing", "oninput", ({ value }) => {
      this.view.smoothing = Number(value);
      setText(this.find(".smoothing + output"), value);
    });
    this.find(".other").onchange = ({ target }) => this.compare(target.value);
    this.find(".further").ontoggle = () => this.draw();
    for (const format of ["png", "svg"]) this.find(`.saves .${format}`).onclick = () => this.save(format);
    this.find(".saves .csv").onclick = () => download(`${this.id}.csv`, table(this.runs()), "text/csv");
  }

  follow(id, others) {
    if (id !== this.id) Object.assign(this, { id, run: null, other: null, revision: 0 });
    const choices = [{ id: "", name: "no other run" }, ...others], list = this.find(".other");
    this.find(".with").hidden = !others.length;
    if (list.told !== JSON.stringify(choices)) {
      list.told = JSON.stringify(choices);
      list.replaceChildren(...choices.map(({ id, name }) => new Option(name, id, false, id === this.other?.id)));
    }
  }

  use(Plotly) {
    this.Plotly = Plotly;
    styleInside(this.root);
  }

  end() {
    for (const event of ["pointerup", "pointercancel"]) window.removeEventListener(event, this.onRelease);
    if (this.Plotly) for (const { plot } of this.plots) this.Plotly.purge(plot);
  }

  async compare(id) {
    this.wrong("");
    if (!id) this.other = null;
    else {
      try {
        const answer = await fetch(`/thaw/run/${encodeURIComponent(id)}`);
        if (!answer.ok) throw new Error();
        this.other = { id, name: this.find(".other").selectedOptions[0]?.text ?? id, run: await answer.json() };
      } catch {
        this.find(".other").value = this.other?.id ?? "";
        this.wrong("The other run could not be read.");
      }
    }
    this.draw();
  }

  // This run and the one beside it, each with its name.
  runs() { return [{ name: this.id, run: this.run }, ...(this.other ? [this.other] : [])]; }

  draw(run = this.run) {
    this.run = run;
    if (!run || this.held) return;
    const any = Math.max(run.history?.epoch?.length ?? 0, run.curve?.epoch?.length ?? 0) > 0;
    this.find(".calm").hidden = any || !(run.is_live || run.status === "created");
    this.find(".curves").hidden = !any;
    if (!any || !this.Plotly) return;
    const look = lookOf(this.root);
    this.find(".legend").style.setProperty("--train", look.lines[0]);
    this.find(".legend").style.setProperty("--val", look.lines[1]);
    setText(this.beside, this.other ? `Thin lines: ${this.other.name}` : "");
    this.drawChoices(run);
    for (const chart of this.plots) if (!chart.figure.hidden && (!chart.further || this.find(".further").open)) this.drawChart(run, chart, look);
    fill(this.find(".marks"), (run.marks ?? []).map((mark) => mark.sentence));
  }

  drawChoices(run) {
    for (const chart of this.plots) chart.figure.hidden = Boolean(chart.byClass) && !run.classes?.names.length;
    const list = this.find(".which"), names = this.plots.filter(({ figure }) => !figure.hidden).map(({ name }) => name);
    if (list.told === names.join()) return;
    list.told = names.join();
    list.replaceChildren(...names.map((name) => new Option(name)));
  }

  drawChart(run, chart, look) {
    const view = { ...this.view, other: this.other, hidden: this.hidden, revision: this.revision, width: chart.plot.offsetWidth };
    chart.plot.setAttribute("aria-label", described(run, chart));
    if (chart.byClass) setText(chart.title, run.classes.of > run.classes.names.length
      ? `Accuracy of the ${run.classes.names.length} classes that do worst, of ${run.classes.of}` : chart.name);
    const fresh = !chart.plot.layout;
    this.Plotly.react(chart.plot, traces(run, chart, look, view), layout(run, chart, look, view),
      { displayModeBar: false, responsive: false, doubleClick: "reset" });
    if (fresh) chart.plot.on("plotly_relayout", () => { this.whole.hidden = !this.isZoomed(); });
  }

  async save(format) {
    this.wrong("");
    const chart = this.plots.find(({ name }) => name === this.find(".which").value);
    if (!chart || !this.Plotly) return;
    const look = lookOf(this.root);
    if (!chart.plot.layout) this.drawChart(this.run, chart, look);
    try {
      await saveChart(this.Plotly, chart, look, format, `${this.id}-${chart.key}`);
    } catch {
      this.wrong("The chart could not be saved as a picture.");
    }
  }

  wrong(words) { setText(this.find(".settings .wrong"), words); }

  isZoomed() {
    return this.plots.some(({ plot }) => {
      const { xaxis, yaxis } = plot._fullLayout ?? {};
      return xaxis && (xaxis.autorange === false || yaxis.autorange === false);
    });
  }

  resize() {
    if (!this.Plotly) return;
    for (const { plot } of this.plots) if (plot.layout && plot.offsetWidth) this.Plotly.Plots.resize(plot);
  }
}

function described(run, chart) {
  const say = (values) => {
    const value = values?.at(-1);
    return value == null ? "not known yet" : chart.format ? percent(value) : value < 0.01 ? value.toExponential(1) : value.toFixed(3);
  };
  if (chart.byClass) return `${chart.name}: ${run.classes.names.map((name, at) => `${name} ${percent(run.classes.accuracy[at].at(-1))}`).join(", ")}.`;
  if (chart.only) return `${chart.name}: now ${say(run.curve?.[chart.only]?.length ? run.curve[chart.only] : run.history?.[chart.only])}.`;
  return `${chart.name}: training ${say(run.history?.[chart.train])}, validation ${say(run.history?.[chart.val])}.`;
}
