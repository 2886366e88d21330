// A run as it goes. It asks /thaw/run/<id> by itself; the page is told only when the run begins or ends to be live.
// The charts are drawn once and then changed in place, so that zoom and hidden lines stay as the person left them.
// One module with plotly.js, charts.js, curves.js, steering.js, pinned.js, saving.js and words.js.

const LIVE_PAUSE = 500, HIDDEN_PAUSE = 3000, WAITING_PAUSE = 1000, ENDED_PAUSE = 5000, LOST_PAUSE = 2000; // milliseconds
const ENDED = { // the sentence that is seen says more; this one is only heard
  finished: "The training has finished.", stopped: "The training was stopped.", failed: "The training has failed.",
  interrupted: "The training was interrupted.",
};
const HTML = `
  <p class="sentence">Asking how the run goes…</p>
  <div class="bar" role="progressbar" aria-label="Training done" aria-valuemin="0" aria-valuemax="100"><i></i></div>
  <div class="note lost" role="status" hidden>The studio does not answer. Trying again…</div>
  ${STEERING_HTML}
  <dl></dl>
  <div class="note fault" role="alert" hidden></div>
  <div class="note hindered" role="status" hidden></div>
  <div class="note warnings" hidden><ul></ul></div>
  <ul class="doctor" aria-label="What the run doctor says" hidden></ul>
  <p class="calm">The curves begin here as soon as the first numbers arrive.</p>
  ${CHARTS_HTML}
  <section class="pins" aria-label="Pinned pictures" hidden></section>
  <details class="savings" open hidden>
    <summary>What it was trained under, and what saves time</summary>
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
    root.innerHTML = HTML;
    this.find = (selector) => root.querySelector(selector);
    this.charts = new Charts(root);
    this.steering = new Steering(root, () => { this.etag = null; this.ask(); });
    this.onVisible = () => document.hidden || this.ask();
    document.addEventListener("visibilitychange", this.onVisible);
    this.sizes = new ResizeObserver(() => this.charts.resize());
    this.sizes.observe(root);
  }

  follow({ run, plotly, is_live, notes, switched_off, others, header, token }) {
    this.notes = notes ?? true;
    setText(this.find(".savings p"), switched_off ?? "");
    if (run !== this.run) Object.assign(this, { run, etag: null, last: null, told: null });
    this.known = is_live ?? this.last?.is_live ?? null;
    if (is_live) this.told = null; // a run that ended can go on, and then its next end is news again
    this.steering.follow(run, header, token);
    this.charts.follow(run, others ?? []);
    this.plotly ??= loadPlotly(plotly).then((loaded) => { this.charts.use(loaded); this.draw(); }, () => this.lost(true));
    this.ended = false;
    this.draw(); // the theme may have changed
    this.ask();
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.sizes.disconnect();
    document.removeEventListener("visibilitychange", this.onVisible);
    this.charts.end();
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
      this.crowded = 1000 * (Number(answer.headers.get("X-Thaw-Again")) || 0); // many watch: each asks less often
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
    if (this.last?.is_live) return Math.max(LIVE_PAUSE, this.crowded || 0);
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
    this.steering.draw(run);
    this.drawNumbers(run);
    this.drawNotes(run);
    this.drawDoctor(run);
    this.charts.draw(run);
    drawPins(this.find(".pins"), this.run, run);
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
    if (run.status === "paused") numbers[1][1] = "paused";
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
    const fault = this.find(".fault"), hindered = this.find(".hindered"), warnings = this.find(".warnings");
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
    hindered.hidden = !run.hindered || !this.notes;
    setText(hindered, run.hindered ?? "");
    warnings.hidden = !run.warnings?.length || !this.notes;
    fill(warnings.firstElementChild, run.warnings ?? []);
    this.find(".savings").hidden = !run.notes?.length || !this.notes;
    fill(this.find(".savings ul"), run.notes ?? []);
  }

  drawDoctor({ doctor = [] }) {
    const list = this.find(".doctor"), told = JSON.stringify(doctor);
    list.hidden = !doctor.length || !this.notes;
    if (list.told === told) return;
    list.told = told;
    list.replaceChildren(...doctor.map(({ severity, sentence, evidence, remedy }) => {
      const strong = element("strong");
      strong.textContent = sentence;
      const rest = element("span");
      rest.textContent = [evidence, remedy].filter(Boolean).join(" ");
      return element("li", severity, strong, rest);
    }));
  }
}

function summary(run) {
  const epochs = run.history?.epoch?.length ?? 0;
  if (!run.is_live) return ENDED[run.status] ?? "";
  if (run.status === "paused") return "The training is paused.";
  if (!epochs) return "The run is going; no epoch is finished yet.";
  const now = run.history.val_accuracy?.at(-1), best = run.val_accuracy;
  return `Epoch ${run.history.epoch.at(-1)} of ${run.epochs} is finished. Accuracy ${percent(now)}, best so far ${percent(best)}.`;
}
