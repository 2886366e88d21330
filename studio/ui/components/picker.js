// Brings a folder or a zip file from this computer to the studio, with progress, retries and a way out.
// One module with chosen.js and sending.js. Names are hostile text: textContent only.

const HTML = `
  <div class="zone">
    <p class="title">Drop a folder or a zip file here</p>
    <p class="hint">One folder per class, with its pictures inside. They are copied to the computer that runs the studio.</p>
    <div class="buttons">
      <button type="button" class="folder">Choose a folder</button>
      <button type="button" class="zip">Choose a zip file</button>
    </div>
    <input type="file" class="folder" webkitdirectory multiple hidden aria-label="A folder of pictures">
    <input type="file" class="zip" accept=".zip,application/zip" hidden aria-label="A zip file of pictures">
  </div>
  <div class="going" hidden>
    <p class="doing"></p>
    <div class="bar" role="progressbar" aria-label="Pictures sent" aria-valuemin="0" aria-valuemax="100"><i></i></div>
    <p class="amount"></p>
    <div class="buttons">
      <button type="button" class="retry" hidden></button>
      <button type="button" class="without" hidden></button>
      <button type="button" class="cancel">Cancel</button>
    </div>
  </div>
  <div class="fault" role="alert" hidden><p></p><p></p></div>
  <p class="done" role="status" hidden></p>
  <details class="skipped" hidden><summary></summary><ul tabindex="0" aria-label="Files left out"></ul></details>`;

export default function picker({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const view = (root.view ??= new View(root));
  view.settings = data;
  view.tell = (dataset) => setTriggerValue("dataset", dataset);
  return () => view.end();
}

class View {
  constructor(root) {
    this.root = root;
    root.innerHTML = HTML;
    this.find = (selector) => root.querySelector(selector);
    const zone = this.find(".zone");
    for (const kind of ["folder", "zip"]) {
      const input = this.find(`input.${kind}`);
      this.find(`button.${kind}`).onclick = () => input.click();
      input.onchange = () => {
        const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
        input.value = "";
        if (files.length) this.take(files, kind);
      };
    }
    zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
    zone.ondragleave = (event) => zone.contains(event.relatedTarget) || zone.classList.remove("over");
    zone.ondrop = (event) => this.drop(event);
    this.find(".cancel").onclick = () => this.cancel();
    this.find(".retry").onclick = () => this.again();
    this.find(".without").onclick = () => this.withoutThem();
    this.onLeave = (event) => this.sending && event.preventDefault();
    this.onGone = () => this.sending?.cancel();
    window.addEventListener("beforeunload", this.onLeave);
    window.addEventListener("pagehide", this.onGone);
  }

  end() {
    this.sending?.cancel();
    window.removeEventListener("beforeunload", this.onLeave);
    window.removeEventListener("pagehide", this.onGone);
    delete this.root.view;
  }

  async drop(event) {
    event.preventDefault();
    this.find(".zone").classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const loose = [...event.dataTransfer.files]; // read now: the list is empty once this event is over
    this.fault(null);
    this.show("going");
    this.progress("Reading the folder…", 0, "");
    try {
      const files = entries.length ? await walk(entries, (count) => this.progress("Reading the folder…", 0, `${number(count)} files`))
        : loose.map((file) => ({ file, path: file.name }));
      this.take(files, files.length === 1 && isZip(files[0].path) ? "zip" : "folder");
    } catch {
      this.stop({ error: "The folder could not be read by the browser.", remedy: "Use the button “Choose a folder” instead." });
    }
  }

  take(files, kind) {
    this.fault(null);
    this.find(".done").hidden = true;
    if (kind === "zip" && !isZip(files[0].path)) {
      return this.stop({ error: `${files[0].file.name} is not a zip file.`, remedy: "Choose a file whose name ends in .zip." });
    }
    const { kept, skipped, name } = kind === "zip" ? { kept: files, skipped: [], name: files[0].file.name } : sorted(files, this.settings.suffixes);
    this.listSkipped(skipped);
    if (!kept.some(({ path }) => kind === "zip" || !path.toLowerCase().endsWith(".csv"))) {
      return this.stop({ error: "There are no pictures in what you chose.", remedy: "Choose a folder that holds one folder per class." });
    }
    this.start(new Sending(kind, name, kept, this.settings));
  }

  async start(sending) {
    this.sending = sending;
    this.show("going");
    sending.onProgress = () => this.drawProgress();
    await this.run(() => sending.begin());
  }

  async run(work) {
    const sending = this.sending;
    this.find(".retry").hidden = this.find(".without").hidden = true;
    this.find(".cancel").hidden = false;
    this.fault(null);
    try {
      await work();
      await sending.all();
      if (sending.failed.length) return this.offerRetry();
      await this.finish();
    } catch (fault) {
      if (sending.cancelled) return;
      sending.cancel();
      this.stop(fault.error ? fault : { error: "The upload stopped.", remedy: "Try again." });
      if (!fault.error) console.warn(fault);
    }
  }

  async finish() {
    const { sending } = this;
    this.find(".cancel").hidden = true;
    this.progress(sending.kind === "zip" ? "Unpacking and reading the pictures…" : "Reading the pictures…", null, "");
    const { dataset } = await sending.finish();
    this.sending = null;
    this.show("zone");
    const done = this.find(".done");
    done.textContent = sending.kind === "zip" ? `${sending.name} is here.` : `${count(sending.files.length, "picture")} arrived.`;
    done.hidden = false;
    this.tell(dataset);
  }

  offerRetry() {
    const failed = this.sending.failed.sort((a, b) => a.n - b.n);
    this.find(".doing").textContent = "Not everything arrived";
    const retry = this.find(".retry"), without = this.find(".without");
    retry.textContent = `Retry ${count(failed.length, "file")}`;
    retry.hidden = false;
    without.textContent = "Go on without them";
    without.hidden = failed.length === this.sending.files.length;
    const first = failed.slice(0, 3).map(({ path }) => path).join(", ");
    this.fault({ error: `${count(failed.length, "file")} could not be sent: ${first}${failed.length > 3 ? " and more" : ""}.`,
      remedy: "Check that the studio is still running and that the files are still there, then retry." });
    retry.focus();
  }

  again() { return this.run(async () => this.sending.requeue()); }

  withoutThem() { return this.run(async () => this.sending.leaveOut()); }

  cancel() {
    this.sending?.cancel();
    this.sending = null;
    this.show("zone");
    this.fault(null);
    this.listSkipped([]);
    const done = this.find(".done");
    done.textContent = "Cancelled. Nothing was kept.";
    done.hidden = false;
    this.find("button.folder").focus();
  }

  stop(fault) {
    this.sending = null;
    this.show("zone");
    this.fault(fault);
  }

  show(part) {
    this.find(".zone").hidden = part !== "zone";
    this.find(".going").hidden = part !== "going";
  }

  fault(fault) {
    const place = this.find(".fault");
    place.hidden = !fault;
    place.firstElementChild.textContent = fault?.error ?? "";
    place.lastElementChild.textContent = fault?.remedy ?? "";
  }

  listSkipped(skipped) {
    const place = this.find(".skipped");
    place.hidden = !skipped.length;
    place.open = false;
    place.querySelector("summary").textContent = `${count(skipped.length, "file")} left out, because ${skipped.length === 1 ? "it is no picture" : "they are no pictures"}`;
    const shown = skipped.slice(0, 200).map((path) => {
      const item = document.createElement("li");
      item.textContent = path;
      return item;
    });
    if (skipped.length > shown.length) {
      const more = document.createElement("li");
      more.textContent = `and ${number(skipped.length - shown.length)} more`;
      shown.push(more);
    }
    place.querySelector("ul").replaceChildren(...shown);
  }

  drawProgress() {
    const { sending } = this;
    if (!sending) return;
    const { bytes, total } = sending;
    const files = sending.kind === "zip" ? sending.name : `${number(sending.done)} of ${count(sending.files.length, "file")}`;
    this.progress(`Sending ${sending.kind === "zip" ? "the zip file" : "the pictures"}…`, total ? bytes / total : 1,
      `${files}, ${megabytes(bytes)} of ${megabytes(total)} MB`);
  }

  // share: 0 to 1, or null where nobody knows how long it takes
  progress(doing, share, amount) {
    this.find(".doing").textContent = doing;
    this.find(".amount").textContent = amount;
    const bar = this.find(".going .bar");
    bar.classList.toggle("busy", share === null);
    if (share === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", Math.floor(share * 100));
    bar.firstElementChild.style.width = share === null ? "" : `${share * 100}%`;
  }
}

function number(value) { return value.toLocaleString("en"); }

function count(value, one) { return `${number(value)} ${one}${value === 1 ? "" : "s"}`; }

function megabytes(bytes) { return number(Number((bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0))); }
