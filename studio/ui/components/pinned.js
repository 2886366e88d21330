// Pinned pictures and how the model's answers to them changed, epoch by epoch. For live.js.

const PIN_WIDTH = 132, PIN_HEIGHT = 56, PIN_DASHES = ["", "5 3", "1.5 3"];

function drawPins(place, id, { pins = [] }) {
  const told = JSON.stringify([id, pins]);
  place.hidden = !pins.length;
  if (place.told === told) return;
  place.told = told;
  const title = element("h3");
  title.textContent = "What it says of your pictures, epoch by epoch";
  place.replaceChildren(title, element("div", "grid", ...pins.map((pin) => onePin(id, pin))));
}

function onePin(id, { picture, epoch, names, chances }) {
  const image = element("img");
  image.src = `/thaw/run/${encodeURIComponent(id)}/pin/${encodeURIComponent(picture)}`;
  image.alt = `Pinned picture ${picture}`;
  image.title = picture;
  image.width = image.height = 72;
  const list = element("ol");
  names.forEach((name, at) => {
    const words = element("span"), now = chances[at].at(-1);
    words.textContent = `${name}: ${epoch.length > 1 ? `${percent(chances[at][0])} → ` : ""}${percent(now)}`;
    list.append(element("li", "", pinLine([[0, 0.5], [1, 0.5]], at, 22, 8), words));
  });
  const drawing = svg("svg", { viewBox: `-2 -2 ${PIN_WIDTH + 4} ${PIN_HEIGHT + 4}`, role: "img", class: "course", preserveAspectRatio: "xMinYMid meet" });
  drawing.setAttribute("aria-label", names.map((name, at) => `${name} ${percent(chances[at].at(-1))}`).join(", "));
  for (const y of [0, 0.5, 1]) drawing.append(svg("path", { d: `M0 ${y * PIN_HEIGHT}h${PIN_WIDTH}`, class: "rule" }));
  const last = Math.max(epoch.length - 1, 1);
  chances.forEach((course, at) => {
    const points = course.map((chance, n) => [epoch.length > 1 ? n / last : 1, 1 - chance]);
    drawing.append(course.length > 1 ? pinPath(points, at, PIN_WIDTH, PIN_HEIGHT) : pinDot(points[0], at));
  });
  return element("figure", "pin", image, element("div", "", drawing, list));
}

function pinPath(points, at, width, height) {
  const d = points.map(([x, y], n) => `${n ? "L" : "M"}${(x * width).toFixed(1)} ${(y * height).toFixed(1)}`).join("");
  return svg("path", { d, class: `course c${at}`, "stroke-dasharray": PIN_DASHES[at] });
}

function pinDot([x, y], at) {
  return svg("circle", { cx: x * PIN_WIDTH, cy: y * PIN_HEIGHT, r: 3, class: `dot c${at}` });
}

function pinLine(points, at, width, height) {
  const line = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  line.append(pinPath(points, at, width, height));
  return line;
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
