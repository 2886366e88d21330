// What the two charts look like, for live.js: a Progress in, traces and a layout for Plotly out.

const LINES = ["Training", "Validation"];
const CHARTS = [
  { name: "Loss", train: "train_loss", val: "val_loss", format: "", hover: ".4f" },
  { name: "Accuracy", train: "train_accuracy", val: "val_accuracy", format: ".0%", hover: ".1%" },
];

function trace(run, chart, at, look, hidden) {
  const isVal = at === 1;
  const { x, y } = isVal ? { x: run.history?.epoch ?? [], y: run.history?.[chart.val] ?? [] } : learnt(run, chart.train);
  return {
    type: "scatter", name: LINES[at], uid: LINES[at], x, y,
    visible: !hidden.has(LINES[at]), connectgaps: false,
    mode: isVal || y.length < 2 ? "lines+markers" : "lines", marker: { size: 6 },
    line: { color: look.lines[at], width: 2.5, dash: isVal ? "solid" : "dash" },
    hovertemplate: `${LINES[at]}: %{y:${chart.hover}}<extra></extra>`,
  };
}

// Training within its epochs; an epoch too short to have told anything meanwhile has only its own mean.
function learnt(run, name) {
  const { curve, history } = run;
  const points = (curve?.epoch ?? []).map((epoch, n) => [epoch, curve[name]?.[n]]);
  const told = new Set(points.map(([epoch]) => Math.ceil(epoch)));
  (history?.epoch ?? []).forEach((epoch, n) => told.has(epoch) || points.push([epoch, history[name]?.[n]]));
  points.sort(([one], [other]) => one - other);
  return { x: points.map(([epoch]) => epoch), y: points.map(([, value]) => value ?? null) };
}

function layout(run, chart, thaws, look, revision) {
  const last = Math.max(run.history?.epoch?.at(-1) ?? 0, run.curve?.epoch?.at(-1) ?? 0);
  const end = run.is_live ? Math.min(run.epochs || 4, Math.max(Math.ceil(last * 1.25), 4)) : Math.max(last, 1);
  const axis = {
    gridcolor: look.grid, linecolor: look.axis, zeroline: false, automargin: true, fixedrange: false,
    tickfont: { color: look.text, size: 12 },
  };
  return {
    uirevision: `view ${revision}`, // the same until the person asks to see all again: zoom survives every redraw
    autosize: true, margin: { l: 44, r: 12, t: 18, b: 36 }, showlegend: false, hovermode: "x unified", dragmode: "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: look.font, color: look.text, size: 12 },
    hoverlabel: { bgcolor: look.ground, bordercolor: look.axis, font: { color: look.text } },
    xaxis: { ...axis, title: { text: "Epoch", standoff: 6 }, autorangeoptions: { include: [0, end] }, rangemode: "tozero", dtick: Math.max(1, Math.ceil(end / 8)), hoverformat: ".2~f", unifiedhovertitle: { text: "Epoch %{x}" } },
    yaxis: { ...axis, tickformat: chart.format, ...(chart.format ? { autorangeoptions: { clipmin: -0.03, clipmax: 1.03 } } : { rangemode: "tozero" }) },
    shapes: thaws.map((thaw) => ({
      type: "line", x0: thaw.epoch - 1, x1: thaw.epoch - 1, yref: "paper", y0: 0, y1: 1,
      line: { color: look.text, width: 1, dash: "dot" },
    })),
    annotations: thaws.map((thaw) => ({
      x: thaw.epoch - 1, yref: "paper", y: 1, yanchor: "bottom", showarrow: false, text: "thaw", font: { size: 11, color: look.text },
    })),
  };
}

// The page's own colours and letters.
function lookOf(root) {
  const style = getComputedStyle(root);
  const colour = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
  const palette = colour("chart-categorical-colors", "#0072b2,#c95700").split(",");
  return {
    text: colour("text-color", "#222"), grid: colour("border-color-light", "#ddd"),
    axis: colour("border-color", "#bbb"), ground: colour("background-color", "#fff"),
    font: colour("font", "sans-serif"), lines: [palette[1], palette[0]],
  };
}

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

let plotlyLoading;
function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  plotlyLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { plotlyLoading = null; reject(new Error("the chart library did not load")); };
    document.head.append(script);
  });
  return plotlyLoading;
}
