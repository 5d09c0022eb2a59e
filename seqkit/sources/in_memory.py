"""Mappings, sequences and tf.data datasets, read into columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.sources.cells import LISTS, check_column, examples_of, listed
from seqkit.sources.examples import Examples

NAMED = 10  # rows without a cell, in a sentence


def read_mapping(source: Mapping[str, Any], columns: Mapping[str, str], origin: str) -> Examples:
    cells = {}
    for field, name in columns.items():
        if name not in source:
            raise InputError(f"{origin} has no column {name!r}: it has {listed(map(str, source.keys()))}.")
        check_column(source[name], field, origin)
        cells[field] = list(source[name])
    sizes = {field: len(column) for field, column in cells.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(f"{origin} has columns of different lengths: {sizes}. Each row needs every column.")
    rows = (dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True))
    # a text for tokens alone is split as the model's own texts are
    return examples_of(enumerate(rows), columns, origin, unit="row", split="tags" in columns)


def read_frame(frame: Any, columns: Mapping[str, str], origin: str) -> Examples:
    """Read the wanted columns of a data frame of pandas or polars.

    Raises:
        InputError: It lacks a column, or a cell, with the rows.
    """
    names = {str(name): name for name in frame.columns}
    repeated = [name for name in columns.values() if list(map(str, frame.columns)).count(name) > 1]
    if repeated:
        raise InputError(f"{origin} has more than one column {repeated[0]!r}: give each a name of its own.")
    if not set(columns.values()) <= names.keys():
        lacking = next(name for name in columns.values() if name not in names)
        raise InputError(f"{origin} has no column {lacking!r}: it has {listed(names)}.")
    cells = {column: list(frame[names[column]]) for column in columns.values()}
    index = list(getattr(frame, "index", range(len(frame))))
    for field, column in columns.items():
        if empty := [row for row, cell in enumerate(cells[column]) if _missing(cell)]:
            rows = [f"{row}" if index[row] == row else f"{row} (index {index[row]})" for row in empty[:NAMED]]
            more = f" and {len(empty) - NAMED:,} more" if len(empty) > NAMED else ""
            where = f"row{'s' if len(empty) > 1 else ''} {', '.join(rows)}{more}"
            raise InputError(f"{origin} lacks the {field} (column {column!r}) in {where}: fill or leave out such rows.")
    return read_mapping(cells, columns, origin)


def _missing(cell: Any) -> bool:
    """Whether a data frame says so of a cell: None, NaN, and pandas's NA and NaT."""
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def read_dataset(dataset: Any, columns: Mapping[str, str], origin: str) -> Examples:
    names = list(columns.values())
    lists = {column for field, column in columns.items() if field in LISTS}
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for element in dataset.as_numpy_iterator():
        row = dict(zip(names, element, strict=False)) if isinstance(element, tuple) else element
        for name in names:
            if not isinstance(row, dict) or name not in row:
                raise InputError(
                    f"{origin} has elements without {name!r}: give tuples ({', '.join(columns)}) or dicts."
                )
            value = np.atleast_1d(row[name])  # a ragged batch comes as an array of arrays
            if name in lists and not (len(value) and np.ndim(value[0])):
                parts[name].append(value)
            else:
                parts[name].extend(value.tolist())
    return read_mapping(parts, columns, origin)
