// Words to pieces, as training cuts them: byte pairs, and the most probable ones. A piece is [text, whether it is known].

const UNKNOWN_PENALTY = 10; // by which an unknown character scores below the least likely piece
const KEPT = 2 ** 16; // words whose pieces are remembered, those up to SHORT
const SHORT = 64;

// The pieces of words, neighbouring unknown characters as one; those of short words are remembered.
export class Pieces {
  constructor(cut) {
    this._cut = cut;
    this._kept = new Map();
  }

  of(word) {
    const kept = this._kept.get(word);
    if (kept) return kept;
    const pieces = [];
    let before = true;
    for (const [piece, known] of this._cut(word)) {
      if (known || before) pieces.push(piece);
      else pieces[pieces.length - 1] += piece;
      before = known;
    }
    if (word.length <= SHORT) {
      if (this._kept.size >= KEPT) this._kept.clear();
      this._kept.set(word, pieces);
    }
    return pieces;
  }
}

// Of all neighbours that together are a piece those of the lowest place become one, the leftmost first. `places`: a Map from
// pieces.
export function bytePairs(places) {
  return (word) => {
    const letters = Array.from(word);
    const end = letters.length;
    const symbols = letters.map((letter) => (places.has(letter) ? letter : null)); // null: unknown, or gone
    const after = letters.map((_, place) => place + 1);
    const before = letters.map((_, place) => place - 1);
    const waiting = new Queue();
    const offer = (place) => {
      if (place < 0 || after[place] === end) return;
      const [left, right] = [symbols[place], symbols[after[place]]];
      if (left === null || right === null) return;
      const rank = places.get(left + right);
      if (rank !== undefined) waiting.push({ rank, place, left, right });
    };
    for (let place = 0; place < end; place++) offer(place);
    while (waiting.size) {
      const { place, left, right } = waiting.pop();
      const other = after[place];
      if (symbols[place] !== left || other === end || symbols[other] !== right) continue; // one of them was merged since
      symbols[place] = left + right;
      symbols[other] = null;
      after[place] = after[other];
      if (after[place] < end) before[after[place]] = place;
      offer(before[place]);
      offer(place);
    }
    const pieces = [];
    for (let place = 0; place < end; place = after[place]) {
      pieces.push([symbols[place] ?? letters[place], symbols[place] !== null]);
    }
    return pieces;
  };
}

// The pieces whose scores have the highest sum, in single precision; of equal sums up to a character the one with the longer
// last piece.
export function mostProbable(pieces, scores) {
  const known = new Map(); // of pieces, and of their beginnings -Infinity
  for (const piece of pieces) {
    let beginning = "";
    for (const letter of piece) known.set((beginning += letter), -Infinity);
  }
  pieces.forEach((piece, place) => known.set(piece, Math.fround(scores[place])));
  const lowest = scores.reduce((least, score) => Math.min(least, Math.fround(score)), scores.length ? Infinity : 0);
  const unknown = Math.fround(lowest - UNKNOWN_PENALTY);
  return (word) => {
    const letters = Array.from(word);
    const end = letters.length;
    const sums = [0, ...Array(end).fill(-Infinity)]; // of the text up to each character
    const begins = Array(end + 1).fill(0);
    for (let begin = 0; begin < end; begin++) {
      let text = "";
      for (let stop = begin + 1; stop <= end; stop++) {
        text += letters[stop - 1];
        let score = known.get(text);
        const last = score === undefined;
        if (stop === begin + 1 && (last || score === -Infinity)) score = unknown;
        if (score !== undefined) {
          const total = Math.fround(sums[begin] + score);
          if (total > sums[stop]) [sums[stop], begins[stop]] = [total, begin]; // of equal ones the longer was first
        }
        if (last) break;
      }
    }
    const found = [];
    for (let stop = end; stop; stop = begins[stop]) {
      const piece = letters.slice(begins[stop], stop).join("");
      found.push([piece, (known.get(piece) ?? -Infinity) > -Infinity]);
    }
    return found.reverse();
  };
}

// A heap: the lowest rank first, of one rank the leftmost place.
class Queue {
  constructor() {
    this._items = [];
  }

  get size() {
    return this._items.length;
  }

  push(item) {
    const items = this._items;
    let place = items.length;
    for (let parent; place > 0 && sooner(item, items[(parent = (place - 1) >> 1)]); place = parent) {
      items[place] = items[parent];
    }
    items[place] = item;
  }

  pop() {
    const items = this._items;
    const [first, item] = [items[0], items.pop()];
    if (!items.length) return first;
    let place = 0;
    for (let child; (child = 2 * place + 1) < items.length; place = child) {
      if (child + 1 < items.length && sooner(items[child + 1], items[child])) child++;
      if (!sooner(items[child], item)) break;
      items[place] = items[child];
    }
    items[place] = item;
    return first;
  }
}

function sooner(one, other) {
  return one.rank < other.rank || (one.rank === other.rank && one.place < other.place);
}
