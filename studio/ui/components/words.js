// Words and elements that the parts of the live view share.

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// Never rounds up to 100 %.
function percent(share) {
  if (share == null) return "–";
  if (share === 1) return "100 %";
  return `${Math.min(share * 100, 99.9).toFixed(1)} %`;
}

function element(tag, name = "", ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children);
  return made;
}

function paragraph(words) {
  const made = element("p");
  made.textContent = words;
  return made;
}

function setText(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function fill(list, sentences) {
  if (list.told === sentences.join("\n")) return;
  list.told = sentences.join("\n");
  list.replaceChildren(...sentences.map((words) => {
    const item = element("li");
    item.textContent = words;
    return item;
  }));
}

// Where Plotly reads markup: names are hostile text.
function unmarked(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// What learns while the first `depth` stages stay frozen.
function learners(depth, stages) {
  const learning = stages.slice(depth);
  if (!learning.length) return "only the head learns, all stages stay frozen";
  if (!depth) return `everything learns: the head and all ${stages.length} stages`;
  const which = learning.length === 1 ? "the last" : `the last ${learning.length}`;
  return `the head and ${which} of ${stages.length} stages learn (${learning.join(", ")})`;
}
