// What the charts look like, for charts.js: a Progress in, traces and a layout for Plotly out.

const LINES = ["Training", "Validation"];
const CHARTS = [
  { key: "loss", name: "Loss", train: "train_loss", val: "val_loss", format: "", hover: ".4f" },
  { key: "accuracy", name: "Accuracy", train: "train_accuracy", val: "val_accuracy", format: ".0%", hover: ".1%" },
  { key: "rate", name: "Learning rate", only: "lr", format: "", hover: ".3~g", further: true, exact: true },
  { key: "pace", name: "Pictures per second", only: "images_per_second", format: "", hover: ",.0f", further: true },
  { key: "classes", name: "Accuracy by class", byClass: true, format: ".0%", hover: ".1%", further: true },
];
const AXES = { epoch: "Epoch", step: "Step", time: "Time" };
const DASHES = ["solid", "dash", "dot", "dashdot"];
const LABEL_ROWS = 2, LETTER = 6.2; // rows of marks' labels above a chart; pixels a letter takes

function traces(run, chart, look, view) {
  const scale = scaleOf(run, view);
  if (chart.byClass) return classTraces(run, chart, look, view, scale);
  const drawn = linesOf(run, chart, look, view, scale);
  const smooth = view.smoothing > 0 && !chart.exact;
  const raw = smooth ? drawn.map((line) => ({ ...line, uid: `raw ${line.uid}`, mode: "lines", opacity: 0.28, hoverinfo: "skip",
    hovertemplate: undefined, line: { ...line.line, width: 1, dash: "solid" } })) : [];
  if (smooth) for (const line of drawn) line.y = smoothed(line.y, view.smoothing);
  return [...drawn, ...raw, ...(view.other ? beside(chart, look, view, scale) : [])];
}

function linesOf(run, chart, look, view, scale) {
  if (chart.only) return [{ ...line(chart.name, moments(run, chart.only, view, scale), chart, look.lines[1]), line: { color: look.lines[1], width: 2 } }];
  return LINES.map((name, at) => {
    const points = at ? epochs(run, chart.val, view, scale) : moments(run, chart.train, view, scale);
    const mode = at || points.y.length < 2 ? "lines+markers" : "lines";
    return { ...line(name, points, chart, look.lines[at]), visible: !view.hidden.has(name), mode,
      line: { color: look.lines[at], width: 2.5, dash: at ? "solid" : "dash" } };
  });
}

function line(name, { x, y }, chart, colour) {
  return {
    type: "scatter", name, uid: name, x, y, connectgaps: false, mode: y.length < 2 ? "markers" : "lines",
    marker: { size: 6, color: colour }, hovertemplate: `${name}: %{y:${chart.hover}}<extra></extra>`,
  };
}

// Another run, drawn thin.
function beside(chart, look, view, scale) {
  const { name, run } = view.other;
  return linesOf(run, chart, look, view, scale).map((line) => ({
    ...line, uid: `other ${line.uid}`, name: `${line.name}, ${unmarked(name)}`, mode: line.y.length < 2 ? "markers" : "lines",
    y: chart.exact ? line.y : smoothed(line.y, view.smoothing), line: { ...line.line, width: 1 }, marker: { size: 4 }, opacity: 0.75,
    hovertemplate: `%{fullData.name}: %{y:${chart.hover}}<extra></extra>`,
  }));
}

function classTraces({ classes, steps_per_epoch }, chart, look, view, scale) {
  const x = classes[view.axis].map((value) => value / scale);
  return classes.names.map((name, at) => ({
    type: "scatter", name: unmarked(name.length > 28 ? `${name.slice(0, 27)}…` : name), uid: `class ${name}`, x,
    y: smoothed(classes.accuracy[at], view.smoothing), mode: x.length < 2 ? "markers" : "lines",
    line: { color: look.palette[at % look.palette.length], width: 2, dash: DASHES[Math.floor(at / look.palette.length) % DASHES.length] },
    hovertemplate: `%{fullData.name}: %{y:${chart.hover}}<extra></extra>`,
  }));
}

// Training within its epochs; an epoch too short to have told anything meanwhile has only its own mean.
function moments(run, name, view, scale) {
  const { curve, history } = run, of = (told) => placesOf(run, told, view, scale);
  const points = of(curve).map((x, n) => [x, curve[name]?.[n]]);
  const told = new Set((curve?.epoch ?? []).map((epoch) => Math.ceil(epoch)));
  of(history).forEach((x, n) => told.has(history.epoch[n]) || points.push([x, history[name]?.[n]]));
  points.sort(([one], [other]) => one - other);
  return { x: points.map(([x]) => x), y: points.map(([, value]) => value ?? null) };
}

function epochs(run, name, view, scale) {
  return { x: placesOf(run, run.history, view, scale), y: run.history?.[name] ?? [] };
}

// Where the moments or epochs of a run lie along the bottom.
function placesOf(run, told, { axis }, scale) {
  const places = told?.[axis] ?? (axis === "step" ? told?.epoch?.map((epoch) => Math.round(epoch * run.steps_per_epoch)) : []) ?? [];
  return places.map((place) => place / scale);
}

// Exponential, and fair to the first points.
function smoothed(values, factor) {
  if (!factor) return values;
  let sum = 0, weight = 0;
  return values.map((value) => {
    if (value == null) return null;
    sum = sum * factor + value * (1 - factor);
    weight = weight * factor + 1 - factor;
    return sum / weight;
  });
}

// Seconds that one unit of the axis has; 1 for epochs and steps.
function scaleOf(run, { axis }) {
  return axis !== "time" || run.seconds < 180 ? 1 : run.seconds < 3 * 3600 ? 60 : 3600;
}

function axisName({ axis }, scale) {
  return axis === "time" ? `Time in ${{ 1: "seconds", 60: "minutes", 3600: "hours" }[scale]}` : AXES[axis];
}

function endOf(run, view, scale) {
  const last = Math.max(run.history?.epoch?.at(-1) ?? 0, run.curve?.epoch?.at(-1) ?? 0);
  const epochs = run.is_live ? Math.min(run.epochs || 4, Math.max(Math.ceil(last * 1.25), 4)) : Math.max(last, 1);
  if (view.axis === "epoch") return epochs;
  if (view.axis === "step") return epochs * (run.steps_per_epoch || 1);
  return Math.max(run.seconds * (run.is_live ? 1.1 : 1), 1) / scale;
}

function layout(run, chart, look, view) {
  const scale = scaleOf(run, view), end = endOf(run, view, scale), log = view.log && chart.key === "loss";
  const marks = (run.marks ?? []).map((mark) => ({ ...mark, x: (view.axis === "step" ? mark.step : mark[view.axis]) / scale }));
  const labels = labelled(marks, end, view.width);
  const axis = {
    gridcolor: look.grid, linecolor: look.axis, zeroline: false, automargin: true, fixedrange: false,
    tickfont: { color: look.text, size: 12 },
  };
  const name = axisName(view, scale);
  const low = chart.exact || chart.only ? { rangemode: "tozero" } : chart.format ? { autorangeoptions: { clipmin: -0.03, clipmax: 1.03 } } : log ? {} : { rangemode: "tozero" };
  return {
    uirevision: `view ${view.revision}`, // the same until the person asks to see all again: zoom survives every redraw
    autosize: true, margin: { l: 44, r: 12, t: labels.some(({ row }) => row) ? 32 : 18, b: 36 },
    showlegend: Boolean(chart.byClass), legend: { orientation: "h", y: -0.2, font: { color: look.text } }, hovermode: "x unified", dragmode: "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: look.font, color: look.text, size: 12 },
    hoverlabel: { bgcolor: look.ground, bordercolor: look.axis, font: { color: look.text } },
    xaxis: {
      ...axis, uirevision: `${view.revision} ${view.axis}`, title: { text: name, standoff: 6 }, autorangeoptions: { include: [0, end] }, rangemode: "tozero",
      ...(view.axis === "epoch" ? { dtick: Math.max(1, Math.ceil(end / 8)), hoverformat: ".2~f" } : { nticks: 8, hoverformat: ",.1~f" }),
      unifiedhovertitle: { text: `${AXES[view.axis]} %{x}` },
    },
    yaxis: { ...axis, uirevision: `${view.revision} ${log}`, type: log ? "log" : "linear", tickformat: chart.format, ...(chart.exact ? { exponentformat: "e" } : {}), ...low },
    shapes: marks.map(({ x }) => ({
      type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: look.text, width: 1, dash: "dot" },
    })),
    annotations: labels.map(({ x, label, row, anchor }) => ({
      x, yref: "paper", y: 1, yanchor: "bottom", yshift: row * 14, xanchor: anchor, showarrow: false, text: unmarked(label),
      font: { size: 11, color: look.text },
    })),
  };
}

// The labels that there is room for, in two rows; those without one stand in the list below the charts.
function labelled(marks, end, width) {
  const pixels = Math.max((width || 480) - 60, 100) / (end || 1), free = Array(LABEL_ROWS).fill(-Infinity), found = [];
  for (const mark of marks) {
    const wide = mark.label.length * LETTER + 8, middle = mark.x * pixels;
    const anchor = middle < wide / 2 ? "left" : middle + wide / 2 > end * pixels ? "right" : "center";
    const left = middle - { left: 0, center: wide / 2, right: wide }[anchor];
    const row = free.findIndex((taken) => taken <= left);
    if (row < 0) continue;
    free[row] = left + wide;
    found.push({ ...mark, row, anchor });
  }
  return found;
}

// The page's own colours and letters.
function sample(at) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("width", "28");
  drawing.setAttribute("height", "8");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", "M0 4h28");
  line.style.cssText = `stroke: var(${at ? "--val" : "--train"}, currentColor); stroke-width: 2.5;${at ? "" : " stroke-dasharray: 7 4;"}`;
  drawing.append(line);
  return drawing;
}
