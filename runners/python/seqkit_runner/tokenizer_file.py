"""What a tokenizer.json may hold: checked before anything is made of it."""

from collections.abc import Callable, Sequence
from typing import Any

from seqkit_runner.errors import ArtefactError

VERSION = 1
SPECIAL = ("<padding>", "<unknown>", "<begin>", "<end>")
_TABLES: dict[str, tuple[str, ...]] = {
    "word": ("blank", "letter"),
    "whitespace": ("blank",),
    "marked_word": ("blank", "letter"),
    "character": ("blank",),
    "symbol": (),
    "subword": ("blank",),
    "unigram": ("blank",),
}
_BOUND = 1e9  # of scores
_WIDEST = 10_000  # character ids a word
_LAST = 0x10FFFF
_LONGEST = 4  # characters that one becomes


def checked(value: Any) -> dict[str, Any]:
    """What was read of a tokenizer.json, if it is one.

    Raises:
        ArtefactError: It isn't: which field, and what was expected.
    """
    fields = _object(value, "the whole")
    _expect(
        _is_number(fields.get("version")) and fields["version"] == VERSION,
        "version",
        f"{VERSION}, the one that this runner reads",
    )
    unit = str(fields.get("unit"))
    _expect(unit in _TABLES, "unit", f"one of {', '.join(_TABLES)}")
    _expect(isinstance(fields.get("lowercase"), bool), "lowercase", "true or false")
    _expect(fields.get("normal_form", "") in ("NFC", None), "normal_form", '"NFC" or null')
    tokens = _texts(fields.get("tokens"), "tokens")
    _expect(tuple(tokens[: len(SPECIAL)]) == SPECIAL, "tokens", f"a list that begins with {', '.join(SPECIAL)}")
    if unit == "unigram":
        scores = fields.get("scores")
        right = isinstance(scores, list) and all(map(_is_score, scores)) and len(scores) == len(tokens) - len(SPECIAL)
        _expect(right, "scores", "a number for each token but the first four")
    if "characters" in fields:
        letters = _texts(fields["characters"], "characters")
        _expect(all(len(letter) == 1 for letter in letters), "characters", "a list of single characters")
        width: Any = fields.get("characters_a_word")
        lowest = 4 if letters else 0
        right = _is_number(width) and lowest <= width <= _WIDEST
        _expect(right, "characters_a_word", f"a number from {lowest} to {_WIDEST}")
    tables = _object(fields.get("tables"), "tables")
    folds, composes = ["lower"] * fields["lowercase"], ["nfc"] * (fields["normal_form"] is not None)
    for name in (*_TABLES[unit], *folds, *composes):
        _CHECKS[name](tables.get(name), f"tables.{name}")
    return fields


def _expect(right: bool, field: str, expected: str) -> None:
    if not right:
        raise ArtefactError(f"tokenizer.json: {field} is missing or wrong, not {expected}: export it again.")


def _object(value: Any, field: str) -> dict[str, Any]:
    _expect(isinstance(value, dict), field, "an object of fields")
    return dict(value)


def _texts(value: Any, field: str) -> list[str]:
    _expect(isinstance(value, list) and all(isinstance(text, str) for text in value), field, "a list of texts")
    return list(value)


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _BOUND


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_character(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= _LAST and not 0xD800 <= value < 0xE000


def _rows(value: Any, field: str, size: int) -> list[Sequence[int]]:
    """A flat list of numbers, `size` a row, of which the first two are a range; ranges ascend."""
    right = isinstance(value, list) and all(map(_is_number, value)) and not len(value) % size
    _expect(right, field, f"a flat list of numbers, {size} a row")
    rows = [value[place : place + size] for place in range(0, len(value), size)]
    before = -1
    for first, last, *_ in rows:
        _expect(before < first <= last <= _LAST, field, "ranges of characters, ascending")
        before = last
    return rows


def _class(value: Any, field: str) -> None:
    _expect(bool(_rows(value, field, 2)), field, "ranges of characters")


def _lower(value: Any, field: str) -> None:
    table = _object(value, field)
    for first, last, step, added in _rows(table.get("ranges"), f"{field}.ranges", 4):
        right = step in (1, 2) and _is_character(first + added) and _is_character(last + added)
        _expect(right, f"{field}.ranges", "first, last, step 1 or 2, and what leads to another character")
    _sequences(table.get("sequences"), f"{field}.sequences")
    for name in ("cased", "ignorable"):
        _class(table.get(name), f"{field}.{name}")


def _nfc(value: Any, field: str) -> None:
    table = _object(value, field)
    for _, _, number in _rows(table.get("classes"), f"{field}.classes", 3):
        _expect(0 < number < 256, f"{field}.classes", "a combining class from 1 to 255 behind each range")
    composed: Any = table.get("composed")
    right = isinstance(composed, list) and not len(composed) % 3 and all(map(_is_character, composed))
    _expect(right, f"{field}.composed", "a flat list of characters, three a row")
    decomposed: Any = table.get("decomposed")
    right = isinstance(decomposed, list) and all(
        isinstance(row, list) and len(row) == 2 and _is_character(row[0]) and isinstance(row[1], list)
        for row in decomposed
    )
    _expect(right, f"{field}.decomposed", "a list of characters, each with a list")
    for first, successive in decomposed:
        _expect(first + len(successive) <= _LAST, f"{field}.decomposed", "characters only")
        _sequences(
            [[first, *parts] if isinstance(parts, list) else parts for parts in successive], f"{field}.decomposed"
        )


def _sequences(value: Any, field: str) -> None:
    right = isinstance(value, list) and all(
        isinstance(row, list) and 2 <= len(row) <= 1 + _LONGEST and all(map(_is_character, row)) for row in value
    )
    _expect(right, field, f"lists of a character and of those that it becomes, {_LONGEST} at most")


_CHECKS: dict[str, Callable[[Any, str], None]] = {"blank": _class, "letter": _class, "lower": _lower, "nfc": _nfc}
