"""tokenizer.json: all that maps texts to ids and back, with the tables of characters inside.

So a runtime's own idea of what a letter, a blank or a capital is plays no part: what counts is what TensorFlow did in
training, measured on every character. docs/tokenizer.md is the specification.
"""

import functools
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.text import normal_form
from seqkit.text.lexicon import Lexicon
from seqkit.text.subwords import MARK, fold
from seqkit.text.vocabulary import BEGIN, END, PADDING, UNKNOWN, Vocabulary

VERSION = 1
_INVISIBLE, _MARKED = r"[\p{Z}\p{C}]", rf"[\p{{Z}}\p{{Cc}}{MARK}]"
_BLANK = {  # what parts the tokens of a unit
    "word": _INVISIBLE,
    "character": _INVISIBLE,
    "whitespace": r"[\p{Z}\p{Cc}]",
    "marked_word": _MARKED,
    "subword": _MARKED,
    "unigram": _MARKED,
}
_LETTER = r"[\p{L}\p{M}\p{N}]"
_SURROGATES = range(0xD800, 0xE000)
_HANGUL = range(0xAC00, 0xD7A4)  # syllables, which are composed by arithmetic
_SIGMA, _FINAL_SIGMA = "\u03a3", "\u03c2"


def tokenizer_json(words: Vocabulary | Lexicon) -> dict[str, Any]:
    """Everything that maps texts to ids, as JSON.

    Args:
        words: Of a text, or of a tagger's sentences: then texts are split as they are written, and words are looked up
            folded.
    Returns:
        See docs/tokenizer.md. Classes of characters are flat lists: first and last code point of each range.
    """
    vocabulary = words.words if isinstance(words, Lexicon) else words
    rule = vocabulary.tokenizer
    whole = words.to_json()
    value = {
        "version": VERSION,
        "unit": rule.unit,
        "lowercase": rule.lowercase,
        "normal_form": rule.normal_form,
        "special": {"padding": PADDING, "unknown": UNKNOWN, "begin": BEGIN, "end": END},
    }
    value |= {name: whole[name] for name in ("tokens", "scores", "characters", "characters_a_word") if name in whole}
    tables: dict[str, Any] = {"unicode": unicodedata.unidata_version}
    if rule.unit in _BLANK:
        tables["blank"] = _class(_BLANK[rule.unit])
    if rule.unit in ("word", "marked_word"):
        tables["letter"] = _class(_LETTER)
    if rule.lowercase:
        tables["lower"] = _lower()
    if rule.normal_form:
        tables["nfc"] = _nfc()
    return value | {"tables": tables}


@functools.cache
def _characters() -> tuple[np.ndarray, tf.Tensor]:
    """All characters, but for NUL, with which nothing begins and at which nothing ends here: code points, and texts."""
    codes = np.array([code for code in range(1, 0x110000) if code not in _SURROGATES])
    return codes, tf.constant([chr(code) for code in codes.tolist()])


@functools.cache
def _class(pattern: str) -> list[int]:
    """The characters that RE2 has in a class."""
    codes, texts = _characters()
    found = codes[tf.strings.regex_full_match(texts, f"(?s){pattern}").numpy()].tolist()
    return _ranges(([0] if tf.strings.regex_full_match("\0", pattern) else []) + found)


def _ranges(codes: Iterable[int]) -> list[int]:
    """First, last, first, last, ... of ascending code points."""
    found: list[int] = []
    for code in codes:
        if found and found[-1] == code - 1:
            found[-1] = code
        else:
            found += [code, code]
    return found


@functools.cache
def _lower() -> dict[str, Any]:
    """Lower case.

    Returns:
        "ranges", flat: first, last, step and what is added to each; "sequences": a character, and those that it becomes;
        what decides how a capital sigma is written, flat: "cased" and "ignorable" characters.
    """
    codes, texts = _characters()
    folded = fold(texts)
    others = tf.not_equal(folded, texts).numpy()  # a thousand of a million
    ranges: list[list[int]] = []
    sequences = []
    for code, text in zip(codes[others].tolist(), map(bytes.decode, folded[others].numpy().tolist()), strict=True):
        if len(text) != 1:
            sequences.append([code, *map(ord, text)])
        else:
            added = ord(text) - code
            last = ranges[-1] if ranges else [0, -9, 0, 0]
            step = code - last[1]
            if added == last[3] and (step == last[2] or (last[0] == last[1] and step <= 2)):
                last[1:3] = code, step
            else:
                ranges.append([code, code, 1, added])
    final = {  # whether a sigma between an "a" and each character, and perhaps a "b", ends a word
        after: tf.strings.regex_full_match(
            fold(tf.strings.join([f"a{_SIGMA}", texts, after])), f"(?s)a{_FINAL_SIGMA}.*"
        ).numpy()
        for after in ("", "b")
    }
    return {
        "ranges": [number for row in ranges for number in row],
        "sequences": sequences,
        "cased": _ranges(codes[~final[""]].tolist()),
        "ignorable": _ranges(codes[final[""] & ~final["b"]].tolist()),
    }


@functools.cache
def _nfc() -> dict[str, Any]:
    """Normal form C, but for the syllables of Hangul.

    Returns:
        "classes", flat: first and last of a range of marks, and their combining class; "composed", flat: two characters, and
        the one that they become; "decomposed": the first of successive characters that become others for good, and for each
        of them the list of what it becomes.
    """
    tables = normal_form.tables()
    classes: list[list[int]] = []
    for code, number in zip(*(column.tolist() for column in tables.classes), strict=True):
        if classes and classes[-1][1:] == [code - 1, number]:
            classes[-1][1] = code
        else:
            classes.append([code, code, number])
    pairs = [
        [*divmod(pair, normal_form.SHIFT), whole]
        for pair, whole in zip(*(column.tolist() for column in tables.composed), strict=True)
        if whole not in _HANGUL
    ]
    composed = {whole for _, _, whole in pairs}
    decomposed: list[list[Any]] = []
    for code, start, size in zip(*(column.tolist() for column in tables.decomposed), strict=True):
        if code in composed or code in _HANGUL:
            continue
        parts = tables.parts[start : start + size].tolist()
        if decomposed and decomposed[-1][0] + len(decomposed[-1][1]) == code:
            decomposed[-1][1].append(parts)
        else:
            decomposed.append([code, [parts]])
    return {
        "classes": [number for row in classes for number in row],
        "composed": [number for row in pairs for number in row],
        "decomposed": decomposed,
    }
