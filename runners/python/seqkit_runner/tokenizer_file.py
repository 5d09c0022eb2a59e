"""What a tokenizer.json may hold: checked before anything is made of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seqkit_runner.errors import ArtefactError

VERSION = 1
SPECIAL = ("<padding>", "<unknown>", "<begin>", "<end>")
UNITS = ("word", "whitespace", "marked_word", "character", "symbol", "subword", "unigram")
_TABLES: dict[str, tuple[str, ...]] = dict.fromkeys(UNITS, ("blank",))
_TABLES |= {"word": ("blank", "letter"), "marked_word": ("blank", "letter"), "symbol": ()}
_WIDEST = 10_000  # character ids a word
_LAST = 0x10FFFF
_LONGEST = 4  # characters that one becomes


def checked(value: Any) -> Mapping[str, Any]:
    """What was read of a tokenizer.json, if it is one.

    Raises:
        ArtefactError: It isn't: which field, and what was expected.
    """
    if not isinstance(value, Mapping):
        raise ArtefactError("tokenizer.json holds no object of fields: export it again.")
    _expect(value.get("version") == VERSION, "version", f"{VERSION}, the one that this runner reads")
    unit = value.get("unit")
    _expect(unit in UNITS, "unit", f"one of {', '.join(UNITS)}")
    _expect(isinstance(value.get("lowercase"), bool), "lowercase", "true or false")
    _expect(value.get("normal_form", "") in ("NFC", None), "normal_form", '"NFC" or null')
    tokens = _texts(value.get("tokens"), "tokens")
    _expect(tuple(tokens[: len(SPECIAL)]) == SPECIAL, "tokens", f"a list that begins with {', '.join(SPECIAL)}")
    if unit == "unigram":
        scores = value.get("scores")
        right = isinstance(scores, list) and all(map(_is_score, scores)) and len(scores) == len(tokens) - len(SPECIAL)
        _expect(right, "scores", "a number for each token but the first four")
    if "characters" in value:
        letters = _texts(value["characters"], "characters")
        _expect(all(len(letter) == 1 for letter in letters), "characters", "a list of single characters")
        width = value.get("characters_a_word")
        lowest = 4 if letters else 0
        right = isinstance(width, int) and not isinstance(width, bool) and lowest <= width <= _WIDEST
        _expect(right, "characters_a_word", f"a number from {lowest} to {_WIDEST}")
    tables = value.get("tables")
    _expect(isinstance(tables, Mapping), "tables", "an object of tables")
    wanted = [*_TABLES[unit], *["lower"] * value["lowercase"], *["nfc"] * (value["normal_form"] == "NFC")]
    for name in wanted:
        _CHECKS[name](tables.get(name), f"tables.{name}")
    return value


def _expect(right: bool, field: str, expected: str) -> None:
    if not right:
        raise ArtefactError(
            f"tokenizer.json: {field} is missing or wrong, where {expected} is expected: export it again."
        )


def _texts(value: Any, field: str) -> list[str]:
    _expect(isinstance(value, list) and all(isinstance(text, str) for text in value), field, "a list of texts")
    return list(value)


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e9


def _is_character(value: Any) -> bool:
    right = isinstance(value, int) and not isinstance(value, bool)
    return right and 0 <= value <= _LAST and not 0xD800 <= value < 0xE000


def _rows(value: Any, field: str, size: int) -> list[Sequence[int]]:
    """A flat list of numbers, `size` a row, of which the first two are a range; ranges ascend."""
    right = isinstance(value, list) and all(isinstance(number, int) for number in value) and not len(value) % size
    _expect(right, field, f"a flat list of numbers, {size} a row")
    rows = [value[place : place + size] for place in range(0, len(value), size)]
    before = -1
    for first, last, *_ in rows:
        _expect(before < first <= last <= _LAST, field, "ranges of characters, ascending,")
        before = last
    return rows


def _class(value: Any, field: str) -> None:
    _expect(bool(_rows(value, field, 2)), field, "ranges of characters")


def _lower(value: Any, field: str) -> None:
    _expect(isinstance(value, Mapping), field, "an object of tables")
    for first, last, step, added in _rows(value.get("ranges"), f"{field}.ranges", 4):
        right = step in (1, 2) and _is_character(first + added) and _is_character(last + added)
        _expect(right, f"{field}.ranges", "first, last, step 1 or 2, and what leads to another character")
    _sequences(value.get("sequences"), f"{field}.sequences")
    for name in ("cased", "ignorable"):
        _class(value.get(name), f"{field}.{name}")


def _nfc(value: Any, field: str) -> None:
    _expect(isinstance(value, Mapping), field, "an object of tables")
    for _, _, number in _rows(value.get("classes"), f"{field}.classes", 3):
        _expect(0 < number < 256, f"{field}.classes", "a combining class from 1 to 255 behind each range")
    composed = value.get("composed")
    right = isinstance(composed, list) and not len(composed) % 3 and all(map(_is_character, composed))
    _expect(right, f"{field}.composed", "a flat list of characters, three a row,")
    decomposed = value.get("decomposed")
    right = isinstance(decomposed, list) and all(
        isinstance(row, list) and len(row) == 2 and _is_character(row[0]) and isinstance(row[1], list)
        for row in decomposed
    )
    _expect(right, f"{field}.decomposed", "a list of characters, each with a list,")
    for first, successive in decomposed:
        _expect(first + len(successive) <= _LAST, f"{field}.decomposed", "characters only")
        _sequences(
            [[first, *parts] if isinstance(parts, list) else parts for parts in successive], f"{field}.decomposed"
        )


def _sequences(value: Any, field: str) -> None:
    right = isinstance(value, list) and all(
        isinstance(row, list) and 2 <= len(row) <= 1 + _LONGEST and all(map(_is_character, row)) for row in value
    )
    _expect(right, field, f"lists of a character and of those that it becomes, {_LONGEST} at most,")


_CHECKS: dict[str, Callable[[Any, str], None]] = {"blank": _class, "letter": _class, "lower": _lower, "nfc": _nfc}
