"""Tables, plain or gzipped: .tsv, .csv and .jsonl."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.sources.cells import checked_row, how_to_name, listed
from seqkit.sources.examples import Examples

TABLES = (".tsv", ".csv", ".jsonl")


def suffix_of(path: Path) -> str:
    """The suffix that says what a file is, without .gz."""
    return Path(path.name.removesuffix(".gz")).suffix


def read_table(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a .tsv, .csv or .jsonl file, plain or gzipped, in UTF-8.

    A .tsv file has no quoting: a tab ends a cell and a line end ends a row. Blank lines are no rows.
    """
    return examples_of([row for _, row in table_rows(path, columns)], columns, str(path))


def table_rows(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows that `read_table` reads, each with the line on which it begins, from 1."""
    text = read_text(path)
    suffix = suffix_of(path)
    if suffix not in TABLES:
        raise InputError(f"{path} is no table that seqkit reads: expected {', '.join(TABLES)}, plain or with .gz.")
    if not text.strip():
        raise InputError(f"{path} is empty: expected a table with {' and '.join(columns)}.")
    if suffix == ".jsonl":
        for number, line in enumerate(lines_of(text), start=1):
            if not line:
                continue
            row = _json_object(path, number, line)
            for field, name in columns.items():
                if name not in row:
                    raise InputError(
                        f"{path}, line {number}: no key {name!r} among {listed(row)}. {how_to_name(field)}"
                    )
            yield number, checked_row({field: row[name] for field, name in columns.items()}, f"{path}, line {number}")
        return
    rows = _tsv_rows(text) if suffix == ".tsv" else _csv_rows(path, text)
    places, width = None, None
    for number, cells in rows:
        if cells == [""] and width != 1:  # where there is one column a blank line is a row
            continue
        if places is None:
            places, width = _places(path, cells, columns), len(cells)
            if _named(columns):
                continue
        if len(cells) != width:
            raise InputError(
                f"{path}, line {number}: found {len(cells)} cells where line 1 has {width}. "
                f"Check for a {'tab' if suffix == '.tsv' else 'comma or quote'} inside a cell."
            )
        yield number, checked_row({field: cells[place] for field, place in places.items()}, f"{path}, line {number}")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, plain or gzipped, with one-sentence errors."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: give a file ({', '.join(TABLES)}, also .gz).") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file ({error}): compress it again.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8. "
            "Convert the file, for example with iconv -f latin1 -t utf-8."
        ) from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None


def lines_of(text: str) -> list[str]:
    """The lines of a text, whose end is a line end or not."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _tsv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines_of(text), start=1):
        yield number, line.split("\t")


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 131,072 characters
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        number = 1  # where a row begins: a quoted cell may hold line ends
        for cells in reader:
            yield number, cells or [""]
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}. Check the quotes there.") from None


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number}: no JSON ({error}). Each line is one object.") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}, line {number}: a JSON {type(row).__name__}, where an object with keys is expected.")
    return row


def _named(columns: Mapping[str, str]) -> bool:
    numbered = [name.isdigit() for name in columns.values()]
    if any(numbered) and not all(numbered):
        raise InputError(
            f"Columns {listed(columns.values())} mix names and numbers: give names for a file with a header, "
            "numbers from 0 for a file without one."
        )
    return not all(numbered)


def _places(path: Path, first: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    places = {}
    named = _named(columns)
    for field, name in columns.items():
        if named and name in first:
            places[field] = first.index(name)
        elif not named and int(name) < len(first):
            places[field] = int(name)
        elif named:
            raise InputError(
                f"{path}, line 1: no column {name!r} among {listed(first)}. "
                f"{how_to_name(field)} Without a header give its number from 0."
            )
        else:
            raise InputError(f"{path}, line 1: no column number {name}; the file has columns 0 to {len(first) - 1}.")
    return places


def examples_of(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], origin: str) -> Examples:
    return Examples({field: [row[field] for row in rows] for field in columns}, origin)
