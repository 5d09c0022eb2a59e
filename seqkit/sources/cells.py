"""Cells of a row, checked."""

import ast
import io
import json
import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.examples import Examples
from seqkit.sources.storing import Gathered

LISTS = ("tokens", "tags")  # the fields that hold a list of strings a row
NAMES = ("label", "answer")  # the fields that name a class
_QUOTED_LIST = re.compile(r"\[u?['\"].*\]", re.DOTALL)  # as Python, NumPy and JSON write strings
_NUMBER_LIST = re.compile(r"\[-?\d+(?:,?\s+-?\d+)*\]")  # the classes of tags by their numbers


class Trimmed:
    """Names that were written with blanks at their ends, and without."""

    def __init__(self) -> None:
        self._writings: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(dict)

    def trim(self, text: str, field: str, place: str) -> str:
        """The text without blanks at its ends."""
        trimmed = text.strip()
        writings = self._writings[field, trimmed]
        if text != trimmed or not writings:
            writings.setdefault(text, []).append(place)
        elif text not in writings:
            writings[text] = [place]
        return trimmed

    def findings(self) -> tuple[Finding, ...]:
        """Those that were two names, but for blanks."""
        found = []
        for (field, trimmed), writings in self._writings.items():
            others = [place for text, places in writings.items() if text != trimmed for place in places]
            if len(writings) > 1:
                shown = ", ".join(sorted(map(repr, writings)))
                what = f"the {field}s {shown} are one but for blanks at their ends, which are left out"
                found.append(Finding.at("blanks", "note", what, others))
        return tuple(found)


def examples_of(
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    columns: Mapping[str, str],
    origin: str,
    *,
    unit: str = "line",
    split: bool = True,
    place: Callable[[int], str] | None = None,
) -> Examples:
    """Check rows and make columns of them.

    Args:
        rows: The number of each and its cells.
        unit: What the numbers count: "line", or "row" where there are no lines.
        split: Whether a text that stands for a list is split at blanks; otherwise it stays a text.
        place: From a number to where that row is, for people; nothing for the origin and the number.
    """
    trimmed, numbers = Trimmed(), Gathered("lines")
    values = {field: Gathered(field, named=field in (*NAMES, *LISTS)) for field in columns}
    for number, cells in rows:
        numbers.append(number)
        where = f"{origin}, {unit} {number}" if place is None else place(number)
        for field, value in checked_row(cells, where, trimmed, split=split).items():
            values[field].append(value)
    gathered = {field: column.done() for field, column in values.items()}
    lines = numbers.done()
    return Examples(gathered, origin, lines=lines if unit == "line" else None, findings=trimmed.findings())


def checked_row(cells: Mapping[str, Any], place: str, trimmed: Trimmed, *, split: bool = True) -> dict[str, Any]:
    """A row of a table, its cells checked; lists are tuples."""
    row: dict[str, Any] = {}
    for field, value in cells.items():
        if field in LISTS and (split or not isinstance(value, str | bytes)):
            row[field] = _list(value, field, place, trimmed)
        elif field in NAMES:
            row[field] = trimmed.trim(checked_cell(value, field, place), field, place)
        else:
            row[field] = checked_cell(value, field, place)
    tokens, tags = row.get("tokens"), row.get("tags")
    if isinstance(tokens, tuple) and isinstance(tags, tuple) and len(tokens) != len(tags):
        raise InputError(
            f"{place}: found {len(tokens)} tokens and {len(tags)} tags. "
            "Each token needs one tag; check for a space inside a token."
        )
    return row


def _list(value: Any, field: str, place: str, trimmed: Trimmed) -> tuple[str, ...]:
    if isinstance(value, str | bytes):
        text = checked_cell(value, field, place).strip()
        written = _written_list(text, field, place)
        if written is None:
            return tuple(text.split())
        value = written
    if not isinstance(value, Sequence | np.ndarray):
        raise InputError(f"{place}: the {field} are a {type(value).__name__}, where a list of strings is expected.")
    cells = tuple(checked_cell(cell, field[:-1], place) for cell in value)
    if not all(cell.strip() for cell in cells):
        raise InputError(f"{place}: the list of {field} holds an empty string. Each token needs a tag.")
    return tuple(trimmed.trim(cell, "tag", place) for cell in cells) if field == "tags" else cells


def _written_list(text: str, field: str, place: str) -> list[Any] | None:
    """The items of a list as JSON, Python or NumPy write it; None for any other text."""
    if text == "[]":
        return []
    if field == "tags" and _NUMBER_LIST.fullmatch(text):
        return re.findall(r"-?\d+", text)
    if not _QUOTED_LIST.fullmatch(text):
        return None
    try:
        items = json.loads(text)
    except ValueError:
        items = _python_list(text)
    if items is None or not all(isinstance(item, str) for item in items):
        raise InputError(
            f"{place}: the {field} {text[:40]!r} begin and end as a list of strings and are none. Check the quotes."
        )
    return list(items)


def _python_list(text: str) -> list[str] | None:
    """The strings of a list as Python or NumPy writes it, which has no commas; None where there is anything else."""
    items = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING:
                items.append(ast.literal_eval(token.string))
            elif token.string.strip() not in ("[", "]", ",", ""):
                return None
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    return items


def check_column(column: Any, field: str, origin: str) -> None:
    """Raise InputError for one text in place of a column, whose characters would be its rows."""
    if isinstance(column, str | bytes):
        kind = type(column).__name__
        raise InputError(
            f"{origin}: the column of the {field} is a {kind}, whose characters would be rows: give a list with a value for "
            "each row."
        )


def checked_cell(value: Any, field: str, place: str) -> str:
    """A cell as text.

    Raises:
        InputError: It is of another type, not UTF-8, or an empty name of a class.
    """
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: the {field} is not UTF-8 ({error.reason}).") from None
    elif isinstance(value, bool | int | np.integer | np.bool_):
        value = str(int(value) if isinstance(value, np.integer) else value)
    elif field in (*NAMES, "tag") and isinstance(value, float | np.floating) and np.isfinite(value):
        value = str(float(value))  # a data frame makes floats of whole numbers where one is missing
    if not isinstance(value, str):
        raise InputError(f"{place}: the {field} is a {type(value).__name__}, where a string is expected.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"{place}: the {field} holds half a character (a lone surrogate): remove it.") from None
    if field in NAMES and not value.strip():
        raise InputError(f"{place}: the {field} is empty. Each row needs one.")
    return value


def how_to_name(field: str) -> str:
    """What a user does about a column that isn't there."""
    return f"Say where the {field} is: --{field} for seqkit train, --column.{field} for evaluate and predict."


def listed(names: Iterable[str], most: int | None = None) -> str:
    """Names in a sentence, each cut to 40 characters; the first `most` of them, and how many more there are."""
    known = [repr(name[:40]) for name in names]
    more = f" and {len(known) - most:,} more" if most is not None and len(known) > most else ""
    return ", ".join(known[:most]) + more
