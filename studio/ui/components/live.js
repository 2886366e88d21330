// A run as it goes. It asks /thaw/run/<id> by itself; the page is told only when the run begins or ends to be live.
// The charts are drawn once and then changed in place, so that zoom and hidden lines stay as the person left them.
// One module with curves.js.

const LIVE_PAUSE = 500, HIDDEN_PAUSE = 3000, WAITING_PAUSE = 1000, ENDED_PAUSE = 5000, LOST_PAUSE = 2000; // milliseconds
const ENDED = { // the sentence that is seen says more; this one is only heard
  finished: "The training has finished.", stopped: "The training was stopped.", failed: "The training has failed.",
  interrupted: "The training was interrupted.",
};
const HTML = `
  <p class="sentence">Asking how the run goes…</p>
  <div class="bar" role="progressbar" aria-label="Training done" aria-valuemin="0" aria-valuemax="100"><i></i></div>
  <div class="note lost" role="status" hidden>The studio does not answer. Trying again…</div>
  <dl></dl>
  <div class="note fault" role="alert" hidden></div>
  <div class="note warnings" hidden><ul></ul></div>
  <p class="calm">The curves begin here as soon as the first numbers arrive.</p>
  <div class="curves" hidden>
    <div class="legend" role="group" aria-label="Lines to show"></div>
    <div class="charts"></div>
    <ul class="thaws" aria-label="When stages thawed"></ul>
  </div>
  <details class="savings" open hidden>
    <summary>How this run saves time</summary>
    <ul></ul>
    <p></p>
  </details>
  <p class="unseen" aria-live="polite"></p>`;

export default function live({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const watch = (root.watch ??= new Watch(root));
  watch.tell = (status) => setTriggerValue("status", status);
  watch.follow(data);
  return () => watch.end();
}

class Watch {
  constructor(root) {
    this.root = root;
    this.hidden = new Set();
    root.innerHTML = HTML;
    this.find = (selector) => root.querySelector(selector);
    this.buildCurves();
    this.onVisible = () => document.hidden || this.ask();
    this.onRelease = () => { this.held = false; };
    document.addEventListener("visibilitychange", this.onVisible);
    for (const event of ["pointerup", "pointercancel"]) window.addEventListener(event, this.onRelease);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root);
  }

  follow({ run, plotly, is_live, notes, switched_off }) {
    this.notes = notes ?? true;
    setText(this.find(".savings p"), switched_off ?? "");
    if (run !== this.run) Object.assign(this, { run, etag: null, last: null, told: null, revision: 0 });
    this.known = is_live ?? this.last?.is_live ?? null;
    this.plotly ??= loadPlotly(plotly).then((loaded) => this.use(loaded), () => this.lost(true));
    this.ended = false;
    this.draw(); // the theme may have changed
    this.ask();
  }

  use(Plotly) {
    this.Plotly = Plotly;
    const inside = this.root.getRootNode();
    const rules = [...document.querySelectorAll('style[id^="plotly.js-style"]')].flatMap((style) => [...style.sheet.cssRules]);
    if (inside !== document && rules.length) { // Plotly styles the document, and a component lives behind a shadow root
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules.map((rule) => rule.cssText).join("\n"));
      inside.adoptedStyleSheets = [...inside.adoptedStyleSheets, sheet];
    }
    this.draw();
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.sizes.disconnect();
    document.removeEventListener("visibilitychange", this.onVisible);
    for (const event of ["pointerup", "pointercancel"]) window.removeEventListener(event, this.onRelease);
    if (this.Plotly) for (const chart of this.plots) this.Plotly.purge(chart.plot);
    delete this.root.watch;
  }

  async ask() {
    clearTimeout(this.timer);
    const asked = (this.asked = Symbol());
    let answered = true;
    try {
      const answer = await fetch(`/thaw/run/${encodeURIComponent(this.run)}`,
        { cache: "no-store", headers: this.etag ? { "If-None-Match": this.etag } : {} });
      if (asked !== this.asked || this.ended) return;
      if (answer.status === 404) this.gone((await answer.json()).error);
      else if (answer.ok) {
        this.last = await answer.json();
        if (asked !== this.asked || this.ended) return;
        this.etag = answer.headers.get("ETag");
        this.draw();
      } else answered = answer.status === 304;
    } catch {
      if (asked !== this.asked || this.ended) return;
      answered = false;
    }
    this.lost(!answered);
    if (answered && this.last) this.tellOnce();
    this.timer = setTimeout(() => this.ask(), answered ? this.pause() : LOST_PAUSE);
  }

  pause() {
    if (document.hidden) return HIDDEN_PAUSE;
    if (this.last?.is_live) return LIVE_PAUSE;
    return ["created", "interrupted"].includes(this.last?.status) ? WAITING_PAUSE : ENDED_PAUSE;
  }

  tellOnce() {
    const { status, is_live } = this.last;
    const changed = this.known !== null && this.known !== is_live;
    this.known = is_live;
    if (!changed || this.told === status) return;
    this.told = status;
    this.tell(status);
  }

  lost(yes) { this.find(".lost").hidden = !yes; }

  gone(sentence) {
    this.find(".sentence").textContent = sentence || "There is no such run.";
    this.find(".calm").hidden = true;
  }

  draw() {
    const run = this.last;
    if (!run) return;
    setText(this.find(".sentence"), this.notes || !run.failure ? run.sentence : ENDED.failed);
    const share = Math.round(100 * (run.share_done || 0));
    const bar = this.find(".bar");
    bar.setAttribute("aria-valuenow", share);
    bar.setAttribute("aria-valuetext", `${share} %`);
    bar.firstElementChild.style.width = `${share}%`;
    this.drawNumbers(run);
    this.drawNotes(run);
    if (!this.held) this.drawCurves(run);
    setText(this.find(".unseen"), summary(run));
  }

  drawNumbers(run) {
    const best = run.val_accuracy == null ? "–"
      : `${percent(run.val_accuracy)}${run.best_epoch ? ` (epoch ${run.best_epoch})` : ""}`;
    const numbers = [
      ["Epoch", `${run.epoch ?? 0} of ${run.epochs ?? "–"}`],
      run.is_live ? ["Time left", run.seconds_left == null ? "not known yet" : `about ${duration(run.seconds_left)}`]
        : ["Time taken", run.seconds ? duration(run.seconds) : "–"],
      ["Pictures per second", run.images_per_second == null ? "–" : Math.round(run.images_per_second).toLocaleString("en")],
      ["Device", run.device ?? "–"],
      ["Best accuracy", best],
    ];
    const list = this.find("dl");
    while (list.children.length < numbers.length) {
      list.append(element("div", "", element("dt"), element("dd")));
    }
    numbers.forEach(([name, value], at) => {
      setText(list.children[at].firstChild, name);
      setText(list.children[at].lastChild, value);
    });
  }

  drawNotes(run) {
    const fault = this.find(".fault"), warnings = this.find(".warnings");
    fault.hidden = !run.failure || !this.notes;
    if (run.failure && fault.told !== run.failure.sentence) {
      fault.told = run.failure.sentence;
      fault.replaceChildren(...[run.failure.sentence, run.failure.remedy].filter(Boolean).map((words) => paragraph(words)));
      if (run.failure.details) {
        const details = element("pre");
        details.tabIndex = 0;
        details.textContent = run.failure.details;
        const title = element("summary");
        title.textContent = "Details to copy into a report";
        fault.append(element("details", "", title, details));
      }
    }
    warnings.hidden = !run.warnings?.length || !this.notes;
    fill(warnings.firstElementChild, run.warnings ?? []);
    this.find(".savings").hidden = !run.notes?.length || !this.notes;
    fill(this.find(".savings ul"), run.notes ?? []);
  }

  buildCurves() {
    this.plots = CHARTS.map((chart) => {
      const title = element("figcaption"), plot = element("div", "plot");
      title.textContent = chart.name;
      plot.setAttribute("role", "img");
      plot.addEventListener("pointerdown", () => { this.held = true; }); // no redraw under the hand that drags
      this.find(".charts").append(element("figure", "", title, plot));
      return { ...chart, plot, title };
    });
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
    this.find(".legend").append(this.whole);
  }

  drawCurves(run) {
    const any = Math.max(run.history?.epoch?.length ?? 0, run.curve?.epoch?.length ?? 0) > 0;
    this.find(".calm").hidden = any || !(run.is_live || run.status === "created");
    this.find(".curves").hidden = !any;
    if (!any || !this.Plotly) return;
    const look = lookOf(this.root);
    this.find(".legend").style.setProperty("--train", look.lines[0]);
    this.find(".legend").style.setProperty("--val", look.lines[1]);
    const thaws = (run.thaws ?? []).filter((thaw) => thaw.epoch > 1);
    for (const chart of this.plots) {
      const traces = [trace(run, chart, 0, look, this.hidden), trace(run, chart, 1, look, this.hidden)];
      chart.plot.setAttribute("aria-label", described(run, chart));
      const fresh = !chart.plot.layout;
      this.Plotly.react(chart.plot, traces, layout(run, chart, thaws, look, this.revision),
        { displayModeBar: false, responsive: false, doubleClick: "reset" });
      if (fresh) chart.plot.on("plotly_relayout", () => { this.whole.hidden = !this.isZoomed(); });
    }
    fill(this.find(".thaws"), thaws.map((thaw) =>
      `From epoch ${thaw.epoch} on, ${learners(thaw)}.`));
  }

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
    return value == null ? "not known yet" : chart.format ? percent(value) : value.toFixed(3);
  };
  return `${chart.name}: training ${say(run.history?.[chart.train])}, validation ${say(run.history?.[chart.val])}.`;
}

function summary(run) {
  const epochs = run.history?.epoch?.length ?? 0;
  if (!run.is_live) return ENDED[run.status] ?? "";
  if (!epochs) return "The run is going; no epoch is finished yet.";
  const now = run.history.val_accuracy?.at(-1), best = run.val_accuracy;
  return `Epoch ${run.history.epoch.at(-1)} of ${run.epochs} is finished. Accuracy ${percent(now)}, best so far ${percent(best)}.`;
}

function learners({ depth, learning }) {
  if (!learning.length) return "only the head learns";
  if (!depth) return `everything learns: the head and all ${learning.length} stages`;
  const which = learning.length === 1 ? "the last stage" : `the last ${learning.length} stages`;
  return `the head and ${which} (${learning.join(", ")}) learn`;
}

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// Never rounds up to 100 %.
function percent(share) {
  if (share == null) return "–";
  if (share === 1) return "100 %";
  return `${Math.min(share * 100, 99.9).toFixed(1)} %`;
}

function element(tag, name = "", ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children);
  return made;
}

function paragraph(words) {
  const made = element("p");
  made.textContent = words;
  return made;
}

function setText(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function fill(list, sentences) {
  if (list.told === sentences.join("\n")) return;
  list.told = sentences.join("\n");
  list.replaceChildren(...sentences.map((words) => {
    const item = element("li");
    item.textContent = words;
    return item;
  }));
}
