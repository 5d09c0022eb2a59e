// Opens the three models, the first one first, and hands each to the part of the page that it answers for.

import * as ort from "./vendor/ort.mjs";
import { load } from "./vendor/seqkit-runner/index.js";
import { byId, kilobytes } from "./parts.js";
import { startSentiment } from "./sentiment.js";
import { startTagger } from "./tagger.js";
import { startWriter } from "./writer.js";

const PARTS = { sentiment: startSentiment, tagger: startTagger, writer: startWriter };

// The runtime lies packed, so that any server of files sends a quarter.
async function unpacked(address) {
  const { body } = await fetch(address);
  return new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// Bytes that came over the wire so far.
function received() {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return entries.reduce((all, { encodedBodySize }) => all + encodedBodySize, 0);
}

async function start() {
  ort.env.wasm.numThreads = 1; // models of this kind answer fastest on one
  ort.env.wasm.wasmBinary = await unpacked("vendor/ort.wasm.gz");
  let first = null;
  for (const [name, startPart] of Object.entries(PARTS)) {
    const section = byId(name);
    const artefact = await load(new URL(`models/${name}`, location.href), { ort });
    await startPart(artefact);
    section.removeAttribute("aria-busy");
    first ??= performance.now();
  }
  byId("status").textContent = `First answer after ${(first / 1000).toFixed(2)} s, all three after ${(performance.now() / 1000).toFixed(2)} s; ${kilobytes(received())} received.`;
  document.documentElement.dataset.ready = JSON.stringify({ first, all: performance.now(), bytes: received() });
}

start().catch((error) => {
  byId("status").classList.add("failed");
  byId("status").textContent = error.message;
  document.documentElement.dataset.failed = error.message;
});
