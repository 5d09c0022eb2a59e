// What characters are and become, by the tables of a tokenizer.json; no Unicode data of the runtime's own is asked.

import { ArtefactError } from "./errors.js";

const SIGMA = "\u03a3";
const FINAL_SIGMA = "\u03c2";
const ASCII = /^[\x00-\x7f]*$/;
// The first of each of Hangul; of tails the one before.
const [SYLLABLE, LEAD, VOWEL, TAIL] = [0xac00, 0x1100, 0x1161, 0x11a7];
const [SYLLABLES, LEADS, VOWELS, TAILS] = [11172, 19, 21, 28];
const PAIR = 2 ** 21; // above every character: two in one number
const DEEPEST = 4; // of decompositions in decompositions

// The text with U+FFFD for each surrogate that stands alone.
export function wellFormed(text) {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

// What stands between the brackets of a regular expression: of a flat list of first and last code points.
export function characterClass(ranges) {
  return rows(ranges, 2)
    .map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`)
    .join("");
}

function rows(numbers, size) {
  return Array.from({ length: numbers.length / size }, (_, row) => numbers.slice(row * size, (row + 1) * size));
}

// A regular expression of any of these code points.
function anyOf(codes) {
  return new RegExp(`[${characterClass([...codes].sort((a, b) => a - b).flatMap((code) => [code, code]))}]`, "gu");
}

// Text in lower case. A NUL is a space.
export class Fold {
  constructor(table) {
    this._lower = new Map([["\0", " "]]);
    for (const [first, last, step, added] of rows(table.ranges, 4)) {
      for (let code = first; code <= last; code += step) this._set(code, [code + added]);
    }
    for (const [code, ...becomes] of table.sequences) this._set(code, becomes);
    this._upper = anyOf([...this._lower.keys()].map((letter) => letter.codePointAt(0)));
    this._cased = new RegExp(`[${characterClass(table.cased)}]`, "u");
    this._ignorable = new RegExp(`[${characterClass(table.ignorable)}]`, "u");
  }

  of(text) {
    if (ASCII.test(text)) return text.toLowerCase().replaceAll("\0", " ");
    const sigmas = text.includes(SIGMA) ? this._sigmas(text) : text;
    return sigmas.replace(this._upper, (letter) => this._lower.get(letter));
  }

  _set(code, becomes) {
    this._lower.set(String.fromCodePoint(code), String.fromCodePoint(...becomes));
  }

  // Final ones behind a cased character and before none; ignorable ones don't count.
  _sigmas(text) {
    const letters = Array.from(text);
    const isCased = (place, step) => {
      do place += step;
      while (place >= 0 && place < letters.length && this._ignorable.test(letters[place]));
      return place >= 0 && place < letters.length && this._cased.test(letters[place]);
    };
    return letters
      .map((letter, place) => (letter === SIGMA && isCased(place, -1) && !isCased(place, 1) ? FINAL_SIGMA : letter))
      .join("");
  }
}

// Text in Unicode's normal form C.
export class NormalForm {
  constructor(table) {
    this._classes = new Map();
    for (const [first, last, number] of rows(table.classes, 3)) {
      for (let code = first; code <= last; code++) this._classes.set(code, number);
    }
    this._composed = new Map();
    const parts = new Map();
    const changing = new Set(this._classes.keys());
    for (const [first, second, whole] of rows(table.composed, 3)) {
      this._composed.set(first * PAIR + second, whole);
      parts.set(whole, [first, second]);
      changing.add(second);
    }
    for (const [first, successive] of table.decomposed) {
      successive.forEach((becomes, place) => {
        parts.set(first + place, becomes);
        changing.add(first + place);
      });
    }
    for (let vowel = VOWEL; vowel < VOWEL + VOWELS; vowel++) changing.add(vowel);
    for (let tail = TAIL + 1; tail < TAIL + TAILS; tail++) changing.add(tail);
    this._parts = new Map([...parts.keys()].map((code) => [code, expanded(code, parts, 0)]));
    this._changing = anyOf(changing);
  }

  of(text) {
    if (ASCII.test(text) || text.search(this._changing) < 0) return text;
    const codes = Array.from(text).flatMap((letter) => this._decomposed(letter.codePointAt(0)));
    return this._recomposed(this._ordered(codes))
      .map((code) => String.fromCodePoint(code))
      .join("");
  }

  _decomposed(code) {
    const number = code - SYLLABLE;
    if (number < 0 || number >= SYLLABLES) return this._parts.get(code) ?? [code];
    const parts = [LEAD + Math.floor(number / (VOWELS * TAILS)), VOWEL + (Math.floor(number / TAILS) % VOWELS)];
    return number % TAILS ? [...parts, TAIL + (number % TAILS)] : parts;
  }

  // Marks behind a character by their class, those of one class as they stand.
  _ordered(codes) {
    const classOf = (code) => this._classes.get(code) ?? 0;
    const ordered = [];
    for (let begin = 0, end; begin < codes.length; begin = end) {
      for (end = begin + 1; end < codes.length && classOf(codes[end]); ) end++;
      const run = codes.slice(begin, end).sort((a, b) => classOf(a) - classOf(b));
      for (const code of run) ordered.push(code);
    }
    return ordered;
  }

  // Each with the last starter that it composes with and from which nothing blocks it.
  _recomposed(codes) {
    const found = [];
    let starter = -1; // its place among those found
    let before = 0; // the class of the one found last
    for (const code of codes) {
      const number = this._classes.get(code) ?? 0;
      if (starter >= 0 && (starter === found.length - 1 || before < number)) {
        const whole = this._pair(found[starter], code);
        if (whole !== undefined) {
          found[starter] = whole;
          continue;
        }
      }
      if (!number) starter = found.length;
      before = number;
      found.push(code);
    }
    return found;
  }

  _pair(first, second) {
    const [lead, vowel] = [first - LEAD, second - VOWEL];
    if (lead >= 0 && lead < LEADS && vowel >= 0 && vowel < VOWELS) return SYLLABLE + (lead * VOWELS + vowel) * TAILS;
    const [number, tail] = [first - SYLLABLE, second - TAIL];
    if (number >= 0 && number < SYLLABLES && number % TAILS === 0 && tail > 0 && tail < TAILS) return first + tail;
    return this._composed.get(first * PAIR + second);
  }
}

// All that a character decomposes into.
function expanded(code, parts, depth) {
  if (!parts.has(code)) return [code];
  if (depth > DEEPEST) throw new ArtefactError(`tokenizer.json: tables.nfc decomposes character ${code} without an end.`);
  return parts.get(code).flatMap((part) => expanded(part, parts, depth + 1));
}
