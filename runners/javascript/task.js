// Raw inputs to what a graph reads, and what it says to answers: what is the same for all tasks.

import { product, row } from "./arrays.js";
import { ArtefactError } from "./errors.js";
import { batched, batches, stepsOf, streamed } from "./graphs.js";

const NO_NUMBER = "is answered by what is no number: its values are too large for the model. Scale it, or leave it out.";
const GRAPHS = [["model"], ["step"], ["encoder", "decoder"]];

// What becomes of an input. A kind of task says how an input is `read`, the graph's `arrays` of it, what is `found` by the
// graphs for some, and the `answer` of what was found.
export class Task {
  // `kind` and `fields` of the manifest; `graphs`, and `tokenizers`, by name; `labels`: what labels.json holds.
  constructor(kind, fields, graphs, tokenizers, labels) {
    Object.assign(this, { kind, fields, graphs, labels });
    this.tokenizer = tokenizers.tokenizer;
    this.target = tokenizers.target_tokenizer;
    this.names = labels?.labels;
    if (!GRAPHS.some((names) => names.every((name) => name in graphs))) {
      throw new ArtefactError(`manifest.json: the graphs ${Object.keys(graphs).join(", ")} are none that a runner can ask.`);
    }
    if (this.names) this.checkWidth("outputs", this.names.length);
  }

  checkWidth(output, expected) {
    for (const [name, graph] of Object.entries(this.graphs)) {
      const width = graph.outputs[output]?.shape.at(-1);
      if (typeof width === "number" && width !== expected) {
        throw new ArtefactError(
          `manifest.json: the graph ${name} has ${width} outputs, where ${expected} are named: they are of two artefacts.`,
        );
      }
    }
  }

  // An answer each, in order.
  async answers(inputs) {
    const asked = inputs.map((one, place) => this.read(one, `Input ${place}`));
    const found = await this.found(asked);
    const answers = asked.map((one, place) => this.answer(one, found[place]));
    answers.forEach((answer, place) => {
      if (!areFinite(answer)) throw new ArtefactError(`Input ${place} ${NO_NUMBER}`);
    });
    return answers;
  }

  read(value, where) {
    return textOf(value, where);
  }

  async found(asked) {
    return this.outputs(asked.map((one) => this.arrays(one)));
  }

  // The output "outputs" of each row, by the graph of whole rows or, where there is the step alone, by that.
  async outputs(rows) {
    const whole = this.graphs.model;
    if (!whole) return streamed(this.graphs.step, rows);
    const found = [];
    for (const places of batches(whole, rows)) {
      const { outputs } = await whole.run(batched(whole, places.map((place) => rows[place])));
      places.forEach((place, number) => (found[place] = cropped(whole, outputs, number, rows[place])));
    }
    return found;
  }
}

// A row of a graph's outputs, without what is of padding.
function cropped(graph, outputs, number, arrays) {
  const [shape, data] = [outputs.shape.slice(1), row(outputs, number)];
  if (!graph.outputs.outputs.steps) return { shape, data };
  const steps = stepsOf(graph, arrays);
  return { shape: [steps, ...shape.slice(1)], data: data.subarray(0, (data.length / shape[0]) * steps) };
}

// Whether all numbers in an answer are some.
function areFinite(answer) {
  if (typeof answer === "object" && answer !== null) return Object.values(answer).every((one) => areFinite(one));
  return typeof answer !== "number" || Number.isFinite(answer);
}

export function textOf(value, where) {
  if (typeof value === "string") return value;
  throw new ArtefactError(`${where} is ${kindOf(value)}, where a text is expected.`);
}

export function kindOf(value) {
  return value === null || typeof value !== "object" ? String(value).slice(0, 60) : Array.isArray(value) ? "a list" : "an object";
}

// float32, of {shape, data} or of lists in lists.
export function arrayOf(value, where) {
  if (value?.shape && value.data) return floatsOf(fitting(value, where));
  const shape = [];
  for (let one = value; Array.isArray(one); one = one[0]) shape.push(one.length);
  const data = [];
  const walk = (one, depth) => {
    const right = depth < shape.length ? Array.isArray(one) && one.length === shape[depth] : typeof one === "number";
    if (!right) throw new ArtefactError(`${where} is ${kindOf(value)}, where an array of numbers is expected.`);
    if (depth === shape.length) data.push(one);
    else for (const item of one) walk(item, depth + 1);
  };
  walk(value, 0);
  return floatsOf({ shape, data });
}

const floatsOf = ({ shape, data }) => ({ shape, data: Float32Array.from(data) });

// A shape and numbers, if they are of one array.
export function fitting(value, where) {
  const [shape, data] = [Array.from(value.shape), value.data];
  if (shape.every((size) => size >= 0) && product(shape) === data.length) return { shape, data };
  throw new ArtefactError(
    `${where} has ${data.length} numbers, where its shape [${shape}] has ${product(shape)}: give shape and data of one array.`,
  );
}

// float32, (height, width, channels), 0 to 255: of an array, grey ones too, or of a canvas's ImageData.
export function imageOf(value, fields, where) {
  const expected = [...fields.image.size, fields.image.channels];
  const channels = expected[2];
  let { shape, data } = value?.data && value.width ? ofCanvas(value, where) : arrayOf(value, where);
  if (shape.length === 3 && shape[2] === 1) shape = shape.slice(0, 2);
  if (shape.length === 2) {
    shape = [...shape, channels];
    data = Float32Array.from({ length: data.length * channels }, (_, place) => data[Math.floor(place / channels)]);
  }
  if (shape.join() !== expected.join()) {
    throw new ArtefactError(`${where} is an image of shape [${shape}], the model reads [${expected}]: bring it to that.`);
  }
  if (!data.every((number) => number >= 0 && number <= 255)) {
    throw new ArtefactError(`${where} has values outside of 0 to 255, which are expected.`);
  }
  return { shape, data };
}

function ofCanvas({ width, height, data }, where) {
  fitting({ shape: [height, width, 4], data }, where);
  return floatsOf({ shape: [height, width, 3], data: data.filter((_, place) => place % 4 < 3) });
}

export function imageAndQuestion(value, fields, where) {
  const { image, question } = Array.isArray(value) && value.length === 2 ? { image: value[0], question: value[1] } : (value ?? {});
  if (image === undefined || question === undefined) {
    throw new ArtefactError(`${where} is ${kindOf(value)}, where an image and a question are expected.`);
  }
  return { image: imageOf(image, fields, where), question: textOf(question, where) };
}
