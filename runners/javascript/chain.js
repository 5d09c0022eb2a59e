// The best tags of a sentence, and the spans that they mark.

import { greatest, row } from "./arrays.js";

const FORBIDDEN = -1e4; // a score that no path recovers from
const UNTYPED = "_"; // the type of spans whose tags are prefixes alone, without a separator
// Of each scheme: the prefixes, those that open a span whatever stands before, and those that close it whatever comes.
export const SCHEMES = {
  bio: ["BI", "B", ""],
  iob1: ["BI", "B", ""],
  bioes: ["BIES", "BS", "ES"],
  bilou: ["BILU", "BU", "LU"],
  bmes: ["BMES", "BS", "ES"],
  ioe1: ["IE", "", "E"],
  ioe2: ["IE", "", "E"],
};

// What labels.json says of tags after tags: {transitions: rows of the tag before, the last one of the beginning; end: scores
// before the end}, of a CRF or of what is forbidden; null where tags stand for themselves.
export function chainOf({ transitions, end, constraints }) {
  const numbers = (values) => Float32Array.from(values);
  if (transitions !== undefined) return { transitions: transitions.map(numbers), end: numbers(end) };
  if (constraints === null) return null;
  const scores = constraints.map((own) => numbers(own.map((allowed) => (allowed ? 0 : FORBIDDEN))));
  return { transitions: scores.map((own) => own.slice(0, -1)), end: numbers(scores.slice(0, -1).map((own) => own.at(-1))) };
}

// The most probable tags (Viterbi 1967) of a sentence's scores, float32 {shape: [words, tags], data}; of equal ones that of the
// smaller number. Sums are of single precision.
export function bestTags(scores, chain) {
  const words = Array.from({ length: scores.shape[0] }, (_, place) => Float32Array.from(row(scores, place)));
  if (!chain || !words.length) return words.map(greatest);
  const add = (values, more) => values.map((value, tag) => value + more[tag]);
  words[words.length - 1] = add(words.at(-1), chain.end);
  let best = add(chain.transitions.at(-1), words[0]);
  const pointers = words.slice(1).map((here) => {
    const before = here.map(() => 0);
    const ways = here.map((_, tag) => {
      const into = best.map((score, from) => score + chain.transitions[from][tag]);
      before[tag] = greatest(into);
      return into[before[tag]];
    });
    best = add(ways, here);
    return before;
  });
  const path = [greatest(best)];
  for (const before of pointers.reverse()) path.push(before[path.at(-1)]);
  return path.reverse();
}

// The spans of a sentence, as conlleval of CoNLL-2000 reads them: [type, first token, the token after the last]. A span begins at
// a prefix that can't go on or end another, and at any other where none of that type is open. It ends with a prefix that can't
// begin one or go on, else before the next span and before a tag of none.
export function spans(tags, scheme) {
  const [, opening, closing] = SCHEMES[scheme.name];
  const found = [];
  let begin = 0;
  let open = ""; // the type of the open span
  const close = (place) => {
    found.push([open, begin, place]);
    open = "";
  };
  [...tags, null].forEach((tag, place) => {
    const [prefix, type] = parts(tag, scheme);
    if (open && (type !== open || opening.includes(prefix))) close(place);
    if (prefix && !open) [begin, open] = [place, type];
    if (prefix && closing.includes(prefix)) close(place + 1);
  });
  return found;
}

// Prefix and type; two empty texts of a tag that is of no span, and of the end.
function parts(tag, { name, after, separator, outside }) {
  if (tag === null || tag === outside) return ["", ""];
  if (!separator) return tag.length === 1 && SCHEMES[name][0].includes(tag) ? [tag, UNTYPED] : ["", ""];
  const letters = Array.from(tag);
  if (after) letters.reverse();
  const [prefix, between] = letters;
  const type = (after ? letters.slice(2).reverse() : letters.slice(2)).join("");
  return type && between === separator && SCHEMES[name][0].includes(prefix) ? [prefix, type] : ["", ""];
}
