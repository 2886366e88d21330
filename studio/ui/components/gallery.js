// A grid of small pictures. File and class names are hostile text: textContent and attributes only, never markup.

const SIDE = 160;

export default function gallery({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify([data.dataset, data.fingerprint, data.captions, data.items]);
  root.pick = (n) => setTriggerValue("picked", n);
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  root.replaceChildren(data.items.length ? grid(data, root) : text("p", "quiet", "No pictures to show here."));
}

function grid(data, root) {
  const list = document.createElement("ul");
  list.setAttribute("aria-label", "Pictures; the arrow keys go from one to the next");
  if (!data.captions) list.classList.add("bare");
  for (const [n, caption] of data.items) list.append(cell(data, n, caption));
  list.onclick = (event) => {
    const button = event.target.closest("button");
    if (button) root.pick(Number(button.dataset.n));
  };
  list.onkeydown = (event) => move(list, event);
  list.querySelector("button").tabIndex = 0;
  return list;
}

function cell(data, n, caption) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.n = n;
  button.title = caption;
  button.tabIndex = -1; // one of them is in the tab order, or a keyboard would be lost among a thousand
  const picture = document.createElement("img");
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.width = picture.height = SIDE;
  picture.alt = caption || `Picture ${n + 1}`;
  picture.onload = () => picture.classList.add("here");
  picture.onerror = () => button.classList.add("broken");
  const address = `/thaw/picture/${encodeURIComponent(data.dataset)}/${n}`;
  picture.src = `${address}?side=${SIDE}&v=${encodeURIComponent(data.fingerprint.slice(0, 12))}`;
  button.append(picture);
  if (data.captions) {
    const line = text("span", "caption", caption);
    line.setAttribute("aria-hidden", "true"); // the picture's alternative text says it already
    button.append(line);
  }
  const item = document.createElement("li");
  item.append(button);
  return item;
}

// Arrow keys walk through the grid, Home and End go to its ends.
function move(list, event) {
  const cells = [...list.children];
  const at = cells.indexOf(event.target.closest("li"));
  const below = cells.findIndex((cell) => cell.offsetTop > cells[0].offsetTop);
  const row = below < 0 ? cells.length : below;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row };
  const next = cells[{ Home: 0, End: cells.length - 1 }[event.key] ?? at + (steps[event.key] ?? NaN)];
  if (!next) return;
  event.preventDefault();
  event.target.closest("button").tabIndex = -1;
  next.firstChild.tabIndex = 0;
  next.firstChild.focus();
}

function text(tag, name, words) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = words;
  return element;
}
