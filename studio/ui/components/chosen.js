// What was chosen or dropped, for picker.js: which files are pictures, and what is in a dropped folder.

// Pictures to send, what is left out, and the name of the folder that holds it all.
function sorted(files, suffixes) {
  const known = new Set(suffixes), kept = [], skipped = [];
  for (const { file, path } of files) {
    const parts = path.split("/");
    const name = parts.at(-1).toLowerCase();
    if (parts.slice(1).some((part) => part.startsWith(".") || part === "__MACOSX") || parts[0] === "__MACOSX"
      || !known.has(name.slice(name.lastIndexOf(".")))) skipped.push(path);
    else kept.push({ file, path });
  }
  const tops = new Set(kept.map(({ path }) => path.includes("/") ? path.slice(0, path.indexOf("/")) : ""));
  const [top] = tops;
  if (tops.size !== 1 || !top) return { kept, skipped, name: "pictures" };
  return { kept: kept.map(({ file, path }) => ({ file, path: path.slice(top.length + 1) })), skipped, name: top };
}

async function walk(entries, onCount) {
  const found = [], waiting = [...entries];
  while (waiting.length) {
    const entry = waiting.pop();
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      if (found.length % 100 === 0) onCount(found.length);
    } else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        waiting.push(...some);
      }
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function isZip(name) { return name.toLowerCase().endsWith(".zip"); }
