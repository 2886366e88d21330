// Steering a run while it goes: pause, go on, stop, how deep it is frozen, its learning rate, its epochs. For live.js.
// What is asked is passed on; that it came true is seen in the run's own answer.

const STEERING_HTML = `
  <div class="steering" role="group" aria-label="Steer this training" hidden>
    <div class="buttons">
      <button type="button" class="pause">Pause</button>
      <button type="button" class="stop" title="Ends the training soon. The best weights so far are kept, if there are any yet.">Stop</button>
      <p class="asked" role="status"></p>
      <p class="wrong" role="alert"></p>
    </div>
    <details>
      <summary>Thaw, freeze, or change the learning rate now</summary>
      <div class="controls">
        <form class="depth">
          <label for="thaw-depth">Stages that stay frozen</label>
          <span class="row"><input id="thaw-depth" type="range" min="0" step="1"><output for="thaw-depth"></output></span>
          <p class="words"></p><p class="asked" role="status"></p><p class="wrong" role="alert"></p>
        </form>
        <form class="lr">
          <label for="thaw-lr">Learning rate (the highest)</label>
          <span class="row"><input id="thaw-lr" type="number" min="0" max="10" step="any" required><button>Set</button></span>
          <p class="asked" role="status"></p><p class="wrong" role="alert"></p>
        </form>
        <form class="epochs">
          <label for="thaw-epochs">Epochs in all</label>
          <span class="row"><input id="thaw-epochs" type="number" min="1" max="10000" step="1" required><button>Set</button></span>
          <p class="asked" role="status"></p><p class="wrong" role="alert"></p>
        </form>
      </div>
    </details>
  </div>`;
const SETTLES = 500; // milliseconds after the last move of the slider until it counts

class Steering {
  constructor(root, asked) {
    this.place = root.querySelector(".steering");
    this.find = (selector) => this.place.querySelector(selector);
    this.onAsked = asked;
    this.find("details").open = window.innerWidth >= 900; // where there is room for it
    this.touched = new Set(); // controls that show what the person wants, not what is
    this.find(".pause").onclick = () => this.pauseOrGoOn();
    this.find(".stop").onclick = () => this.run.asked?.stop || this.ask(".buttons", "stop");
    for (const what of ["depth", "lr", "epochs"]) {
      const form = this.find(`form.${what}`), input = form.querySelector("input");
      form.noValidate = true; // the studio's own sentences say what is wrong
      form.onsubmit = (event) => { event.preventDefault(); this.set(what); };
      input.oninput = () => { this.touched.add(what); if (what === "depth") this.moved(); };
    }
  }

  follow(id, header, token) {
    if (id !== this.id) this.touched.clear();
    Object.assign(this, { id, headers: { "Content-Type": "application/json", [header ?? "x-none"]: token ?? "" } });
  }

  draw(run) {
    this.run = run;
    this.place.hidden = !run.is_live;
    if (!run.is_live) return;
    const asked = run.asked ?? {}, paused = run.status === "paused";
    const pause = this.find(".pause"), stop = this.find(".stop");
    setText(pause, paused ? (asked.pause ? "Go on" : "Going on…") : asked.pause ? "Pausing…" : "Pause");
    pause.title = asked.pause && !paused ? "Press again to go on instead" : "";
    pause.classList.toggle("primary", paused);
    setText(stop, asked.stop ? "Stopping…" : "Stop");
    for (const [button, off] of [[stop, asked.stop], [pause, asked.stop]]) button.setAttribute("aria-disabled", Boolean(off));
    this.find("details").hidden = !run.stages?.length;
    this.drawDepth(run, asked.depth);
    this.drawNumber("lr", run.lr, asked.lr, run);
    this.drawNumber("epochs", run.epochs, asked.epochs, run);
  }

  drawDepth(run, wanted) {
    const input = this.find("#thaw-depth"), stages = run.stages ?? [], depth = run.depth ?? stages.length;
    const asked = wanted == null ? null : Math.min(wanted, stages.length);
    const waits = asked != null && asked !== run.depth;
    input.max = stages.length;
    if (!this.touched.has("depth")) input.value = waits ? asked : depth;
    else if (!waits && Number(input.value) === run.depth) this.touched.delete("depth");
    this.drawWords();
    this.waiting("depth", waits && `Asked for: ${learners(asked, stages)}…`);
  }

  drawWords() {
    const input = this.find("#thaw-depth"), stages = this.run.stages ?? [], words = learners(Number(input.value), stages);
    setText(this.find("form.depth output"), `${input.value} of ${stages.length}`);
    setText(this.find("form.depth .words"), `${words[0].toUpperCase()}${words.slice(1)}.`);
    input.setAttribute("aria-valuetext", `${input.value} of ${stages.length} stages stay frozen: ${words}`);
  }

  drawNumber(what, now, wanted, run) {
    const input = this.find(`#thaw-${what}`), waits = wanted != null && wanted !== now;
    if (what === "epochs") input.min = Math.max(run.epoch, 1);
    if (!this.touched.has(what)) input.value = waits ? wanted : now;
    this.waiting(what, waits && `Asked for ${wanted}…`);
  }

  waiting(what, words) { setText(this.find(`form.${what} .asked`), words || ""); }

  moved() {
    this.drawWords();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.set("depth"), SETTLES);
  }

  pauseOrGoOn() {
    if (this.run.asked?.stop) return;
    this.ask(".buttons", this.run.asked?.pause ? "go on" : "pause");
  }

  async set(what) {
    const input = this.find(`#thaw-${what}`), value = input.valueAsNumber;
    if (Number.isNaN(value)) return this.wrong(`form.${what}`, "Type a number.");
    if (await this.ask(`form.${what}`, what, value) && what !== "depth") this.touched.delete(what);
  }

  async ask(place, what, value = null) {
    this.wrong(place, "");
    setText(this.find(`${place} .asked`), "Asking…");
    try {
      const answer = await fetch(`/thaw/run/${encodeURIComponent(this.id)}/ask`,
        { method: "POST", cache: "no-store", headers: this.headers, body: JSON.stringify({ what, value }) });
      if (answer.ok) return true;
      const { error, remedy } = await answer.json();
      this.wrong(place, [error, remedy].filter(Boolean).join(" "));
    } catch {
      this.wrong(place, "The studio does not answer. Try again.");
    } finally {
      setText(this.find(`${place} .asked`), "");
      this.onAsked();
    }
    return false;
  }

  wrong(place, words) { setText(this.find(`${place} .wrong`), words); }
}
