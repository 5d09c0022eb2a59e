// The text: drawn symbol by symbol, with what may come next.

import { byId, element, kilobytes, size } from "./parts.js";

const LENGTH = 600;

export async function startWriter(artefact) {
  const session = await artefact.stream();
  let stopped = true;
  let seed = 0;
  const write = async () => {
    stopped = false;
    byId("write").textContent = "Stop";
    byId("text").classList.add("writing");
    try {
      await writeOn(artefact, session, seed++, () => stopped);
    } catch (error) {
      byId("writer-facts").textContent = error.message;
    }
    stopped = true;
    byId("write").textContent = "Write";
    byId("text").classList.remove("writing");
  };
  byId("write").disabled = false;
  byId("write").addEventListener("click", () => (stopped ? write() : (stopped = true)));
  byId("prompt").addEventListener("keydown", ({ key }) => key === "Enter" && stopped && write());
  byId("temperature").addEventListener("input", ({ target }) => (byId("degrees").textContent = Number(target.value).toFixed(1)));
  byId("writer-facts").textContent = `${kilobytes(size(artefact))} of weights`;
  foresee(await session.feed(byId("prompt").value));
}

async function writeOn(artefact, session, seed, isStopped) {
  const prompt = byId("prompt").value;
  const settings = { length: LENGTH, temperature: Number(byId("temperature").value), seed };
  const body = document.createTextNode("");
  byId("text").replaceChildren(element("b", prompt), body);
  await session.reset();
  let told = await session.feed(prompt);
  const begun = performance.now();
  let count = 0;
  let painted = begun;
  const show = () => {
    foresee(told);
    byId("text").parentElement.scrollTop = 1e9;
    const rate = Math.round((1000 * count) / (performance.now() - begun));
    byId("writer-facts").textContent = `${kilobytes(size(artefact))} of weights, ${rate} characters a second, seed ${seed}`;
  };
  for await (const piece of artefact.generate(prompt, settings)) {
    if (isStopped()) break;
    body.data += piece;
    told = await session.feed(piece);
    count++;
    if (performance.now() - painted < 16) continue;
    show();
    painted = await new Promise(requestAnimationFrame);
  }
  show();
}

// The likeliest symbols, as bars.
function foresee({ next }) {
  const shown = next.map(({ symbol, probability }) => {
    const column = element("span");
    column.append(element("i", "", { height: `${(100 * probability * 0.7).toFixed(1)}%` }), element("em", named(symbol), { "font-style": "normal" }));
    return column;
  });
  byId("next").replaceChildren(...shown);
}

const named = (symbol) => ({ " ": "␣", "\n": "↵" })[symbol] ?? symbol;
