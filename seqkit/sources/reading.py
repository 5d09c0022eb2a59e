"""Any source, read into columns: tables, token files, TFDS, arrays and tf.data datasets."""

import collections
import dataclasses
import datetime
import decimal
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.cells import LISTS, Trimmed, checked_cell, checked_row
from seqkit.sources.examples import Examples, Role
from seqkit.sources.in_memory import read_dataset, read_frame, read_mapping
from seqkit.sources.labels import check_names, check_tags
from seqkit.sources.prepared import read_before
from seqkit.sources.tables import (
    Layout,
    asked_of_layout,
    has_header,
    inputs_of_layout,
    layout_of,
    read_layout,
    read_layouts,
)
from seqkit.sources.text_files import TABLES, TextFile, files_of, open_text, suffix_of
from seqkit.sources.tfds import read_tfds
from seqkit.sources.token_files import LABEL, Kind, kind_of_tokens, read_tokens, token_rows
from seqkit.sources.workbooks import WORKBOOKS, asked_of_workbook, read_workbook

TELLING = 10_000  # lines that tell what a file of inputs is


def read(source: Any, columns: Mapping[str, str], *, role: Role = "train", data_dir: str | None = None) -> Examples:
    """Read a source into columns.

    Args:
        source: Path of a table (.tsv, .csv, .jsonl, also .gz, .xlsx or .parquet) or, for tokens, of a token file, under
            any name; a pattern that several tables of text fit (part-*.tsv); "tfds:NAME[/CONFIG][:SPLIT]"; a tuple of
            sequences in the order of `columns`; a mapping or data frame with those columns; a tf.data.Dataset of tuples or
            dicts; Examples that were read before; a folder of prepared data.
        columns: Field -> name of its column, or its number from 0 in a file without a header. The fields "tokens" and
            "tags" hold tuples of strings: lists, cells in which a list is written as Python or JSON writes it, or cells
            that are split at spaces; beside them "label" holds that of a row, which in a token file is a column or in a
            comment (`seqkit.sources.token_files`). A text for "tokens" that comes from Python without tags stays a string.
        role: What the rows are for; it chooses the split of a TFDS data set that names none.
        data_dir: Where TFDS keeps prepared data sets.
    Raises:
        InputError: Anything about the source is not as expected.
    """
    if (known := read_before(source, role)) is not None:
        return known
    if isinstance(source, str) and source.startswith("tfds:"):
        examples = read_tfds(source, columns, role, data_dir)
    elif isinstance(source, str | Path):
        examples = read_files(Path(source), columns)
    elif hasattr(source, "element_spec"):
        examples = read_dataset(source, columns, f"the tf.data dataset ({role})")
    elif hasattr(source, "collect") and hasattr(source, "lazy"):  # polars's plan of a frame
        raise InputError(f"The {role} data is a {type(source).__name__}, which holds no rows yet: collect it first.")
    elif hasattr(source, "columns") and hasattr(source, "__getitem__"):
        examples = read_frame(source, columns, f"the data frame ({role})")
    elif hasattr(source, "keys") and hasattr(source, "__getitem__"):
        examples = read_mapping(source, columns, f"the mapping ({role})")
    elif isinstance(source, tuple | list) and len(source) == len(columns):
        examples = read_mapping(dict(zip(columns.values(), source, strict=True)), columns, f"the arrays ({role})")
    else:
        raise InputError(
            f"The {role} data is a {type(source).__name__}: give a path, 'tfds:NAME', a tuple "
            f"({', '.join(columns)}), a mapping with these columns, or a tf.data.Dataset."
        )
    if "tags" in columns:
        examples = _without_empty(examples)
    if not len(examples):
        raise InputError(f"{examples.origin} has no rows: expected at least one with {' and '.join(columns)}.")
    return check_tags(check_names(examples, role))


def read_files(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a file, or of all tables that fit a pattern."""
    paths = files_of(path)
    if len(paths) == 1:
        return read_file(paths[0], columns)
    tables = []
    for one in paths:
        file = open_text(one)
        kind = _kind(file, columns)
        if not isinstance(kind, Layout):
            raise InputError(
                f"{one}, one of {len(paths):,} files that fit {path}, is no table: give other files one by one."
            )
        tables.append((file, kind))
    return read_layouts(tables, columns, str(path))


def read_file(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a table or a token file, plain or gzipped."""
    if suffix_of(path) in WORKBOOKS:
        return read_workbook(path, columns)
    file = open_text(path)
    kind = _kind(file, columns)
    if kind is None and _for_tokens(columns):
        kind = "conll"
    return _read_as(file, kind, columns)


def read_inputs(path: Path, field: str, column: str) -> Iterator[Any]:
    """Inputs to be answered, one by one: the field of a table or a token file as `read` finds it, else a text a line.

    What a file is, its first lines tell. Of lines, tables and token files no more is in memory than is asked for.
    """
    if (known := read_before(path, "asked")) is not None:
        return iter(known[field])
    if suffix_of(path) in WORKBOOKS:
        return iter(read_workbook(path, {field: column})[field])
    file = open_text(path, from_disk=True)
    kind = _kind(dataclasses.replace(file, most=TELLING), {field: column})
    if kind is None:
        return iter(file.lines)
    if isinstance(kind, Layout):
        return inputs_of_layout(file, kind, field, column)
    return (row[field] for row in token_rows(file, kind, {field: column}))


def read_asked(path: Path, columns: Mapping[str, str], id: str | None = None) -> Iterator[dict[str, Any]]:
    """Rows to be answered, as `read_inputs` finds them, with what a file says of them beside.

    Args:
        columns: The field that is asked by -> its column, and behind it fields of what the answer should be, which a row has
            where the file has their columns, with something in them.
        id: The column of what a row is called, which it has as "id".
    Raises:
        InputError: The file is not as expected, or has no such column.
    """
    (field, column), *rest = columns.items()
    if (known := read_before(path, "asked")) is not None:
        _refuse_id(path, id, "is prepared data")
        for row in range(len(known)):
            yield {name: known[name][row] for name in columns if name in known.columns}
        return
    more = dict(rest) | ({} if id is None else {"id": id})
    if suffix_of(path) in WORKBOOKS:
        found: Iterator[tuple[str, dict[str, Any]]] = asked_of_workbook(path, {field: column}, more)
    else:
        file = open_text(path, from_disk=True)
        kind = _kind(dataclasses.replace(file, most=TELLING), {field: column})
        if not isinstance(kind, Layout):
            _refuse_id(path, id, "is no table")
            yield from (
                _asked_tokens(file, kind, columns) if kind is not None else ({field: line} for line in file.lines)
            )
            return
        found = asked_of_layout(file, kind, {field: column}, more)
    trimmed = Trimmed()
    for place, cells in found:
        if id is not None and cells.get("id") in (None, ""):
            raise InputError(f"{place}: there is no id in the column {id!r}. Each row needs one.")
        said = {name: value for name, value in cells.items() if name in columns and not _blank(value)}
        named = {} if id is None else {"id": _told_id(cells["id"], place)}
        yield checked_row({field: cells[field], **said}, place, trimmed) | named


def _told_id(value: Any, place: str) -> str | int | float:
    """What a row is called, as JSON can say it: a date or a decimal number as a text.

    Raises:
        InputError: It is something else.
    """
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, str):
        return checked_cell(value, "id", place)
    if isinstance(value, int | float | decimal.Decimal) and math.isfinite(value):
        return str(value) if isinstance(value, decimal.Decimal) else value
    raise InputError(f"{place}: the id is {value!r}, where a text, a number or a date is expected.")


def _asked_tokens(file: TextFile, kind: Kind, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The sentences of a token file, with tags where it has any; it is read once before, to know."""
    field, column = next(iter(columns.items()))
    try:
        collections.deque(token_rows(file, kind, columns), maxlen=0)
    except InputError:  # as of a file of tokens alone
        columns = {field: column}
    for row in token_rows(file, kind, columns):
        yield {name: value for name, value in row.items() if name == field or set(value) != {"_"}}  # nothing in CoNLL-U


def _refuse_id(path: Path, id: str | None, what: str) -> None:
    if id is not None:
        raise InputError(f"{path} {what}, without a column {id!r} of ids: leave --id out; answers come in order.")


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _kind(file: TextFile, columns: Mapping[str, str]) -> Kind | Layout | None:
    """What a file is, by its contents, and by its suffix where these leave it open; None for lines of text."""
    layout, suffix = layout_of(file, columns), suffix_of(file.path)
    if not _for_tokens(columns) or layout == Layout():
        return layout
    if suffix == ".conllu":
        return "conllu"
    table = layout is not None and has_header(file, layout, columns)
    return kind_of_tokens(file, table=table) or ("conll" if suffix == ".conll" else layout)


def _read_as(file: TextFile, kind: Kind | Layout | None, columns: Mapping[str, str]) -> Examples:
    if isinstance(kind, Layout):
        return read_layout(file, kind, columns)
    if kind is None:
        raise InputError(
            f"{file.path} is no table that seqkit reads: expected {', '.join((*TABLES, *WORKBOOKS))}, the first three also "
            f"with .gz, with {' and '.join(columns)}."
        )
    return read_tokens(file, kind, columns)


def _for_tokens(columns: Mapping[str, str]) -> bool:
    """Whether a token file may have them: tokens and tags, and with these the label of a row."""
    return ("tokens" in columns and set(columns) <= {*LISTS, LABEL}) or set(columns) <= set(LISTS)


def _without_empty(examples: Examples) -> Examples:
    """Leave out rows that have nothing to tag, such as the last one of TFDS's CoNLL builder, and note which."""
    empty = [row for row, tags in enumerate(examples["tags"]) if not tags]
    if not empty:
        return examples
    sentences = "a sentence without a token is" if len(empty) == 1 else f"{len(empty):,} sentences without a token are"
    found = Finding.at("no_token", "note", f"{sentences} left out", examples.places(empty))
    kept = np.setdiff1d(np.arange(len(examples)), empty)
    return examples.take(kept.tolist(), examples.origin).noting(found)
