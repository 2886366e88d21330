// A grid of small pictures. File and class names are hostile text: textContent and attributes only, never markup.
// A click opens a picture. With `select` each has a box to tick: a click with Shift ticks all in between.

const SIDE = 160;

export default function gallery({ data, parentElement, setTriggerValue, setStateValue }) {
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify([data.dataset, data.fingerprint, data.captions, data.select, data.items]);
  root.pick = (n) => setTriggerValue("picked", n);
  // With the fingerprint, so that numbers of another state of the pictures are never taken for these.
  root.tell = (ticked) => setStateValue("ticked", { fingerprint: data.fingerprint, pictures: ticked });
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  root.replaceChildren(data.items.length ? grid(data, root) : text("p", "quiet", "No pictures to show here."));
}

function grid(data, root) {
  const cells = data.items.map(([n, caption]) => cell(data, n, caption));
  const grouped = data.items.some(([, , group]) => group);
  const list = grouped ? groups(data, cells) : listOf(cells);
  if (!data.captions) list.classList.add("bare");
  const whole = document.createElement("div"), ticks = data.select ? ticking(root, cells) : null;
  whole.append(...(ticks ? [ticks.line] : []), list);
  list.onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (ticks && (event.shiftKey || event.ctrlKey || event.metaKey)) ticks.turn(button.closest("li"), event.shiftKey);
    else root.pick(Number(button.dataset.n));
  };
  list.onkeydown = (event) => move(cells, event);
  for (const one of controls(cells[0])) one.tabIndex = 0;
  return whole;
}

function listOf(cells) {
  const list = document.createElement("ul");
  list.setAttribute("aria-label", "Pictures; the arrow keys go from one to the next");
  list.append(...cells);
  return list;
}

// Pictures that belong together share a frame.
function groups(data, cells) {
  const whole = document.createElement("div");
  whole.className = "groups";
  const frames = new Map();
  data.items.forEach(([, , group], at) => {
    if (!frames.has(group)) {
      const frame = document.createElement("section");
      frame.append(text("p", "number", `Group ${group}`), listOf([]));
      frames.set(group, frame);
    }
    frames.get(group).lastChild.append(cells[at]);
  });
  whole.append(...frames.values());
  return whole;
}

function cell(data, n, caption) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "picture";
  button.dataset.n = n;
  button.title = caption;
  button.tabIndex = -1; // one of them is in the tab order, or a keyboard would be lost among a thousand
  const picture = document.createElement("img");
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.width = picture.height = SIDE;
  picture.alt = caption.replaceAll("\n", ", ") || `Picture ${n + 1}`;
  picture.onload = () => picture.classList.add("here");
  picture.onerror = () => button.classList.add("broken");
  const address = `/thaw/picture/${encodeURIComponent(data.dataset)}/${n}`;
  picture.src = `${address}?side=${SIDE}&v=${encodeURIComponent(data.fingerprint.slice(0, 12))}`;
  button.append(picture);
  if (data.captions) {
    for (const words of caption.split("\n")) {
      const line = text("span", "caption", words);
      line.setAttribute("aria-hidden", "true"); // the picture's alternative text says it already
      button.append(line);
    }
  }
  const item = document.createElement("li");
  item.append(button);
  if (data.select) item.append(box(n, picture.alt));
  return item;
}

function box(n, name) {
  const one = document.createElement("input");
  one.type = "checkbox";
  one.tabIndex = -1;
  one.dataset.n = n;
  one.setAttribute("aria-label", `Tick ${name}`);
  return one;
}

// The line above the pictures that says how many are ticked, and ticks all or none of them; `turn` ticks one, or a range.
function ticking(root, cells) {
  const line = document.createElement("p"), said = text("span", "said", "");
  line.className = "ticking";
  said.setAttribute("aria-live", "polite");
  const all = document.createElement("button");
  all.type = "button";
  all.className = "all";
  let last = null;
  const boxes = cells.map((one) => one.querySelector("input"));
  const tell = () => {
    const ticked = boxes.filter((one) => one.checked).map((one) => Number(one.dataset.n));
    for (const one of boxes) one.parentElement.classList.toggle("ticked", one.checked);
    said.textContent = ticked.length ? `${ticked.length} ticked` : "None ticked";
    all.textContent = ticked.length ? "Untick all" : "Tick all shown";
    return ticked;
  };
  const tick = (item, range, on) => {
    const at = cells.indexOf(item), from = range && last !== null ? last : at;
    for (let n = Math.min(at, from); n <= Math.max(at, from); n += 1) boxes[n].checked = on;
    last = at;
    root.tell(tell());
  };
  all.onclick = () => {
    const on = !boxes.some((one) => one.checked);
    for (const one of boxes) one.checked = on;
    root.tell(tell());
  };
  boxes.forEach((one, at) => {
    one.onclick = (event) => tick(cells[at], event.shiftKey, one.checked);
  });
  line.append(said, all);
  tell();
  return { line, turn: (item, range) => tick(item, range, range || !item.querySelector("input").checked) };
}

function controls(item) { return [...item.querySelectorAll("button, input")]; }

// Arrow keys walk through the pictures, Home and End go to the ends; from box to box, and from picture to picture.
function move(cells, event) {
  const here = event.target.closest("li"), at = cells.indexOf(here);
  const next = {
    Home: () => cells[0], End: () => cells.at(-1), ArrowRight: () => cells[at + 1], ArrowLeft: () => cells[at - 1],
    ArrowDown: () => beside(cells, at, 1), ArrowUp: () => beside(cells, at, -1),
  }[event.key]?.();
  if (!next) return;
  event.preventDefault();
  for (const one of controls(here)) one.tabIndex = -1;
  for (const one of controls(next)) one.tabIndex = 0;
  next.querySelector(event.target.matches("input") ? "input" : "button").focus();
}

// The nearest cell in the next row above or below.
function beside(cells, at, way) {
  const { left, top } = cells[at].getBoundingClientRect();
  let row = null, found;
  for (let n = at + way; cells[n]; n += way) {
    const box = cells[n].getBoundingClientRect();
    if (Math.abs(box.top - top) < 1) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) > 1) break;
    const distance = Math.abs(box.left - left);
    if (!found || distance < found.distance) found = { distance, cell: cells[n] };
  }
  return found?.cell;
}

function text(tag, name, words) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = words;
  return element;
}
