// Arrays: {shape, data}, `data` a typed array with the values row by row. `bool` is 0 and 1 in a Uint8Array, and `float16` what
// the runtime has for it.

import { ArtefactError } from "./errors.js";

const TYPES = {
  float32: Float32Array,
  float16: globalThis.Float16Array ?? Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

export const product = (sizes) => sizes.reduce((all, size) => all * size, 1);

// Zeros.
export function zeros(dtype, shape) {
  return { shape, data: new TYPES[dtype](product(shape)) };
}

// int32, (ids.length,).
export const idsOf = (ids) => ({ shape: [ids.length], data: Int32Array.from(ids) });

// The numbers of one row, along the first axis, without copying them.
export function row(array, place) {
  const width = product(array.shape.slice(1));
  return array.data.subarray(place * width, (place + 1) * width);
}

// The rows at these places, by name.
export function taken(arrays, places) {
  return mapped(arrays, (array) => {
    const width = product(array.shape.slice(1));
    const data = new array.data.constructor(places.length * width);
    places.forEach((from, to) => data.set(row(array, from), to * width));
    return { shape: [places.length, ...array.shape.slice(1)], data };
  });
}

// Arrays of one shape, one behind the other along a new first axis.
export function stacked(arrays) {
  const width = product(arrays[0].shape);
  const data = new arrays[0].data.constructor(arrays.length * width);
  arrays.forEach((array, place) => data.set(array.data, place * width));
  return { shape: [arrays.length, ...arrays[0].shape], data };
}

// Values by name, each made of the one of that name.
export function mapped(values, make) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]));
}

// The same with zeros behind, up to `steps` along the first axis.
export function padded(array, steps) {
  if (array.shape[0] === steps) return array;
  const shape = [steps, ...array.shape.slice(1)];
  const data = new array.data.constructor(product(shape));
  data.set(array.data);
  return { shape, data };
}

// What test_vectors.json holds of an array: type, shape, and little-endian bytes in base64.
export function decoded(value, where) {
  const Type = Object.hasOwn(TYPES, value.dtype) ? TYPES[value.dtype] : undefined;
  let bytes;
  try {
    bytes = Uint8Array.from(atob(value.data), (letter) => letter.charCodeAt(0));
  } catch {
    bytes = null; // no base64
  }
  const right = Type && bytes && value.shape.every((size) => size >= 0);
  if (right && product(value.shape) * Type.BYTES_PER_ELEMENT === bytes.length) {
    return { shape: value.shape, data: new Type(bytes.buffer) };
  }
  throw new ArtefactError(
    `${where} holds an array whose bytes are not those of its type and shape: take the artefact from its source again.`,
  );
}

// The place of the greatest, the first of equals.
export function greatest(values) {
  let best = 0;
  for (let place = 1; place < values.length; place++) if (values[place] > values[best]) best = place;
  return best;
}

// float64, of logits.
export function softmax(logits) {
  const highest = logits[greatest(logits)];
  const shares = Float64Array.from(logits, (logit) => Math.exp(logit - highest));
  const sum = shares.reduce((all, share) => all + share, 0);
  return shares.map((share) => share / sum);
}

// float64, of logits.
export function logSoftmax(logits) {
  const highest = logits[greatest(logits)];
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  const log = Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - highest - log);
}

// A number as an answer has it.
export const rounded = (value, digits) => Number(value.toFixed(digits));
