"""Tables that are no text: Excel's workbooks and Parquet, where a library that reads them is installed."""

import contextlib
import functools
import itertools
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from seqkit.core.errors import InputError
from seqkit.sources.cells import examples_of, how_to_name, listed
from seqkit.sources.examples import Examples
from seqkit.sources.storing import note_read

EXCEL, PARQUET = (".xlsx", ".xlsm"), (".parquet",)
WORKBOOKS = (*EXCEL, *PARQUET)
Row = tuple[int, list[Any]]  # its line, in a workbook that of the sheet, from 1, and its cells
ROWS, BUFFER = 4_096, 1 << 20  # rows and bytes of a Parquet file that are read at once
_BROKEN = (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, KeyError, ValueError, OSError)  # a workbook


def read_workbook(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of the first sheet of a workbook, whose first row has their names, or of a Parquet file.

    Rows are read one by one; numbers are texts as Python writes them.

    Args:
        columns: Field -> column by name, or by number from 0, which in a workbook means that it has no header.
    Raises:
        InputError: The library for it isn't installed, or the file lacks a column.
    """
    _check_file(path)
    note_read(path)
    names, rows = _opened(path, columns)
    places = _places(path, names, columns)
    chosen = ((number, {field: cells[place] for field, place in places.items()}) for number, cells in rows)
    return examples_of(chosen, columns, str(path))


def workbook_head(path: Path, rows: int) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns, which a workbook has in its first row, and the first rows."""
    _check_file(path)
    names, found = _opened(path, {})
    return names, [cells for _, cells in itertools.islice(found, rows)]


def asked_of_workbook(
    path: Path, columns: Mapping[str, str], more: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row stands, and its cells: those of the columns, and of `more` those that there are."""
    _check_file(path)
    names, rows = _opened(path, columns)
    there = {field: name for field, name in more.items() if _place(path, names, name) is not None}
    places = _places(path, names, {**columns, **there})
    for number, cells in rows:
        yield f"{path}, line {number}", {field: cells[place] for field, place in places.items()}


def _opened(path: Path, columns: Mapping[str, str]) -> tuple[list[str], Iterator[Row]]:
    """The names of the columns, and the rows.

    Args:
        columns: Those that are wanted: by numbers alone of a workbook without names, whose columns these are called then.
    """
    named = not columns or not all(name.isdigit() for name in columns.values())
    return _parquet(path) if path.suffix in PARQUET else _excel(path, named=named)


def _place(path: Path, names: list[str], name: str) -> int | None:
    """Where a column is, None for nowhere; in a Parquet file a number that is no name is a place."""
    if name in names:
        return names.index(name)
    numbered = path.suffix in PARQUET and name.isdigit() and int(name) < len(names)
    return int(name) if numbered else None


def _places(path: Path, names: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Field -> where its column is."""
    places = {}
    for field, name in columns.items():
        if names.count(name) > 1:
            raise InputError(f"{path} has more than one column {name!r}: give each a name of its own.")
        place = _place(path, names, name)
        if place is None:
            raise InputError(f"{path} has no column {name!r}: it has {listed(names)}. {how_to_name(field)}")
        places[field] = place
    return places


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}: check the path.")


def _excel(path: Path, *, named: bool) -> tuple[list[str], Iterator[Row]]:
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f"{path}: openpyxl, which reads Excel's files, is not installed: pip install 'seqkit[tables]', or save the "
            "sheet as .csv."
        ) from None

    def rows() -> Iterator[Row]:
        with (
            _readable(path, "workbook that openpyxl reads", "save it as .csv", _BROKEN),
            contextlib.closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book,
        ):
            for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
                yield number, ["" if cell is None else _plain(cell) for cell in row]

    filled, none = rows(), (0, list[Any]())
    first = next(filled, none)
    if len(first[1]) != 1:  # of one column a blank row is a row
        filled = (row for row in itertools.chain([first], filled) if any(cell != "" for cell in row[1]))
        first = next(filled, none)
    width = len(first[1])
    if not width:
        raise InputError(f"{path} has no rows on its first sheet: expected a table.")
    names = list(map(str, first[1] if named else range(width)))
    chosen = filled if named else itertools.chain([first], filled)
    # where the sheet doesn't say how wide it is, a row ends with its last cell
    return names, ((number, cells + [""] * (width - len(cells))) for number, cells in chosen)


def _plain(cell: Any) -> Any:
    return str(cell) if isinstance(cell, float) else cell


def _parquet(path: Path) -> tuple[list[str], Iterator[Row]]:
    try:
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"{path}: pyarrow, which reads Parquet, is not installed: pip install 'seqkit[tables]', or save the table as "
            ".jsonl."
        ) from None
    readable = functools.partial(
        _readable, path, "Parquet file that pyarrow reads", "write it again", (pyarrow.ArrowException, OSError)
    )
    with readable():
        file = pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER)

    def rows() -> Iterator[list[Any]]:
        with readable(), file:
            for batch in file.iter_batches(ROWS):
                yield from map(list, zip(*(column.to_pylist() for column in batch.columns), strict=True))

    return list(file.schema_arrow.names), enumerate(rows(), start=1)


@contextlib.contextmanager
def _readable(path: Path, kind: str, advice: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Raise InputError where what reads a file raises one of these."""
    try:
        yield
    except errors as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} is no {kind} ({reason}): {advice}.") from None
