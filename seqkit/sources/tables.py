"""Tables in files of text: cells with tabs, commas or semicolons between them, or a JSON object a line."""

import csv
import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.cells import Trimmed, checked_row, examples_of, how_to_name, listed
from seqkit.sources.examples import Examples
from seqkit.sources.text_files import TABLES, TextFile, open_text, suffix_of
from seqkit.text.labels import is_number

SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon"}
_OWN = {".tsv": "\t", ".csv": ","}
_SNIFFED = 100  # rows that must be as wide as the first for a file without a table's suffix to be one

Row = tuple[int, dict[str, Any]]  # the line on which it begins, from 1, and its wanted cells
Wide = tuple[int, list[str]]  # all of its cells


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a table is written.

    Attributes:
        separator: What stands between cells; nothing for a JSON object a line.
        quoted: Whether a cell may stand in quotes, with separators, line ends and doubled quotes inside.
    """

    separator: str = ""
    quoted: bool = False


def read_table(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a table, plain or gzipped.

    Cells of a .tsv file have no quoting: a tab ends a cell and a line end ends a row. Blank lines are no rows, but where
    there is one column. A row that repeats the header is left out, and a finding.

    Raises:
        InputError: It is no table, or lacks a column; with the line.
    """
    file = open_text(path)
    layout = layout_of(file, columns)
    if layout is None:
        raise InputError(f"{path} is no table that seqkit reads: expected {', '.join(TABLES)}, plain or with .gz.")
    return read_layout(file, layout, columns)


def read_layout(file: TextFile, layout: Layout, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a table that is written so."""
    return read_layouts([(file, layout)], columns, str(file.path))


def read_layouts(tables: Sequence[tuple[TextFile, Layout]], columns: Mapping[str, str], origin: str) -> Examples:
    """Read the wanted columns of tables as those of one, whose lines are counted through."""
    found = [finding for file, _ in tables for finding in file.findings]
    files: list[tuple[str, int]] = []

    def rows() -> Iterator[Row]:
        last = 0
        for file, layout in tables:
            _check_not_empty(file, columns)
            before = last
            files.append((str(file.path), before))
            for number, cells in _cells(file, layout, columns, found) if layout.separator else _objects(file, columns):
                last = before + number
                yield last, cells

    def place(line: int) -> str:
        return f"{files[-1][0]}, line {line - files[-1][1]}"

    examples = examples_of(rows(), columns, origin, place=place)
    # rows have added findings and files meanwhile
    examples = dataclasses.replace(examples, findings=(*found, *examples.findings))
    return dataclasses.replace(examples, files=tuple(files)) if len(files) > 1 else examples


def inputs_of_layout(file: TextFile, layout: Layout, field: str, column: str) -> Iterator[Any]:
    """One column's cells, row by row, of a table that is written so."""
    _check_not_empty(file, [column])
    columns, trimmed = {field: column}, Trimmed()
    for number, cells in _cells(file, layout, columns, []) if layout.separator else _objects(file, columns):
        yield checked_row(cells, file.place(number), trimmed)[field]


def asked_of_layout(
    file: TextFile, layout: Layout, columns: Mapping[str, str], more: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row of a table stands, and its cells: those of the columns, and of `more` those that it has."""
    _check_not_empty(file, columns.values())
    if not layout.separator:
        for number, line in enumerate(file.lines, start=1):
            if line.strip():
                place = file.place(number)
                row = _json_object(place, line)
                _check_keys(row, columns, place)
                yield place, {field: row[name] for field, name in {**columns, **more}.items() if name in row}
        return
    names = _first(file, layout)
    there = set(names) if _named(columns) else set(map(str, range(len(names))))
    if "id" in more and more["id"] not in there:
        raise InputError(f"{file.path} has no column {more['id']!r} of ids: it has {listed(names)}.")
    wanted = {**columns, **{field: name for field, name in more.items() if name in there}}
    for number, cells in _cells(file, layout, wanted, []):
        yield file.place(number), cells


def _check_not_empty(file: TextFile, columns: Iterable[str]) -> None:
    if not any(line.strip() for line in file.lines):
        raise InputError(f"{file.path} is empty: expected a table with {' and '.join(columns)}.")


def layout_of(file: TextFile, columns: Mapping[str, str]) -> Layout | None:
    """How a table is written, by its contents: where the wanted columns are found; of columns by number, also by which
    separator rows have as many cells each, if any does. None for what is no table.

    A file with a table's suffix is one, whatever it holds.
    """
    suffix = suffix_of(file.path)
    first = next((line for line in file.lines if line.strip()), "")
    if suffix == ".jsonl" or (first.startswith("{") and _is_object(first)):
        return Layout()
    own = _OWN.get(suffix)
    layouts = [_layout(separator, suffix) for separator in sorted(SEPARATORS, key=lambda one: one != own)]
    if own is None:
        numbered = any(name.isdigit() for name in columns.values())
        layouts = [layout for layout in layouts if _even(file, layout) and (layout.separator == "\t" or not numbered)]
    fitting = (layout for layout in layouts if _fits(file, layout, columns))
    found = next(fitting, None)
    if found is None:
        return None if own is None else layouts[0]
    if _named(columns) or _even(file, found):
        return found
    return next((layout for layout in fitting if _even(file, layout)), found)


def head(file: TextFile, rows: int) -> tuple[list[str], list[list[Any]]] | None:
    """The names of a table's columns, whichever these are, and its first rows; None for what is no table.

    A file of cells has a header where its first row has distinct names that are no numbers and come in no row below; the
    columns of others go by their numbers.
    """
    suffix = suffix_of(file.path)
    first = next((line for line in file.lines if line.strip()), "")
    if suffix == ".jsonl" or (first.startswith("{") and _is_object(first)):
        objects = [_json_object(file.place(number), line) for number, line in enumerate(file.lines, 1) if line.strip()]
        names = list(objects[0])
        return names, [[row.get(name, "") for name in names] for row in objects]
    layouts = [_layout(separator, suffix) for separator in sorted(SEPARATORS, key=lambda one: one != _OWN.get(suffix))]
    even = [layout for layout in layouts if _even(file, layout) and (suffix in _OWN or layout.separator == "\t")]
    if not even and suffix not in _OWN:
        return None
    cells = [row for _, row in _wide(file, (even or layouts)[0], rows) if not _blank(row)]
    named = cells[0]
    header = len(set(named)) == len(named) and all(
        name.strip() and not is_number(name) and all(name != row[place] for row in cells[1:] if place < len(row))
        for place, name in enumerate(named)
    )
    names = named if header and len(cells) > 1 else list(map(str, range(len(named))))
    return names, [row for row in cells[1 if header and len(cells) > 1 else 0 :] if len(row) == len(named)]


def _fits(file: TextFile, layout: Layout, columns: Mapping[str, str]) -> bool:
    """Whether the first row, read so, has the wanted columns; where its quotes stand otherwise, it has not."""
    try:
        numbers = set(map(str, range(len(_first(file, layout)))))
    except InputError:
        return False
    return has_header(file, layout, columns) or set(columns.values()) <= numbers


def has_header(file: TextFile, layout: Layout, columns: Mapping[str, str]) -> bool:
    """Whether the first row has the names of the wanted columns."""
    return set(columns.values()) <= set(_first(file, layout)) and _named(columns)


def _first(file: TextFile, layout: Layout) -> list[str]:
    """The cells of the first row, before which there may be blank lines."""
    return next((cells for _, cells in _wide(file, layout) if not _blank(cells)), [""])


def _blank(cells: Sequence[str]) -> bool:
    """Whether a row is a blank line, which in a table of one column may be a cell."""
    return len(cells) == 1 and not cells[0].strip()


def _layout(separator: str, suffix: str) -> Layout:
    return Layout(separator, separator != "\t" or suffix == ".csv")


def _even(file: TextFile, layout: Layout) -> bool:
    """Whether the first rows have as many cells each, and more than one."""
    try:
        widths = {len(cells) for _, cells in _wide(file, layout, rows=_SNIFFED) if not _blank(cells)}
    except InputError:
        return False
    return len(widths) == 1 and widths != {1}


def _cells(file: TextFile, layout: Layout, columns: Mapping[str, str], found: list[Finding]) -> Iterator[Row]:
    """The rows of a table, and what is noticed about it."""
    path, header, places, repeated = file.path, _first(file, layout), dict[str, int](), list[str]()
    name, begins = SEPARATORS[layout.separator], 1
    for number, cells in _wide(file, layout):
        if _blank(cells) and (len(header) > 1 or (_named(columns) and not places)):  # else it is a row of one column
            continue
        if not places:
            places, begins = _places(file.place(number), header, columns), number
            if layout.separator != _OWN.get(suffix_of(path), layout.separator):
                what = f"{path} has a {name} between its cells, whatever its name says, and is read so"
                found.append(Finding("separator", "note", what))
            if _named(columns):
                continue
        elif _named(columns) and cells == header and len(header) > 1:
            repeated.append(file.place(number))
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {number}: found {len(cells)} cells where line {begins} has {len(header)}. "
                f"Check for a {name}{' or quote' if layout.quoted else ''} inside a cell."
            )
        yield number, {field: cells[place] for field, place in places.items()}
    if repeated:
        found.append(header_rows(path, repeated))


def header_rows(path: Path, places: Sequence[str]) -> Finding:
    """The finding for rows that repeat the header."""
    what = f"{path} has its header among its rows, as files that were put together do; it is left out there"
    return Finding.at("header_row", "warning", what, places, "Check that nothing else was put in twice.")


def _objects(file: TextFile, columns: Mapping[str, str]) -> Iterator[Row]:
    for number, line in enumerate(file.lines, start=1):
        if not line.strip():
            continue
        row = _json_object(file.place(number), line)
        _check_keys(row, columns, file.place(number))
        yield number, {field: row[name] for field, name in columns.items()}


def _check_keys(row: Mapping[str, Any], columns: Mapping[str, str], place: str) -> None:
    for field, name in columns.items():
        if name not in row:
            raise InputError(f"{place}: no key {name!r} among {listed(row)}. {how_to_name(field)}")


def _wide(file: TextFile, layout: Layout, rows: int = sys.maxsize) -> Iterator[Wide]:
    """The first so many rows with all of their cells; of a file that is not read to its end the whole ones."""
    if not layout.quoted:
        for number, line in enumerate(itertools.islice(file.lines, rows), start=1):
            yield number, line.split(layout.separator)
        return
    csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 131,072 characters
    read, number = 0, 1  # lines; and where a row begins: a quoted cell may hold line ends

    def lines() -> Iterator[str]:
        nonlocal read
        for line in file.whole_lines():
            yield from io.StringIO(line, newline="")  # \r alone ends one too
            read += 1

    reader = csv.reader(lines(), strict=True, delimiter=layout.separator)
    try:
        for _, cells in zip(range(rows), reader, strict=False):
            yield number, cells or [""]
            number = reader.line_num + 1
    except csv.Error as error:
        if read == file.most and number > 1:
            return
        raise InputError(f"{file.path}, line {reader.line_num}: {error}. Check the quotes there.") from None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _json_object(place: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: no JSON ({error}). Each line is one object.") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: a JSON {type(row).__name__}, where an object with keys is expected.")
    return row


def _named(columns: Mapping[str, str]) -> bool:
    numbered = [name.isdigit() for name in columns.values()]
    if any(numbered) and not all(numbered):
        raise InputError(
            f"Columns {listed(columns.values())} mix names and numbers: give names for a file with a header, "
            "numbers from 0 for a file without one."
        )
    return not all(numbered)


def _places(line: str, first: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Where the wanted columns are, by the cells of the first row and the line on which it stands."""
    places = {}
    named = _named(columns)
    for field, name in columns.items():
        if named and first.count(name) > 1:
            raise InputError(f"{line}: more than one column is called {name!r}: give each a name of its own.")
        if named and name in first:
            places[field] = first.index(name)
        elif not named and int(name) < len(first):
            places[field] = int(name)
        elif named:
            raise InputError(
                f"{line}: no column {name!r} among {listed(first)}. "
                f"{how_to_name(field)} Without a header give its number from 0."
            )
        else:
            raise InputError(f"{line}: no column number {name}; the file has columns 0 to {len(first) - 1}.")
    return places
