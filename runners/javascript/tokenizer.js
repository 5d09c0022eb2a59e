// Texts to ids and back, by tokenizer.json alone, with the file's own tables of characters: no Unicode data of the runtime's
// own is asked. docs/tokenizer.md of seqkit is the specification. Characters are code points throughout.

import { Fold, NormalForm, characterClass, wellFormed } from "./characters.js";
import { ArtefactError } from "./errors.js";
import { Pieces, bytePairs, mostProbable } from "./pieces.js";
import { SPECIAL, checked } from "./tokenizer_file.js";

export { SPECIAL };
export const [PADDING, UNKNOWN, BEGIN, END] = [0, 1, 2, 3];
export const MARK = "\u2581"; // where a word begins, in the units of MARKED
// What Python takes for a blank, as a class of characters.
export const BLANK = "\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WORDS = ["word", "whitespace"]; // between which, written out, there is a space
const MARKED = ["marked_word", "subword", "unigram"];
const TAB = "\t";
const LINE_END = /\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]/;
const BREAK = /<[bB][rR] *\/?>/g;

export class Tokenizer {
  // What a tokenizer.json says: `unit`, `lowercase`, `vocabulary` (the token of each id), and for a tagger that reads them
  // `characters` of words, whose ids start at 4, with `width` ids a word.
  constructor(value) {
    const { unit, lowercase, tokens, characters = [], characters_a_word: width = 0, tables } = value;
    Object.assign(this, { unit, lowercase, characters, width, vocabulary: tokens });
    const known = tokens.slice(SPECIAL.length);
    this._places = numbered(known);
    this._letters = numbered(characters);
    this._folded = lowercase ? new Fold(tables.lower) : null;
    this._composed = value.normal_form ? new NormalForm(tables.nfc) : null;
    if (tables.blank) {
      const blank = characterClass(tables.blank);
      this._blanks = new RegExp(`[${blank}]+`, "gu");
      if (tables.letter) {
        const letter = characterClass(tables.letter);
        const mark = MARKED.includes(unit) ? `${MARK}?` : "";
        this._words = new RegExp(`${mark}(?:[${letter}]+(?:['’][${letter}]+)*|[^${blank}${letter}])`, "gu");
      }
    }
    if (unit === "subword") this._pieces = new Pieces(bytePairs(this._places));
    if (unit === "unigram") this._pieces = new Pieces(mostProbable(known, value.scores));
  }

  // Read what tokenizer.json holds. Throws an ArtefactError if it is of another version, or if something in it is missing or
  // of another kind.
  static fromJson(value) {
    return new Tokenizer(checked(value));
  }

  // A text's lines, an empty one of an empty text: what a language model splits one by one, unless by symbols.
  static lines(text) {
    const lines = text.split(LINE_END);
    return lines.length > 1 && !lines[lines.length - 1] ? lines.slice(0, -1) : lines;
  }

  // The tokens of a text.
  tokens(text) {
    return this._split(this._fold(this._compose(wellFormed(text))));
  }

  // The ids of a text's tokens, without an end token.
  ids(text) {
    return this.tokens(text).map((token) => this._id(token));
  }

  // The text of ids; padding, begin and end are left out wherever they stand. `unknown` is what an unknown token is written
  // as, among marked words as one by itself; or a list with the token to write for it at each place of `ids`.
  text(ids, unknown = SPECIAL[UNKNOWN]) {
    const instead = typeof unknown === "string" ? (this.unit === "marked_word" ? MARK : "") + unknown : null;
    const written = [];
    Array.from(ids).forEach((number, place) => {
      const token = this.vocabulary[number];
      if (token === undefined) throw new ArtefactError(`Id ${number} is none of the vocabulary's ${this.vocabulary.length}.`);
      if (number === UNKNOWN) written.push(instead ?? unknown[place]);
      else if (number >= SPECIAL.length) written.push(token);
    });
    if (!MARKED.includes(this.unit)) return written.join(WORDS.includes(this.unit) ? " " : "");
    const text = written.join("");
    return (text.startsWith(MARK) ? text.slice(MARK.length) : text).replaceAll(MARK, " ");
  }

  // The tokens of a tagger's sentence, with their case: a list of tokens, in which a tab counts as a space; a text with tabs,
  // between which its tokens stand; or any other text.
  split(text) {
    if (typeof text !== "string") return text.map((token) => this._compose(wellFormed(token)).replaceAll(TAB, " "));
    const composed = this._compose(wellFormed(text));
    return composed.includes(TAB) ? composed.split(TAB).filter((token) => token) : this._split(composed);
  }

  // A tagger's sentence: [its tokens with their case; their ids, without an end token; the ids of each one's characters,
  // `width` of them, or null where the tagger doesn't read them]. (An end token has no characters, but padding.)
  sentence(text) {
    const tokens = this.split(text);
    const ids = tokens.map((token) => this._id(this._fold(token)));
    return [tokens, ids, this.characters.length ? tokens.map((token) => this._spelt(token)) : null];
  }

  _id(token) {
    return this._places.get(token) ?? UNKNOWN;
  }

  _compose(text) {
    return this._composed ? this._composed.of(text) : text;
  }

  _fold(text) {
    return this._folded ? this._folded.of(text) : text;
  }

  // Of a long word the beginning and the end.
  _spelt(word) {
    const all = Array.from(word);
    const room = this.width - 2;
    const tail = Math.floor(room / 2);
    const letters = all.length <= room ? all : [...all.slice(0, room - tail), ...all.slice(-tail)];
    const row = [BEGIN, ...letters.map((letter) => this._letters.get(letter) ?? UNKNOWN), END];
    return [...row, ...Array(this.width - row.length).fill(PADDING)];
  }

  // The tokens of a text that is composed and folded.
  _split(text) {
    if (!this._blanks) return Array.from(text);
    if (this.unit === "word") return text.replace(BREAK, " ").match(this._words) ?? [];
    if (this.unit === "character") {
      return Array.from(text.replace(BREAK, " ").replace(this._blanks, " ").replace(/^ | $/g, ""));
    }
    const words = text.split(this._blanks).filter((word) => word);
    if (this.unit === "whitespace") return words;
    const cut = this.unit === "marked_word" ? (word) => word.match(this._words) : (word) => this._pieces.of(word);
    return words.flatMap((word) => cut(MARK + word));
  }
}

function numbered(texts) {
  return new Map(texts.map((text, place) => [text, place + SPECIAL.length]));
}
