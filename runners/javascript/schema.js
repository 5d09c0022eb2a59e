// What the JSON files of an artefact may hold: checked before anything is made of it. A schema is a function of a value and of
// where it stands, which throws an ArtefactError where the value isn't of it.

import { SCHEMES } from "./chain.js";
import { ArtefactError } from "./errors.js";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const kind = (name, holds) => (value, where) => {
  if (!holds(value)) throw new ArtefactError(`${where} is ${told(value)}, where ${name} is expected: export it again.`);
};
const anything = () => {};
const text = kind("a text", (value) => typeof value === "string");
const whole = kind("a whole number", Number.isSafeInteger);
const number = kind("a number", Number.isFinite);
const truth = kind("true or false", (value) => typeof value === "boolean");
const object = kind("an object", isObject);
const list = kind("a list", Array.isArray);
const size = kind("a text or a whole number", (value) => typeof value === "string" || Number.isSafeInteger(value));
const oneOf = (...values) => kind(values.map((value) => JSON.stringify(value)).join(" or "), (value) => values.includes(value));
const orNull = (schema) => (value, where) => value === null || schema(value, where);

const listOf = (schema) => (value, where) => {
  list(value, where);
  value.forEach((item, place) => schema(item, `${where}, item ${place}`));
};

const anyFields = (schema) => (value, where) => {
  object(value, where);
  for (const [field, item] of Object.entries(value)) schema(item, `${where}, '${field}'`);
};

// Those that end in "?" may be left out.
const fields = (wanted) => (value, where) => {
  object(value, where);
  for (const [field, schema] of Object.entries(wanted)) {
    const name = field.replace(/\?$/, "");
    if (Object.hasOwn(value, name)) schema(value[name], `${where}, '${name}'`);
    else if (name === field) throw new ArtefactError(`${where} has no field '${name}': export it again.`);
  }
};

function told(value) {
  if (isObject(value)) return "an object";
  if (Array.isArray(value)) return "a list";
  const written = JSON.stringify(value);
  return written.length <= 60 ? written : `${written.slice(0, 60)}...`;
}

const TYPES = ["float32", "float16", "int8", "int16", "int32", "int64", "uint8", "bool"];
const tensor = fields({ name: text, dtype: oneOf(...TYPES), shape: listOf(size) });
const graph = fields({ path: text, inputs: listOf(tensor), outputs: listOf(tensor), "batch?": oneOf(1) });

export const MANIFEST = fields({
  artefact: whole,
  name: text,
  format: text,
  quantize: text,
  task: orNull(fields({ kind: text })),
  graphs: anyFields(graph),
  files: anyFields(fields({ bytes: whole, sha256: text })),
  "parity?": orNull(fields({ "tolerance?": number })),
});

const array = fields({ dtype: text, shape: listOf(whole), data: text });
export const VECTORS = listOf(
  fields({
    inputs: anything,
    graph_inputs: anyFields(array),
    graph_outputs: anyFields(anyFields(array)),
    answer: orNull(object),
  }),
);

export const LABELS = fields({ labels: listOf(text) });
const scheme = fields({ name: oneOf(...Object.keys(SCHEMES)), after: truth, separator: text, "outside?": text });
export const TAGS = fields({
  labels: listOf(text),
  scheme: orNull(scheme),
  constraints: orNull(listOf(listOf(truth))),
  "transitions?": listOf(listOf(number)),
  "end?": listOf(number),
});

const search = fields({
  beam: whole,
  length_penalty: number,
  coverage_penalty: number,
  no_repeat: whole,
  shortest: whole,
  longest: whole,
  ratio: number,
  n_best: whole,
  temperature: number,
  top_k: whole,
  top_p: number,
  replace_unknown: truth,
  seed: orNull(whole),
});
const image = fields({ size: listOf(whole), channels: whole });
const reads = { tokenizer: text };
const writes = { target_tokenizer: text, search, answer: text };
const labelled = { labels: text };
const TASK_FIELDS = {
  classify_text: { ...reads, ...labelled, max_length: whole },
  tag: { ...reads, ...labelled, decoding: oneOf("softmax", "crf") },
  tag_and_label: { ...reads, ...labelled, decoding: oneOf("softmax", "crf"), tags: whole },
  language_model: { ...reads, contiguous: truth, lines: truth, ends: truth, met_unknown: truth },
  label_frames: { ...labelled, shape: listOf(whole) },
  classify_image: { ...reads, ...labelled, image },
  write: { ...reads, ...writes },
  caption: { ...writes, image },
  write_answer: { ...reads, ...writes, image },
};

// The names of JSON files that a task of a kind has beside it, once its fields have been checked.
export function checkTask(task, where) {
  if (!Object.hasOwn(TASK_FIELDS, task.kind)) {
    const known = Object.keys(TASK_FIELDS).join(", ");
    throw new ArtefactError(`${where} has a task of the kind '${task.kind}': a runner knows ${known}.`);
  }
  const wanted = TASK_FIELDS[task.kind];
  fields(wanted)(task, `${where}, 'task'`);
  return ["tokenizer", "target_tokenizer", "labels"].filter((name) => name in wanted);
}
