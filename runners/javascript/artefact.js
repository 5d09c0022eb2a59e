// An artefact: the folder that `seqkit export --format onnx` wrote. Nothing in it is executed but its graphs, and no file is read
// that the manifest doesn't name.

import { decoded, mapped, row } from "./arrays.js";
import { ArtefactError } from "./errors.js";
import { Files, checkName, fetched } from "./files.js";
import { batched, openGraph } from "./graphs.js";
import { LABELS, MANIFEST, TAGS, VECTORS, checkTask } from "./schema.js";
import { Session } from "./sessions.js";
import { taskOf } from "./tasks.js";
import { Tokenizer } from "./tokenizer.js";

const LAYOUT = 1; // of a folder
const TRIED = 3; // test vectors that are answered before anything else is
const TOLERANCE = { none: 1e-5, float16: 1e-2 }; // of a number, or of its size where that is above 1
const QUANTISED = 1e-3; // the same, where integers are rounded as the machine has it
const ROUNDED = { confidence: 1e-4 }; // what is shown of a number; 1e-6 of others
const AGAIN = "take the artefact from its source again.";

// A model that answers, with all that it takes: its `manifest`, its `graphs` by name, for whoever feeds them by hand, and its
// `task`, null where it has graphs alone.
export class Artefact {
  constructor(files, manifest, graphs, task) {
    Object.assign(this, { _files: files, manifest, graphs, task });
  }

  // How far a number may be from the run's.
  get tolerance() {
    return this.manifest.parity?.tolerance ?? TOLERANCE[this.manifest.quantize] ?? QUANTISED;
  }

  // Answer a list of inputs, an object each, in order, as `seqkit predict` does: of a text each; of a tagger also of lists of
  // tokens; of frames (steps, ...) and of images (height, width, 3) from 0 to 255 as {shape, data}, as lists in lists, or an
  // image as a canvas's ImageData; of an image with a question as {image, question}.
  async predict(inputs) {
    if (!Array.isArray(inputs)) throw new ArtefactError(`predict got one ${typeof inputs}: give a list of inputs.`);
    return this._task().answers(inputs);
  }

  // Text that a language model draws, piece by piece, as `Run.generate` of seqkit draws it. The prompt is what it goes on from,
  // and not repeated. settings: length (200), temperature (0.8), top_k (0), top_p (1), stop (null) and seed (0).
  generate(prompt, settings) {
    const task = this._task();
    if (task.generate) return task.generate(prompt, settings);
    throw new ArtefactError(`${this.manifest.name} is of the kind ${task.kind}, which generates nothing.`);
  }

  // A session: what was fed before has its say in what is answered.
  stream() {
    return Session.begun(this._task(), this.graphs.step);
  }

  // The test vectors, with arrays for what was written of them.
  async vectors() {
    const where = `${this._files.where}: test_vectors.json`;
    const vectors = await this._files.json("test_vectors.json");
    VECTORS(vectors, where);
    return vectors.map((vector, place) => withArrays(vector, `${where}, item ${place}`));
  }

  // Answer the first test vectors, or all; gives how many were compared with the run's answers or outputs.
  async tryVectors(count = Infinity) {
    const { answers, outputs } = await this._tried(count);
    return answers + outputs;
  }

  // How many vectors' `answers` were compared, of how many others the `outputs` that their graphs give, and how many are left,
  // `uncompared`.
  async _tried(count = Infinity) {
    const vectors = (await this.vectors()).slice(0, count).map((vector, place) => ({ ...vector, place }));
    const isAnswered = ({ answer }) => this.task && answer !== null;
    const answered = vectors.filter(isAnswered);
    const answers = answered.length ? await this.predict(answered.map(({ inputs }) => inputs)) : [];
    answered.forEach(({ answer, place }, number) => {
      if (alike(answer, answers[number], this.tolerance)) return;
      const told = (value) => JSON.stringify(value).slice(0, 200);
      throw new ArtefactError(
        `${this._files.where} answers test vector ${place} by ${told(answers[number])}, its run by ${told(answer)}: ${AGAIN}`,
      );
    });
    let outputs = 0;
    const others = vectors.filter((vector) => !isAnswered(vector));
    for (const vector of others) outputs += await this._tryGraphs(vector);
    return { answers: answered.length, outputs, uncompared: others.length - outputs };
  }

  // Whether something is known of a vector without an answer: what the graphs that read make of it.
  async _tryGraphs({ graph_inputs, graph_outputs, place }) {
    let isKnown = false;
    for (const [name, expected] of Object.entries(graph_outputs)) {
      const graph = Object.hasOwn(this.graphs, name) ? this.graphs[name] : null;
      const got = graph ? await graph.run(batched(graph, [graph_inputs])) : {};
      for (const output of Object.keys(expected).filter((one) => Object.hasOwn(got, one))) {
        isKnown = true;
        const [far, size] = apart(expected[output], { shape: got[output].shape.slice(1), data: row(got[output], 0) });
        if (far <= this.tolerance * Math.max(1, size)) continue;
        throw new ArtefactError(
          `${this._files.where} differs from its run by ${far.toPrecision(2)} in ${output} of test vector ${place}: ${AGAIN}`,
        );
      }
    }
    return isKnown;
  }

  // Read every file and compare its digest; gives how many there are.
  async checkFiles() {
    const names = Object.keys(this._files.named);
    for (const name of names) await this._files.bytes(name);
    return names.length;
  }

  _task() {
    if (this.task) return this.task;
    throw new ArtefactError(`${this._files.where} has graphs alone, and says of no task what they are for.`);
  }
}

// Open an artefact, comparing the digest of each file that is read, and have it answer its first test vectors.
//
// place: the address of its folder, which is fetched; or an async function of a file's name, and of the bytes that are wanted at
//   most, to a Uint8Array (see folder.js).
// ort: onnxruntime-web or onnxruntime-node, as imported.
// get: a function like fetch, which is the default.
// settings: of the runtime's sessions.
//
// Throws an ArtefactError if it is damaged, of another version or format, or answers otherwise than its run.
export async function load(place, options) {
  const artefact = await opened(place, options);
  await artefact.tryVectors(TRIED);
  return artefact;
}

// Open an artefact, check every file, and have it answer all its test vectors: {files, answers, outputs, uncompared}, how many
// files there are, and of how many vectors the answers were compared, the graphs' outputs alone, or nothing.
export async function verify(place, options) {
  const artefact = await opened(place, options);
  return { files: await artefact.checkFiles(), ...(await artefact._tried()) };
}

// The same as `load`, with nothing asked.
export async function opened(place, { ort, get = fetch, settings = {} } = {}) {
  if (!ort?.InferenceSession) throw new ArtefactError("Give the runtime: import onnxruntime-web or onnxruntime-node, and pass it as ort.");
  const isReader = typeof place === "function";
  const files = new Files(isReader ? place : fetched(place, get), String(isReader ? (place.where ?? "The artefact") : place));
  const where = `${files.where}: manifest.json`;
  const manifest = await files.json("manifest.json");
  checkManifest(manifest, where);
  files.named = manifest.files;
  const graphs = await allOf(mapped(manifest.graphs, async (value) => openGraph(value, await files.bytes(value.path), { ort, settings })));
  return new Artefact(files, manifest, graphs, manifest.task && (await openTask(files, manifest, graphs, where)));
}

function checkManifest(manifest, where) {
  if (manifest?.artefact !== undefined && manifest.artefact !== LAYOUT) {
    throw new ArtefactError(
      `${where} is of layout ${JSON.stringify(manifest.artefact)}, this runner reads ${LAYOUT}: install the seqkit-runner of its ` +
        "time, or export it again.",
    );
  }
  MANIFEST(manifest, where);
  if (manifest.format !== "onnx") {
    throw new ArtefactError(`${where}: its format is '${manifest.format}', JavaScript answers for onnx: export it by --format onnx.`);
  }
  for (const name of Object.keys(manifest.files)) checkName(name, `${where}: '${name}'`);
}

async function openTask(files, manifest, graphs, where) {
  const wanted = checkTask(manifest.task, where);
  const json = await allOf(Object.fromEntries(wanted.map((name) => [name, files.json(manifest.task[name])])));
  const { labels, ...tokenizers } = json;
  if (labels) (["tag", "tag_and_label"].includes(manifest.task.kind) ? TAGS : LABELS)(labels, `${files.where}: ${manifest.task.labels}`);
  return taskOf(manifest.task, graphs, mapped(tokenizers, (value) => Tokenizer.fromJson(value)), labels);
}

// Promises by name.
async function allOf(promises) {
  const found = await Promise.all(Object.values(promises));
  return Object.fromEntries(Object.keys(promises).map((name, place) => [name, found[place]]));
}

function withArrays({ inputs, graph_inputs, graph_outputs, answer }, where) {
  const array = (value) => decoded(value, where);
  const isObject = typeof inputs === "object" && !Array.isArray(inputs) && inputs !== null;
  const raw = (value) => (typeof value === "object" && value !== null ? array(value) : value);
  return {
    inputs: !isObject ? inputs : "data" in inputs ? array(inputs) : mapped(inputs, raw),
    graph_inputs: mapped(graph_inputs, array),
    graph_outputs: mapped(graph_outputs, (named) => mapped(named, array)),
    answer,
  };
}

// How far two arrays are from each other at most, and the greatest number of the first.
function apart(expected, got) {
  const most = (values) => values.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  const [values, own] = [expected, got].map(({ data }) => Array.from(data, Number));
  const isLike = expected.shape.join() === got.shape.join();
  return [isLike ? most(values.map((value, place) => value - own[place])) : Infinity, most(values)];
}

// Whether two answers are the same, but for numbers that differ by no more than `tolerance`, and by their rounding.
export function alike(expected, got, tolerance, field = "") {
  if (Array.isArray(expected)) {
    const same = Array.isArray(got) && expected.length === got.length;
    return same && expected.every((one, place) => alike(one, got[place], tolerance, field));
  }
  if (typeof expected === "object" && expected !== null) {
    const names = Object.keys(expected);
    const same = typeof got === "object" && got !== null && names.length === Object.keys(got).length;
    return same && names.every((name) => Object.hasOwn(got, name) && alike(expected[name], got[name], tolerance, name));
  }
  if (typeof expected === "number" && typeof got === "number") {
    return Math.abs(expected - got) <= tolerance * Math.max(1, Math.abs(expected)) + 1.01 * (ROUNDED[field] ?? 1e-6);
  }
  return expected === got;
}
