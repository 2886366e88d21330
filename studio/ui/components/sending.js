// How files travel, for picker.js: a few requests at a time, small files packed together, each tried three times.
// What breaks off goes on from where it was: the studio is asked what arrived.

const AT_ONCE = 6, TRIES = 3;
const PACK_BYTES = 4 << 20, PACK_FILES = 100; // of small files in one request
const PAUSE = 400; // milliseconds before the first retry
const PULSE = 10000; // milliseconds between two signs of life: the studio sweeps up what is silent for long

// One upload from begin to finish. Throws {error, remedy} for what trying again cannot mend.
class Sending {
  constructor(kind, name, files, settings) {
    Object.assign(this, { kind, name, settings, failed: [], done: 0, cancelled: false });
    this.files = files.map(({ file, path }, n) => ({ file, path, n, tries: 0, from: 0 }));
    this.total = this.files.reduce((sum, { file }) => sum + file.size, 0);
    this.arrived = 0;
    this.underWay = new Map(); // request -> bytes of pictures it has sent
    this.queue = packed(this.files);
  }

  get bytes() { return Math.min(this.total, this.arrived + [...this.underWay.values()].reduce((sum, sent) => sum + sent, 0)); }

  async begin() {
    const { kind, name, files, total } = this;
    const { upload } = await this.post("begin", { kind, name, files: files.length, bytes: total });
    this.id = upload;
    this.pulse = setInterval(() => this.ask().catch(() => {}), PULSE);
    if (this.cancelled) this.cancel();
  }

  async all() {
    this.onProgress();
    const workers = Array.from({ length: AT_ONCE }, () => this.work());
    await Promise.all(workers);
  }

  async work() {
    while (this.queue.length && !this.cancelled) {
      const pack = this.queue.shift();
      try {
        await this.send(pack);
        this.here(pack);
      } catch (fault) {
        if (fault.error || this.cancelled) { this.queue = []; throw fault; }
        await this.sentBack(pack);
      }
      this.onProgress();
    }
    if (this.cancelled) throw new Error("cancelled");
  }

  // A request failed on its way. After the second time each file travels alone, so that one cannot hold up the others.
  async sentBack(pack) {
    for (const one of pack) one.tries += 1;
    if (pack[0].tries < TRIES) await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** (pack[0].tries - 1)));
    pack = await this.missing(pack);
    if (!pack.length) return;
    if (pack[0].tries >= TRIES) return void this.failed.push(...pack);
    this.queue.push(...(pack[0].tries >= TRIES - 1 ? pack.map((one) => [one]) : [pack]));
  }

  // Of files that were sent and not acknowledged, those that are not there; each knows where to go on.
  async missing(pack) {
    if (this.cancelled) return [];
    let answer;
    try { answer = await this.ask(); } catch { answer = { complete: [], parts: {} }; }
    const complete = new Set(answer.complete);
    const rest = pack.filter(({ n }) => !complete.has(n));
    this.here(pack.filter(({ n }) => complete.has(n)));
    for (const one of rest) {
      const before = one.from;
      one.from = answer.parts[one.n] ?? 0;
      if (one.from > before) one.tries = Math.min(one.tries, 1); // it gets on: that is no failure
    }
    return rest;
  }

  here(pack) {
    this.done += pack.length;
    this.arrived += pack.reduce((sum, { file }) => sum + file.size, 0);
  }

  async ask() {
    const answer = await fetch(`/thaw/upload/${this.id}/arrived`, { headers: { [this.settings.header]: this.settings.token } });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }

  requeue() {
    for (const one of this.failed) one.tries = 0;
    this.queue = packed(this.failed);
    this.failed = [];
  }

  leaveOut() {
    const out = new Set(this.failed);
    this.files = this.files.filter((one) => !out.has(one));
    this.total = this.arrived;
    this.failed = [];
  }

  send(pack) {
    const body = new Blob(pack.flatMap(({ file, path, n, from }) =>
      from ? [head({ n, path, size: file.size, from }), file.slice(from)] : [head({ n, path, size: file.size }), file]));
    const pictures = pack.reduce((sum, { file, from }) => sum + file.size - from, 0);
    const already = pack.reduce((sum, { from }) => sum + from, 0);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const settle = (with_, value) => { this.underWay.delete(request); with_(value); };
      request.open("POST", `/thaw/upload/${this.id}/files`);
      request.setRequestHeader(this.settings.header, this.settings.token);
      request.upload.onprogress = ({ loaded, total }) => {
        this.underWay.set(request, already + (total ? (loaded / total) * pictures : 0));
        this.onProgress();
      };
      request.onload = () => {
        if (request.status === 200) return settle(resolve);
        settle(reject, request.status >= 500 || request.status === 409 ? new Error(`status ${request.status}`) : answered(request.responseText));
      };
      request.onerror = request.onabort = request.ontimeout = () => settle(reject, new Error("the request did not arrive"));
      this.underWay.set(request, already);
      request.send(body);
    });
  }

  finish() {
    clearInterval(this.pulse);
    return this.post(`${this.id}/finish`, { files: this.files.length });
  }

  cancel() {
    this.cancelled = true;
    this.queue = [];
    clearInterval(this.pulse);
    for (const request of [...this.underWay.keys()]) request.abort();
    if (this.id) this.post(`${this.id}/cancel`, {}, { keepalive: true }).catch(() => {}); // else it is swept up within a minute
  }

  async post(what, said, more = {}) {
    let answer;
    try {
      answer = await fetch(`/thaw/upload/${what}`, { method: "POST", body: JSON.stringify(said), ...more,
        headers: { "Content-Type": "application/json", [this.settings.header]: this.settings.token } });
    } catch {
      throw { error: "The studio does not answer.", remedy: "Check that it is still running, then try again." };
    }
    const text = await answer.text();
    if (!answer.ok) throw answered(text);
    return JSON.parse(text);
  }
}

// Small files share a request, large ones travel alone.
function packed(files) {
  const packs = [];
  let pack = [], bytes = 0;
  for (const one of files) {
    if (pack.length && (bytes + one.file.size > PACK_BYTES || pack.length >= PACK_FILES)) {
      packs.push(pack);
      [pack, bytes] = [[], 0];
    }
    pack.push(one);
    bytes += one.file.size;
  }
  return pack.length ? [...packs, pack] : packs;
}

// What comes before a file's bytes: a length in four bytes, then its announcement in JSON.
function head(announced) {
  const words = new TextEncoder().encode(JSON.stringify(announced));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, words.length);
  return new Blob([length, words]);
}

function answered(text) {
  try {
    const { error, remedy } = JSON.parse(text);
    return { error: error || "The studio refused the upload.", remedy: remedy || "" };
  } catch {
    return { error: "The studio refused the upload.", remedy: "Reload the page and try again." };
  }
}
