// What a tokenizer.json may hold: checked before anything is made of it.

import { ArtefactError } from "./errors.js";

export const SPECIAL = ["<padding>", "<unknown>", "<begin>", "<end>"];
const VERSION = 1;
const TABLES = {
  word: ["blank", "letter"],
  whitespace: ["blank"],
  marked_word: ["blank", "letter"],
  character: ["blank"],
  symbol: [],
  subword: ["blank"],
  unigram: ["blank"],
};
const WIDEST = 10000; // character ids a word
const LAST = 0x10ffff;
const LONGEST = 4; // characters that one becomes

// What was read of a tokenizer.json, if it is one; otherwise throws an ArtefactError that names the field and what was expected.
export function checked(value) {
  expect(isObject(value), "the whole", "an object of fields");
  expect(value.version === VERSION, "version", `${VERSION}, the one that this runner reads`);
  expect(Object.hasOwn(TABLES, value.unit), "unit", `one of ${Object.keys(TABLES).join(", ")}`);
  expect(typeof value.lowercase === "boolean", "lowercase", "true or false");
  expect(value.normal_form === "NFC" || value.normal_form === null, "normal_form", '"NFC" or null');
  const { tokens, characters, scores, tables } = value;
  expect(isTexts(tokens), "tokens", "a list of texts");
  expect(SPECIAL.every((token, place) => tokens[place] === token), "tokens", `a list that begins with ${SPECIAL.join(", ")}`);
  if (value.unit === "unigram") {
    const right = Array.isArray(scores) && scores.length === tokens.length - SPECIAL.length && scores.every(isScore);
    expect(right, "scores", "a number for each token but the first four");
  }
  if (characters !== undefined) {
    expect(isTexts(characters), "characters", "a list of texts");
    const right = characters.every((letter) => Array.from(letter).length === 1);
    expect(right, "characters", "a list of single characters");
    const [width, lowest] = [value.characters_a_word, characters.length ? 4 : 0];
    const fits = Number.isInteger(width) && lowest <= width && width <= WIDEST;
    expect(fits, "characters_a_word", `a number from ${lowest} to ${WIDEST}`);
  }
  expect(isObject(tables), "tables", "an object of fields");
  const folds = value.lowercase ? ["lower"] : [];
  const composes = value.normal_form ? ["nfc"] : [];
  for (const name of [...TABLES[value.unit], ...folds, ...composes]) CHECKS[name](tables[name], `tables.${name}`);
  return value;
}

function expect(right, field, expected) {
  if (right) return;
  throw new ArtefactError(
    `tokenizer.json: ${field} is missing or wrong, not ${expected}: export it again.`,
  );
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isTexts = (value) => Array.isArray(value) && value.every((text) => typeof text === "string");
const isScore = (value) => Number.isFinite(value) && Math.abs(value) < 1e9;
const isCharacter = (value) =>
  Number.isInteger(value) && value >= 0 && value <= LAST && !(value >= 0xd800 && value < 0xe000);

// A flat list of numbers, `size` a row, of which the first two are a range; ranges ascend.
function rows(value, field, size) {
  const right = Array.isArray(value) && value.every(Number.isSafeInteger) && value.length % size === 0;
  expect(right, field, `a flat list of numbers, ${size} a row`);
  const found = Array.from({ length: value.length / size }, (_, row) => value.slice(row * size, (row + 1) * size));
  let before = -1;
  for (const [first, last] of found) {
    expect(before < first && first <= last && last <= LAST, field, "ranges of characters, ascending");
    before = last;
  }
  return found;
}

function classOf(value, field) {
  expect(rows(value, field, 2).length > 0, field, "ranges of characters");
}

function lower(value, field) {
  expect(isObject(value), field, "an object of fields");
  for (const [first, last, step, added] of rows(value.ranges, `${field}.ranges`, 4)) {
    const right = (step === 1 || step === 2) && isCharacter(first + added) && isCharacter(last + added);
    expect(right, `${field}.ranges`, "first, last, step 1 or 2, and what leads to another character");
  }
  sequences(value.sequences, `${field}.sequences`);
  for (const name of ["cased", "ignorable"]) classOf(value[name], `${field}.${name}`);
}

function nfc(value, field) {
  expect(isObject(value), field, "an object of fields");
  for (const [, , number] of rows(value.classes, `${field}.classes`, 3)) {
    expect(number > 0 && number < 256, `${field}.classes`, "a combining class from 1 to 255 behind each range");
  }
  const { composed, decomposed } = value;
  const right = Array.isArray(composed) && composed.length % 3 === 0 && composed.every(isCharacter);
  expect(right, `${field}.composed`, "a flat list of characters, three a row");
  const isRow = (row) => Array.isArray(row) && row.length === 2 && isCharacter(row[0]) && Array.isArray(row[1]);
  expect(Array.isArray(decomposed) && decomposed.every(isRow), `${field}.decomposed`, "a list of characters, each with a list");
  for (const [first, successive] of decomposed) {
    expect(first + successive.length <= LAST, `${field}.decomposed`, "characters only");
    sequences(successive.map((parts) => (Array.isArray(parts) ? [first, ...parts] : parts)), `${field}.decomposed`);
  }
}

function sequences(value, field) {
  const isRow = (row) => Array.isArray(row) && row.length >= 2 && row.length <= 1 + LONGEST && row.every(isCharacter);
  const right = Array.isArray(value) && value.every(isRow);
  expect(right, field, `lists of a character and of those that it becomes, ${LONGEST} at most`);
}

const CHECKS = { blank: classOf, letter: classOf, lower, nfc };
