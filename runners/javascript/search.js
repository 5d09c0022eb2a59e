// What a decoder writes: the likeliest texts, as far as a beam finds them, or texts that are drawn. The search is
// `seqkit.decoding.beam_search` of seqkit, whose answers these are.

import { greatest, logSoftmax, row, taken } from "./arrays.js";
import { drawKey, uniform } from "./random.js";
import { drawnAt, inOrder, ranked } from "./sampling.js";

const { fround } = Math;

// The best of each row, the best first, or what was drawn, as it was drawn: lists of {score, ids, looked, logProbability, ended},
// where `ids` are without what begins and ends them; `looked` has, as each was written, the place that was looked at most, of
// those that count, -1 where none does; and what was cut short hasn't `ended`.
//
// step: an async function (ids, int32 (live,); state; memory) -> {logits, (live, tokens); weights, (live, places); state}, where
//   state and memory are arrays (live, ...) by name.
// settings: the field "search" of a manifest.
// longest: of each row the symbols at most, the end included; one of 0 has the empty hypothesis.
// words: of each row the places of the attention that count for `looked`.
// excluded: ids that are never written.
// keys: of each row, by `rowKey`, for what is drawn.
export async function search(step, state, memory, { settings, begin, end, longest, words, excluded, keys }) {
  const drawn = settings.temperature > 0;
  const draws = drawn ? settings.n_best : 1;
  const from = longest.flatMap((_, place) => Array(draws).fill(place)); // each draw is a row of its own
  const rules = {
    ...settings,
    ...(drawn ? { beam: 1, n_best: 1, length_penalty: 0, keys: from.map((place, one) => drawKey(keys[place], one % draws)) } : {}),
    ...{ drawn, end, excluded, longest: from.map((place) => longest[place]), words: from.map((place) => words[place]) },
  };
  const pool = rules.longest.map((steps) => (steps > 0 ? [] : [{ score: 0, ids: [], looked: [], logProbability: 0, ended: false }]));
  const rows = from.map((_, place) => place).filter((place) => rules.longest[place] > 0);
  const places = rows.map((place) => from[place]);
  let live = rows.map((place) => ({ row: place, value: 0, ids: [], looked: [], seen: null }));
  [state, memory] = [taken(state, places), taken(memory, places)];
  for (let t = 0; live.length; t++) {
    const last = Int32Array.from(live, ({ ids }) => (t ? ids.at(-1) : begin));
    const answer = await step(last, state, memory);
    const goesOn = advanced(t, live, answer, pool, rules);
    const parents = goesOn.map(({ parent }) => parent);
    if (goesOn.length !== live.length || goesOn.some((one, place) => one.row !== live[place].row)) memory = taken(memory, parents);
    state = taken(answer.state, parents);
    live = goesOn;
  }
  const found = pool.map((own) => own.sort((one, other) => other.score - one.score).slice(0, rules.n_best));
  return longest.map((_, place) => found.slice(place * draws, (place + 1) * draws).flat());
}

// One symbol more: the hypotheses that go on, with the place of their `parent`; what has ended goes into the pool.
function advanced(t, live, { logits, weights }, pool, rules) {
  const nats = allowed(t, live, logits, pool, rules);
  const looking = live.map((one, place) => {
    const own = row(weights, place);
    const counts = own.subarray(0, Math.max(0, rules.words[one.row]));
    const seen = own.map((weight, at) => weight + (one.seen ? one.seen[at] : 0));
    return { ...one, seen, looked: [...one.looked, counts.length ? greatest(counts) : -1] };
  });
  const ways = new Map(); // of each row
  looking.forEach((one, parent) => {
    const own = ways.get(one.row) ?? [];
    const tokens = rules.drawn ? [drawnToken(t, nats[parent], one.row, rules)] : top(nats[parent], rules.beam);
    for (const token of tokens) own.push({ ...one, parent, token, value: fround(one.value + nats[parent][token]) });
    ways.set(one.row, own);
  });
  return [...ways].flatMap(([place, own]) => waysOn(t, own, rules.longest[place], pool[place], rules));
}

// Log-probabilities of each hypothesis: -Infinity where the rules forbid, 0 for the end where they leave a row nothing.
function allowed(t, live, logits, pool, { excluded, shortest, no_repeat: size, end }) {
  const able = new Set();
  const nats = live.map((one, place) => {
    const own = Float32Array.from(logSoftmax(row(logits, place)));
    const forbidden = [...excluded, ...(t < shortest ? [end] : []), ...(size ? repeated(one.ids, size) : [])];
    for (const id of forbidden) own[id] = -Infinity;
    if (own.some((value) => value > -Infinity)) able.add(one.row);
    return own;
  });
  live.forEach((one, place) => {
    if (!able.has(one.row) && !pool[one.row].length) nats[place][end] = 0;
  });
  return nats;
}

// The best ways on of one row that go on; those that are over join what has ended.
function waysOn(t, ways, longest, ended, rules) {
  const best = ways.sort((one, other) => other.value - one.value || 0).slice(0, rules.beam - ended.length);
  const goesOn = [];
  for (const { token, ...way } of best) {
    if (way.value === -Infinity) break;
    const over = token === rules.end;
    const ids = over ? way.ids : [...way.ids, token];
    if (!over && t + 1 < longest) {
      goesOn.push({ ...way, ids });
      continue;
    }
    const score = fround(normalised(way.value, t + 1, rules) + coverage(way.seen, rules));
    ended.push({ score, ids, looked: way.looked.slice(0, ids.length), logProbability: way.value, ended: over });
  }
  const reach = Math.max(...goesOn.map(({ value }) => normalised(value, longest, rules)));
  const scores = ended.map(({ score }) => score).sort((one, other) => other - one);
  return scores.length >= rules.n_best && scores[rules.n_best - 1] >= reach ? [] : goesOn;
}

// (14) of Wu et al. 2016.
function normalised(value, length, rules) {
  return fround(value / fround(Math.pow(fround((5 + length) / 6), rules.length_penalty)));
}

// What the score loses for places that were looked at too little.
function coverage(seen, { coverage_penalty: penalty }) {
  if (!penalty) return 0;
  const logs = seen.filter((weight) => weight > 0).map((weight) => Math.log(Math.min(Math.max(weight, 1e-30), 1)));
  return fround(penalty * logs.reduce((all, log) => all + log, 0));
}

function drawnToken(t, nats, place, { keys, temperature, top_k, top_p }) {
  const kept = ranked(nats, temperature, top_k, top_p);
  return drawnAt(uniform(keys[place], t), ...(top_k || top_p < 1 ? kept : inOrder(...kept)));
}

// The places of the greatest, the first of equals first, but for those of -Infinity.
function top(values, count) {
  const rest = values.slice();
  const found = [];
  while (found.length < count) {
    const place = greatest(rest);
    if (rest[place] === -Infinity) break;
    rest[place] = -Infinity;
    found.push(place);
  }
  return found;
}

// The symbols that would complete a run of `size` symbols that is there already.
function repeated(written, size) {
  const begun = written.slice(written.length - size + 1);
  const starts = Array.from({ length: Math.max(0, written.length - size + 1) }, (_, start) => start);
  return starts
    .filter((start) => begun.every((id, place) => written[start + place] === id))
    .map((start) => written[start + size - 1]);
}
