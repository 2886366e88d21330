// The chart library, loaded once a page, and the colours that charts take from the page. For live.js and map.js.

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

// Plotly styles the document, and a component lives behind a shadow root.
function styleInside(root) {
  const inside = root.getRootNode();
  const rules = [...document.querySelectorAll('style[id^="plotly.js-style"]')].flatMap((style) => [...style.sheet.cssRules]);
  if (inside === document || !rules.length) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules.map((rule) => rule.cssText).join("\n"));
  inside.adoptedStyleSheets = [...inside.adoptedStyleSheets, sheet];
}

function lookOf(root) {
  const style = getComputedStyle(root);
  const colour = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
  const palette = colour("chart-categorical-colors", "#0072b2,#c95700").split(",").map((one) => one.trim());
  return {
    text: colour("text-color", "#222"), grid: colour("border-color-light", "#ddd"),
    axis: colour("border-color", "#bbb"), ground: colour("background-color", "#fff"),
    font: colour("font", "sans-serif"), lines: [palette[1], palette[0]], palette,
    alert: colour("red-color", "#c3362b"),
  };
}
