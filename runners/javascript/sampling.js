// Draws: the likely part of what a model says comes next, and one symbol of it.

import { ArtefactError } from "./errors.js";
import { generator } from "./random.js";

// Throws an ArtefactError where a setting of draws is out of its range.
export function checkSampling({ length, temperature, top_k, top_p, seed }) {
  const expected = {
    length: [length, Number.isInteger(length) && length >= 1, "a number of at least 1"],
    temperature: [temperature, temperature >= 0 && temperature < Infinity, "a number of at least 0, where 0 takes the likeliest"],
    top_k: [top_k, Number.isInteger(top_k) && top_k >= 0, "a number of at least 0, where 0 keeps all symbols"],
    top_p: [top_p, top_p > 0 && top_p <= 1, "a share above 0 and up to 1, which keeps all symbols"],
    seed: [seed, Number.isSafeInteger(seed) && seed >= 0, "a number of at least 0"],
  };
  for (const [name, [value, right, wanted]] of Object.entries(expected)) {
    if (!right) throw new ArtefactError(`${name} is ${value}: give ${wanted}.`);
  }
}

// The tokens that are kept of logits, the likeliest first, of equals the smaller id, and their probabilities: [ids, shares].
// -Infinity is out of the question. `top_k`: keep so many, 0 for all (Fan et al. 2018). `top_p`: keep the fewest that have this
// share of what is left (Holtzman et al. 2020). A temperature of 0 keeps the likeliest.
export function ranked(logits, temperature, top_k, top_p) {
  if (temperature === 0) [temperature, top_k] = [1, 1];
  const descending = (one, other) => (logits[one] > logits[other] ? -1 : logits[one] < logits[other] ? 1 : 0);
  const ids = Array.from(logits.keys()).sort(descending).slice(0, top_k || undefined);
  let shares = scaled(ids.map((id) => Math.exp((logits[id] - logits[ids[0]]) / temperature)));
  if (top_p < 1) {
    let before = 0; // of those that are likelier
    shares = scaled(
      shares.map((share) => {
        const kept = before < top_p ? share : 0;
        before += share;
        return kept;
      }),
    );
  }
  return [ids, shares];
}

function scaled(values) {
  const sum = values.reduce((all, value) => all + value, 0);
  return values.map((value) => value / sum);
}

// The id at a level, from 0 to 1, of cumulated probabilities.
export function drawnAt(level, ids, shares) {
  const sum = shares.reduce((all, share) => all + share, 0);
  let cumulated = 0;
  const place = shares.findIndex((share) => (cumulated += share) > level * sum);
  return ids[place < 0 ? ids.length - 1 : place];
}

// The shares in the order of ids.
export function inOrder(ids, shares) {
  const order = ids.map((_, place) => place).sort((one, other) => ids[one] - ids[other]);
  return [order.map((place) => ids[place]), order.map((place) => shares[place])];
}

// Draw one symbol after the other, each from what the model makes of those before, at the levels of `generator(seed)`: as
// `seqkit.decoding.stepwise` does. `step`: an async function of the symbol before, to the logits of what comes next.
export async function* drawn(step, last, { length, temperature, top_k, top_p, seed, excluded }) {
  const next = generator(seed);
  for (let number = 0; number < length; number++) {
    const logits = Float64Array.from(await step(last));
    for (const id of excluded) logits[id] = -Infinity;
    last = drawnAt(next(), ...inOrder(...ranked(logits, temperature, top_k, top_p)));
    yield last;
  }
}
