// Graphs, plain functions of named arrays, in an ONNX Runtime that the caller brings.

import { mapped, padded, product, row, stacked, taken, zeros } from "./arrays.js";
import { ArtefactError } from "./errors.js";

export const BATCH = 32; // rows that are asked at once
const ROOM = 2 ** 24; // numbers that a batch's outputs have at most, but for one row by itself
const MOST = 2 ** 26; // numbers of a row of a tensor, as far as its sizes are fixed
const AFTER = /_after$/; // ends the name of a state that a step gives, since ONNX wants two names for it
let turn = Promise.resolve(); // the runtime in a browser isn't made to be asked twice at a time

function inTurn(work) {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

// A graph of an artefact: `inputs` and `outputs` by name, as {name, dtype, shape}; a state that comes out has the name under
// which it goes in. `batch`: rows that it takes at once, undefined for any.
export class Graph {
  constructor(value, session, ort) {
    Object.assign(this, { batch: value.batch, _session: session, _ort: ort });
    this.inputs = Object.fromEntries(value.inputs.map((tensor) => [tensor.name, described(tensor)]));
    this._names = value.outputs.map(({ name }) => [name, name.replace(AFTER, "") in this.inputs ? name.replace(AFTER, "") : name]);
    this.outputs = Object.fromEntries(value.outputs.map((tensor, place) => [this._names[place][1], described(tensor)]));
    this.states = Object.keys(this.outputs).filter((name) => name in this.inputs);
  }

  // The states before the first step.
  zeros(rows) {
    return Object.fromEntries(this.states.map((name) => [name, zeros(this.inputs[name].dtype, [rows, ...sizes(this.inputs[name])])]));
  }

  // What the graph makes of its inputs, each with an axis of rows.
  async run(given) {
    checkInputs(this, given, 0);
    const arrays = mapped(this.inputs, (_, name) => given[name]);
    const rows = Object.values(arrays)[0].shape[0];
    if (this.batch !== 1 || rows === 1) return this._run(arrays);
    const alone = [];
    for (let place = 0; place < rows; place++) alone.push(await this._run(taken(arrays, [place])));
    return mapped(alone[0], (_, name) => stacked(alone.map((answer) => ({ shape: answer[name].shape.slice(1), data: answer[name].data }))));
  }

  async _run(arrays) {
    let found;
    try {
      const feeds = mapped(arrays, ({ shape, data }, name) => new this._ort.Tensor(this.inputs[name].dtype, data, shape));
      found = await inTurn(() => this._session.run(feeds));
    } catch (error) {
      const shapes = Object.entries(arrays).map(([name, { shape }]) => `${name} [${shape}]`).join(", ");
      throw new ArtefactError(`The runtime fails on ${shapes} (${firstLine(error)}).`);
    }
    return Object.fromEntries(this._names.map(([old, name]) => [name, { shape: [...found[old].dims], data: found[old].data }]));
  }
}

// The graph of a file's bytes. `settings`: of the runtime's session.
export async function openGraph(value, bytes, { ort, settings }) {
  let session;
  try {
    session = await inTurn(() => ort.InferenceSession.create(bytes, settings));
  } catch (error) {
    throw new ArtefactError(`${value.path} can't be opened by ONNX Runtime (${firstLine(error)}).`);
  }
  checkTensors(value, "inputs", session.inputNames, session.inputMetadata);
  checkTensors(value, "outputs", session.outputNames, session.outputMetadata);
  return new Graph(value, session, ort);
}

function described(tensor) {
  const fixed = tensor.shape.filter((size) => typeof size === "number");
  if (fixed.some((size) => size < 1) || product(fixed) > MOST) {
    throw new ArtefactError(`manifest.json: ${tensor.name} is of shape [${tensor.shape}], which no model has.`);
  }
  return { ...tensor, steps: typeof tensor.shape[1] === "string" }; // whether it has an axis of steps, the second one
}

function sizes(tensor) {
  const found = tensor.shape.slice(1);
  if (found.every((size) => typeof size === "number")) return found;
  throw new ArtefactError(`manifest.json: the state ${tensor.name} is of shape [${tensor.shape}], where sizes are expected.`);
}

// `metadata`: shapes, which not every version of the runtime tells.
function checkTensors(value, what, names, metadata = []) {
  const said = value[what];
  const found = names.map((name) => ({ name, shape: metadata.find((one) => one.name === name)?.shape }));
  const isOpen = (size) => !(typeof size === "number" && size >= 1);
  const fits = ({ name, shape }) => {
    const own = found.find((one) => one.name === name);
    if (!own?.shape) return Boolean(own);
    const sizes = shape.map((size, axis) => [size, own.shape[axis]]).slice(1);
    return own.shape.length === shape.length && sizes.every(([one, other]) => typeof one === "string" || isOpen(other) || one === other);
  };
  if (found.length === said.length && said.every(fits)) return;
  const told = (tensors) => tensors.map(({ name, shape }) => (shape ? `${name} [${shape}]` : name)).join(", ");
  throw new ArtefactError(
    `${value.path} has the ${what} ${told(found)}, manifest.json says ${told(said)}: take the artefact from its source again.`,
  );
}

// Places of rows that are asked at once, rows of like lengths together.
export function batches(graph, rows) {
  const lengths = rows.map((one) => stepsOf(graph, one));
  const width = Math.max(1, ...Object.values(graph.outputs).map(({ shape }) => Number(shape.at(-1)) || 1));
  const found = [];
  let batch = [];
  for (const place of rows.map((_, place) => place).sort((a, b) => lengths[a] - lengths[b])) {
    const full = batch.length >= (graph.batch ?? BATCH) || lengths[place] * (batch.length + 1) * width > ROOM;
    if (!batch.length || full) found.push((batch = []));
    batch.push(place);
  }
  return found;
}

const firstLine = (error) => String(error.message ?? error).split("\n")[0].slice(0, 200);

// Throws where a graph's inputs aren't there, or have other axes; `without`: how many of those that the graph names they lack.
function checkInputs(graph, given, without) {
  const missing = Object.keys(graph.inputs).filter((name) => !(name in given));
  if (missing.length) throw new ArtefactError(`The graph wants ${missing.join(", ")} too.`);
  for (const [name, { shape }] of Object.entries(graph.inputs)) {
    if (given[name].shape.length === shape.length - without) continue;
    throw new ArtefactError(`The graph's ${name} is of shape [${given[name].shape}]: give one of shape [${shape.slice(without)}].`);
  }
}

// Rows, arrays by name without an axis of rows, as one batch, padded by zeros along the axis of steps.
export function batched(graph, rows) {
  for (const one of rows) checkInputs(graph, one, 1);
  const steps = Math.max(1, ...rows.map((one) => stepsOf(graph, one)));
  return mapped(graph.inputs, (tensor, name) => stacked(rows.map((one) => (tensor.steps ? padded(one[name], steps) : one[name]))));
}

// How many steps a row has, 1 where it has no axis of them.
export function stepsOf(graph, arrays) {
  const open = Object.entries(graph.inputs).filter(([, tensor]) => tensor.steps);
  return open.length ? Math.max(...open.map(([name]) => arrays[name].shape[0])) : 1;
}

// The output "outputs" of rows that go through a step input by input, side by side: (steps, outputs) each.
export async function streamed(step, rows) {
  const names = Object.keys(step.inputs).filter((name) => !step.states.includes(name));
  const lengths = rows.map((one) => one[names[0]].shape[0]);
  const found = rows.map(() => []);
  let states = step.zeros(rows.length);
  for (let t = 0; t < Math.max(0, ...lengths); t++) {
    const now = (one, name) => row(one[name], Math.min(t, one[name].shape[0] - 1)); // behind its end the last one
    const given = Object.fromEntries(
      names.map((name) => [name, stacked(rows.map((one) => ({ shape: one[name].shape.slice(1), data: now(one, name) })))]),
    );
    const answer = await step.run({ ...given, ...states });
    states = Object.fromEntries(step.states.map((name) => [name, answer[name]]));
    rows.forEach((_, place) => {
      if (t < lengths[place]) found[place].push({ shape: answer.outputs.shape.slice(1), data: row(answer.outputs, place) });
    });
  }
  return found.map((steps) => stacked(steps));
}
