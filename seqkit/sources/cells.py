"""Cells of a row, checked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.sources.token_files import LISTS, check_counts


def checked_row(cells: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A row of a table, its cells checked; lists are tuples."""
    row = {field: (_list if field in LISTS else checked_cell)(value, field, place) for field, value in cells.items()}
    check_counts(row, place)
    return row


def _list(value: Any, field: str, place: str) -> tuple[str, ...]:
    if isinstance(value, str | bytes):
        return tuple(checked_cell(value, field, place).split())
    if not isinstance(value, Sequence | np.ndarray):
        raise InputError(f"{place}: the {field} are a {type(value).__name__}, where a list of strings is expected.")
    cells = tuple(checked_cell(cell, field[:-1], place) for cell in value)
    if not all(cell.strip() for cell in cells):
        raise InputError(f"{place}: the list of {field} holds an empty string. Each token needs a tag.")
    return cells


def checked_cell(value: Any, field: str, place: str) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: the {field} is not UTF-8 ({error.reason}).") from None
    elif isinstance(value, bool | int | np.integer | np.bool_):
        value = str(int(value) if isinstance(value, np.integer) else value)
    if not isinstance(value, str):
        raise InputError(f"{place}: the {field} is a {type(value).__name__}, where a string is expected.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"{place}: the {field} holds half a character (a lone surrogate): remove it.") from None
    if field in ("label", "answer") and not value.strip():
        raise InputError(f"{place}: the {field} is empty. Each row needs one.")
    return value


def how_to_name(field: str) -> str:
    """What a user does about a column that isn't there."""
    return f"Say where the {field} is: --{field} for seqkit train, --column.{field} for evaluate and predict."


def listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names)
