// Answers a list of questions, JSON on standard input, by the JavaScript runner; an error is answered by its text.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { mapped, row } from "../../runners/javascript/arrays.js";
import { bestTags, chainOf, spans } from "../../runners/javascript/chain.js";
import { folder } from "../../runners/javascript/folder.js";
import { batched } from "../../runners/javascript/graphs.js";
import { ArtefactError, load, verify } from "../../runners/javascript/index.js";
import { generator, rowKey, uniform } from "../../runners/javascript/random.js";
import { checkSampling, drawn } from "../../runners/javascript/sampling.js";
import { search } from "../../runners/javascript/search.js";
import { Session } from "../../runners/javascript/sessions.js";
import { arrayOf, imageOf } from "../../runners/javascript/task.js";

const floats = (rows) => ({ shape: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat()) });
const ints = (values) => ({ shape: [values.length], data: Int32Array.from(values) });

async function all(pieces) {
  const found = [];
  for await (const piece of pieces) found.push(piece);
  return found;
}

// ONNX Runtime, as far as tests/runner/artefacts.py uses it: the greatest of each column of a row's words; and a step,
// tanh(words[ids] + state between).
function runtime({ words, between }) {
  class Tensor {
    constructor(type, data, dims) {
      Object.assign(this, { type, data, dims });
    }
  }
  const width = words[0].length;
  const bag = ({ ids: { data, dims } }) => {
    const greatest = (start) =>
      words[0].map((_, column) => Math.max(...Array.from(data.slice(start, start + dims[1]), (id) => words[id][column])));
    const rows = Array.from({ length: dims[0] }, (_, place) => greatest(place * dims[1]));
    return { outputs: new Tensor("float32", floats(rows).data, [dims[0], width]) };
  };
  const step = ({ ids, one_state_0: { data, dims } }) => {
    const product = (place, column) => between.reduce((sum, into, from) => sum + data[place * width + from] * into[column], 0);
    const rows = Array.from(ids.data, (id, place) => words[id].map((word, column) => Math.tanh(word + product(place, column))));
    const after = new Tensor("float32", floats(rows).data, dims);
    return { outputs: after, one_state_0_after: after };
  };
  const outputMetadata = [{ name: "outputs", isTensor: true, type: "float32", shape: ["batch", width] }];
  const create = async (bytes) => {
    const isStep = Buffer.from(bytes).includes("one_state_0");
    return isStep
      ? { inputNames: ["ids", "one_state_0"], outputNames: ["outputs", "one_state_0_after"], run: async (feeds) => step(feeds) }
      : { inputNames: ["ids"], outputNames: ["outputs"], outputMetadata, run: async (feeds) => bag(feeds) };
  };
  return { Tensor, InferenceSession: { create } };
}

const ANSWERS = {
  tags: ({ scores, labels }) => bestTags(floats(scores), chainOf(labels)),
  spans: ({ tags, scheme }) => spans(tags, scheme),
  numbers: ({ seed, count }) => Array.from({ length: count }, generator(BigInt(seed))),
  uniform: ({ key, count }) => Array.from({ length: count }, (_, t) => uniform(BigInt(key), t)),
  keys: ({ ids, image, seed }) =>
    ids.map((own, place) => String(rowKey([ints(own), { data: Float32Array.from(image[place].flat(9)) }], seed))),
  drawn: ({ table, last, settings }) => all(drawn(async (id) => table[id], last, settings)),
  range: ({ settings }) => checkSampling(settings) ?? null,
  search: async ({ logits, attention, longest, words, settings, excluded, keys }) => {
    const step = async (ids, { t, before }, memory) => ({
      logits: floats(Array.from(ids, (id, place) => logits[memory.row.data[place]][t.data[place]][before.data[place]][id])),
      weights: floats(Array.from(ids, (id, place) => attention[memory.row.data[place]][id])),
      state: { t: ints(Array.from(t.data, (number) => number + 1)), before: ints(ids) },
    });
    const zeros = ints(longest.map(() => 0));
    const memory = { row: ints(longest.map((_, place) => place)) };
    const how = { settings, begin: 0, end: 1, longest, words, excluded, keys: keys.map(BigInt) };
    const found = await search(step, { t: zeros, before: zeros }, memory, how);
    return found.map((own) => own.map((one) => [one.score, one.ids, one.looked, one.logProbability, one.ended]));
  },
  batched: ({ rows }) => {
    const graph = { inputs: { ids: { steps: true, shape: ["batch", "steps"] }, image: { steps: false, shape: ["batch", 2, 2] } } };
    const found = batched(graph, rows.map(({ ids, image }) => ({ ids: ints(ids), image: floats(image) })));
    return mapped(found, ({ shape, data }) => ({ shape, data: Array.from(data) }));
  },
  array: ({ value }) => Array.from(arrayOf(value, "It").data),
  image: ({ value }) => Array.from(imageOf(value, { image: { size: [1, 2], channels: 3 } }, "It").data),
  state: ({ value }) => {
    const session = new Session({}, {});
    session._state = { it: floats([[1, 2]]) };
    session.state = { it: value };
    return Array.from(session.state.it.data);
  },
  artefact: async ({ path, by, model, predict, feed, prompts }) => {
    const ort = runtime(model);
    const get = async (address) => new Response(readFileSync(join(path, new URL(address).pathname)));
    const [place, options] = by === "fetch" ? ["http://somewhere/", { ort, get }] : [folder(path), { ort }];
    const artefact = await load(place, options);
    const answers = predict ? await artefact.predict(predict) : null;
    if (!feed) return { answers, verified: await verify(place, options) };
    const session = await artefact.stream();
    const fed = await Promise.all(feed.map((value) => session.feed(value))); // each waits for the one before
    const { state } = session;
    await session.reset();
    const again = await session.feed(feed[0]);
    session.state = state;
    const on = await session.feed(feed[0]);
    const written = [];
    for (const [prompt, settings] of prompts) written.push((await all(artefact.generate(prompt, settings))).join(""));
    return { answers, fed, again, on, written, state: Array.from(row(state.one_state_0, 0)) };
  },
};

const found = [];
for (const question of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    found.push(await ANSWERS[question.what](question));
  } catch (error) {
    if (!(error instanceof ArtefactError)) throw error;
    found.push(error.message);
  }
}
process.stdout.write(JSON.stringify(found));
