// What can be taken away from the charts: a picture of one of them, and the numbers as a table. For charts.js.

// One cell. What a spreadsheet would take for a formula gets an apostrophe, unless it is a number.
function cell(value) {
  if (value == null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The history of runs, a row an epoch: [{name, run}, ...].
function table(those) {
  const columns = ["train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "images_per_second"];
  const classes = [...new Set(those.flatMap(({ run }) => run.classes?.names ?? []))];
  const rows = [["run", "epoch", "step", "seconds", ...columns, ...classes.map((name) => `accuracy of ${name}`)]];
  for (const { name, run } of those) {
    (run.history?.epoch ?? []).forEach((epoch, n) => {
      const at = run.classes?.epoch.indexOf(epoch) ?? -1;
      const shares = classes.map((one) => at < 0 ? null : run.classes.accuracy[run.classes.names.indexOf(one)]?.[at]);
      const values = columns.map((column) => run.history[column]?.[n]);
      rows.push([name, epoch, run.history.step?.[n], run.history.time?.[n], ...values, ...shares]);
    });
  }
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function download(name, text, kind) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A chart on the page's own ground, with its name and a legend, as large as a page of a report wants it.
function saveChart(Plotly, chart, look, format, name) {
  const { data, layout } = chart.plot;
  const figure = {
    data: data.map((one) => ({ ...one })),
    layout: {
      ...layout, autosize: false, width: 1000, height: 560, margin: { l: 70, r: 30, t: 90, b: 60 }, showlegend: true,
      title: { text: chart.name, x: 0.02 }, paper_bgcolor: look.ground, plot_bgcolor: look.ground,
      legend: { orientation: "h", x: 1, xanchor: "right", y: 1.2 }, uirevision: undefined,
    },
  };
  return Plotly.downloadImage(figure, { format, filename: name, width: 1000, height: 560, scale: format === "png" ? 2 : 1 });
}
