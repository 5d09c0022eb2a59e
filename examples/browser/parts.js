// What the parts of the page share.

export const byId = (id) => document.getElementById(id);

export function element(name, text = "", style = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [property, value] of Object.entries(style)) made.style.setProperty(property, value);
  return made;
}

export const kilobytes = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

// Of a model's graphs.
export function size({ manifest }) {
  return Object.values(manifest.graphs).reduce((all, { path }) => all + manifest.files[path].bytes, 0);
}

// Runs work for the newest of what was asked only, one at a time.
export function newestOnly(work) {
  let running = false;
  let waiting = false;
  return async function ask() {
    waiting = true;
    if (running) return;
    running = true;
    try {
      while (waiting) {
        waiting = false;
        await work();
      }
    } finally {
      running = false;
    }
  };
}
