"""What characters are and become, by the tables of a tokenizer.json; no Unicode data of this Python's own is asked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqkit_runner.errors import ArtefactError

Codes = tuple[int, ...]
SIGMA, FINAL_SIGMA = "Σ", "ς"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SYLLABLE, _LEAD, _VOWEL, _TAIL = 0xAC00, 0x1100, 0x1161, 0x11A7  # the first of each of Hangul; of tails the one before
_SYLLABLES, _LEADS, _VOWELS, _TAILS = 11_172, 19, 21, 28
_DEEPEST = 4  # of decompositions in decompositions


def well_formed(text: str) -> str:
    """The text with U+FFFD for each surrogate that stands alone; two that make a character are that character."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def character_class(ranges: Sequence[int]) -> str:
    """What stands between the brackets of a regular expression: of a flat list of first and last code points."""
    return "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in _rows(ranges, 2))


def _rows(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (numbers[place : place + size] for place in range(0, len(numbers), size))


def _expanded(code: int, parts: Mapping[int, Codes], depth: int = 0) -> Codes:
    """All that a character decomposes into."""
    if code not in parts:
        return (code,)
    if depth > _DEEPEST:
        raise ArtefactError(f"tokenizer.json: tables.nfc decomposes character {code} without an end.")
    return tuple(whole for part in parts[code] for whole in _expanded(part, parts, depth + 1))


class Fold:
    """Text in lower case. A NUL is a space."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._lower: dict[int, str] = {0: " "}
        for first, last, step, added in _rows(table["ranges"], 4):
            self._lower.update((code, chr(code + added)) for code in range(first, last + 1, step))
        self._lower.update((code, "".join(map(chr, becomes))) for code, *becomes in table["sequences"])
        cased, ignorable = character_class(table["cased"]), character_class(table["ignorable"])
        self._cased = re.compile(f"[{cased}]")
        self._ignorable = re.compile(f"[{ignorable}]")

    def __call__(self, text: str) -> str:
        if text.isascii():
            return text.lower().replace("\0", " ")
        if SIGMA in text:
            text = "".join(self._sigma(text, place) if letter == SIGMA else letter for place, letter in enumerate(text))
        return text.translate(self._lower)

    def _sigma(self, text: str, place: int) -> str:
        """The sigma at a place: a final one behind a cased character and before none; ignorable ones don't count."""
        behind = self._next_is_cased(text, place, -1)
        return FINAL_SIGMA if behind and not self._next_is_cased(text, place, 1) else SIGMA

    def _next_is_cased(self, text: str, place: int, step: int) -> bool:
        place += step
        while 0 <= place < len(text) and self._ignorable.match(text[place]):
            place += step
        return 0 <= place < len(text) and self._cased.match(text[place]) is not None


class NormalForm:
    """Text in Unicode's normal form C."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._classes: dict[int, int] = {}
        for first, last, number in _rows(table["classes"], 3):
            self._classes.update(dict.fromkeys(range(first, last + 1), number))
        self._composed = {(first, second): whole for first, second, whole in _rows(table["composed"], 3)}
        parts = {whole: pair for pair, whole in self._composed.items()}
        for first, successive in table["decomposed"]:
            parts.update(enumerate(map(tuple, successive), start=first))
        self._parts = {code: _expanded(code, parts) for code in parts}
        changing = {*self._classes, *(second for _, second in self._composed)}
        changing.update(parts.keys() - self._composed.values())
        changing.update(range(_VOWEL, _VOWEL + _VOWELS), range(_TAIL + 1, _TAIL + _TAILS))
        self._changing = re.compile(
            "[" + character_class([code for one in sorted(changing) for code in (one, one)]) + "]"
        )

    def __call__(self, text: str) -> str:
        if text.isascii() or not self._changing.search(text):
            return text
        codes = [part for letter in text for part in self._decomposed(ord(letter))]
        self._order(codes)
        return "".join(map(chr, self._recomposed(codes)))

    def _decomposed(self, code: int) -> Codes:
        number = code - _SYLLABLE
        if 0 <= number < _SYLLABLES:
            tail = (_TAIL + number % _TAILS,) if number % _TAILS else ()
            return _LEAD + number // (_VOWELS * _TAILS), _VOWEL + number // _TAILS % _VOWELS, *tail
        return self._parts.get(code, (code,))

    def _order(self, codes: list[int]) -> None:
        """Marks behind a character by their class, those of one class as they stand."""
        begin = 0
        for end in range(len(codes) + 1):
            if end == len(codes) or codes[end] not in self._classes:
                codes[begin:end] = sorted(codes[begin:end], key=lambda code: self._classes.get(code, 0))
                begin = end

    def _recomposed(self, codes: list[int]) -> list[int]:
        """Each with the last starter that it composes with and from which nothing blocks it."""
        found: list[int] = []
        starter, before = (
            -1,
            0,
        )  # its place among those found; the class of the one found last, 0 where that is the starter
        for code in codes:
            number = self._classes.get(code, 0)
            if starter >= 0 and (starter == len(found) - 1 or before < number):
                whole = self._pair(found[starter], code)
                if whole is not None:
                    found[starter] = whole
                    continue
            if not number:
                starter = len(found)
            before = number
            found.append(code)
        return found

    def _pair(self, first: int, second: int) -> int | None:
        lead, vowel = first - _LEAD, second - _VOWEL
        if 0 <= lead < _LEADS and 0 <= vowel < _VOWELS:
            return _SYLLABLE + (lead * _VOWELS + vowel) * _TAILS
        number, tail = first - _SYLLABLE, second - _TAIL
        if 0 <= number < _SYLLABLES and number % _TAILS == 0 and 0 < tail < _TAILS:
            return first + tail
        return self._composed.get((first, second))
