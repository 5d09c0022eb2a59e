"""Columns of rows that lie in files: a cell is read when it is asked for, so that memory holds none of them.

A file is plain: numbers in a row, little-endian, no header. A column of texts is their bytes in UTF-8 and where each starts;
names, such as labels, are numbers and a list of the distinct ones; a list of names a row is such numbers and where each row
starts.
"""

import contextlib
import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, Self, overload

import numpy as np

from seqkit.core.files import write_json
from seqkit.core.mapping import let_go, mapped_file
from seqkit.core.ragged import Ragged

BLOCK = 4_096  # rows that are decoded at once


class Stored(Sequence[Any]):
    """A column in files, or some rows of one, in any order.

    Attributes:
        base: Where its files lie: their names begin so.
        rows: int64, which rows these are; None for all of them.
        kind: How it is written.
    """

    kind: str

    def __init__(self, base: Path, rows: np.ndarray | None = None):
        self.base, self.rows = base, rows

    @functools.cached_property
    def _whole(self) -> int:
        """Rows of the whole column."""
        raise NotImplementedError

    def _cells(self, rows: np.ndarray) -> list[Any]:
        """Cells of the whole column."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Of the pages that were read."""

    def __len__(self) -> int:
        return self._whole if self.rows is None else len(self.rows)

    @overload
    def __getitem__(self, row: int) -> Any: ...
    @overload
    def __getitem__(self, row: slice) -> list[Any]: ...
    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return list(self.take(np.arange(*row.indices(len(self)))))
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row = int(row) % len(self)
        return self._cells(np.array([row if self.rows is None else self.rows[row]]))[0]

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), BLOCK):
            stop = min(start + BLOCK, len(self))
            yield from self._cells(np.arange(start, stop) if self.rows is None else self.rows[start:stop])
            self._let_go()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(_same, self, other))

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: Any) -> Self:
        """The given rows, in that order."""
        rows = np.asarray(rows, np.int64)
        view = type(self)(self.base, rows if self.rows is None else self.rows[rows])
        opened = {name: value for name, value in vars(self).items() if name not in ("rows", "places")}
        vars(view).update(opened)  # files are opened once
        return view

    def _file(self, end: str, dtype: np.dtype | type) -> np.ndarray:
        return mapped_file(self.base.with_name(f"{self.base.name}.{end}"), dtype)


def _names(base: Path) -> tuple[str, ...]:
    return tuple(json.loads(base.with_name(f"{base.name}.json").read_text(encoding="utf-8")))


def _same(one: Any, other: Any) -> bool:
    return bool(one == other)


class Texts(Stored):
    """A text a row."""

    kind = "texts"

    @functools.cached_property
    def _bytes(self) -> np.ndarray:
        return self._file("bytes", np.uint8)

    @functools.cached_property
    def _starts(self) -> np.ndarray:
        return self._file("starts", np.int64)

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._starts) - 1

    def _cells(self, rows: np.ndarray) -> list[str]:
        starts, ends = self._starts[rows].tolist(), self._starts[rows + 1].tolist()
        return [self._bytes[start:end].tobytes().decode() for start, end in zip(starts, ends, strict=True)]

    def _let_go(self) -> None:
        let_go(self._bytes)


class Counted(Stored):
    """A whole number a row: its line."""

    kind = "numbers"

    @functools.cached_property
    def _values(self) -> np.ndarray:
        return self._file("numbers", np.int64)

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._values)

    def _cells(self, rows: np.ndarray) -> list[int]:
        found: list[int] = self._values[rows].tolist()
        return found


class Names(Stored):
    """A name a row, of few: a label."""

    kind = "names"

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The distinct ones, as they came."""
        return _names(self.base)

    @functools.cached_property
    def places(self) -> np.ndarray:
        """int32, (rows,): the place of each row's among `names`."""
        whole = self._file("places", np.int32)
        return whole if self.rows is None else whole[self.rows]

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._file("places", np.int32))

    def _cells(self, rows: np.ndarray) -> list[str]:
        return [self.names[place] for place in self._file("places", np.int32)[rows].tolist()]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BLOCK):
            yield from map(self.names.__getitem__, self.places[start : start + BLOCK].tolist())

    def count(self, value: Any) -> int:
        """How many rows have it."""
        place = self.names.index(value) if value in self.names else -1
        return int(np.count_nonzero(self.places == place))


class NameLists(Stored):
    """A tuple of names a row: tokens, tags."""

    kind = "name_lists"

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The distinct ones, as they came."""
        return _names(self.base)

    @functools.cached_property
    def _ragged(self) -> Ragged:
        return Ragged(self._file("places", np.int32), self._file("starts", np.int64))

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._ragged)

    def _cells(self, rows: np.ndarray) -> list[tuple[str, ...]]:
        names, ragged = self.names, self._ragged
        return [tuple([names[place] for place in ragged[row].tolist()]) for row in rows.tolist()]

    def _let_go(self) -> None:
        let_go(self._ragged.values)


class TextLists(Stored):
    """A tuple of texts a row: the captions of an image."""

    kind = "text_lists"

    @functools.cached_property
    def _texts(self) -> Texts:
        return Texts(self.base.with_name(f"{self.base.name}.each"))

    @functools.cached_property
    def _starts(self) -> np.ndarray:
        return self._file("starts", np.int64)

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._starts) - 1

    def _cells(self, rows: np.ndarray) -> list[tuple[str, ...]]:
        return [tuple(self._texts[int(self._starts[row]) : int(self._starts[row + 1])]) for row in rows.tolist()]


KINDS: dict[str, type[Stored]] = {kind.kind: kind for kind in (Texts, Counted, Names, NameLists, TextLists)}


class Numbers:
    """Whole numbers that are written one after the other.

    Attributes:
        count: How many there are.
    """

    def __init__(self, path: Path, dtype: np.dtype | type = np.int64):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = open(path, "wb")  # noqa: SIM115
        self._dtype, self._waiting, self.count = np.dtype(dtype).newbyteorder("<"), list[int](), 0

    def append(self, value: int) -> None:
        self._waiting.append(value)
        self.count += 1
        if len(self._waiting) >= BLOCK:
            self._flush()

    def done(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write(np.array(self._waiting, self._dtype).tobytes())
        self._waiting.clear()


class CountedWriter:
    """Writes `Counted`."""

    def __init__(self, base: Path):
        self._base, self._values = base, Numbers(base.with_name(f"{base.name}.numbers"))
        self.append = self._values.append

    def done(self) -> Counted:
        self._values.done()
        return Counted(self._base)


class TextWriter:
    """Writes `Texts`."""

    def __init__(self, base: Path):
        self._base, self._starts, self._size = base, Numbers(base.with_name(f"{base.name}.starts")), 0
        self._bytes: BinaryIO = open(base.with_name(f"{base.name}.bytes"), "wb")  # noqa: SIM115
        self._starts.append(0)

    def append(self, text: str) -> None:
        self._size += self._bytes.write(text.encode())
        self._starts.append(self._size)

    def done(self) -> Texts:
        self._bytes.close()
        self._starts.done()
        return Texts(self._base)


class NameWriter:
    """Writes `Names`."""

    def __init__(self, base: Path):
        self._base, self._places = base, Numbers(base.with_name(f"{base.name}.places"), np.int32)
        self._known: dict[str, int] = {}

    def append(self, name: str) -> None:
        self._places.append(self._known.setdefault(name, len(self._known)))

    def done(self) -> Names:
        self._places.done()
        write_json(self._base.with_name(f"{self._base.name}.json"), list(self._known))
        return Names(self._base)


class NameListWriter:
    """Writes `NameLists`."""

    def __init__(self, base: Path):
        self._base, self._names = base, NameWriter(base)
        self._starts, self._size = Numbers(base.with_name(f"{base.name}.starts")), 0
        self._starts.append(0)

    def append(self, names: tuple[str, ...]) -> None:
        for name in names:
            self._names.append(name)
        self._size += len(names)
        self._starts.append(self._size)

    def done(self) -> NameLists:
        self._names.done()
        self._starts.done()
        return NameLists(self._base)


class TextListWriter:
    """Writes `TextLists`."""

    def __init__(self, base: Path):
        self._base, self._each = base, TextWriter(base.with_name(f"{base.name}.each"))
        self._starts, self._size = Numbers(base.with_name(f"{base.name}.starts")), 0
        self._starts.append(0)

    def append(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._each.append(text)
        self._size += len(texts)
        self._starts.append(self._size)

    def done(self) -> TextLists:
        self._each.done()
        self._starts.done()
        return TextLists(self._base)


CELLS: dict[str, Any] = {}  # kinds that others add -> what their cells are
WRITERS: dict[str, Any] = {
    "texts": TextWriter,
    "numbers": CountedWriter,
    "names": NameWriter,
    "name_lists": NameListWriter,
    "text_lists": TextListWriter,
}
_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


_read: ContextVar[list[Path]] = ContextVar("read")


@contextlib.contextmanager
def stored_in(folder: Path) -> Iterator[list[Path]]:
    """Columns that are gathered in the block are written into files of this folder as they come; gives the files that were
    read there.
    """
    paths = _read.get([]) if storing() else []
    tokens = _folder.set(folder), _read.set(paths)
    try:
        yield paths
    finally:
        _folder.reset(tokens[0])
        _read.reset(tokens[1])


def note_read(path: Path) -> None:
    """Note that a file is read for what is stored."""
    if storing() and path not in _read.get():
        _read.get().append(path)


@contextlib.contextmanager
def stored_part(name: str) -> Iterator[None]:
    """In `stored_in`, a folder of its own in there."""
    folder = _folder.get()
    with contextlib.nullcontext() if folder is None else stored_in(folder / name):
        yield


def storing() -> bool:
    """Whether columns are written to files as they come."""
    return _folder.get() is not None


class Gathered:
    """A column that grows cell by cell: a list, or, in `stored_in`, files.

    Args:
        field: Its name.
        named: Whether its texts are names, of which there are few.
    """

    def __init__(self, field: str, *, named: bool = False):
        self._field, self._named, self._folder = field, named, _folder.get()
        self._cells: Any = []

    def append(self, cell: Any) -> None:
        if self._cells == [] and self._folder is not None:
            self._cells = _writer(self._folder / self._field, cell, named=self._named)
        self._cells.append(cell)

    def done(self) -> Sequence[Any]:
        """The column."""
        column: Sequence[Any] = self._cells if isinstance(self._cells, list) else self._cells.done()
        return column


def kind_of_cell(cell: Any, *, named: bool) -> str | None:
    """The kind of column that holds such cells; None where there is none."""
    if isinstance(cell, int | np.integer):
        return "numbers"
    if (own := next((kind for kind, type_ in CELLS.items() if isinstance(cell, type_)), None)) is not None:
        return own
    if isinstance(cell, str):
        return "names" if named else "texts"
    if isinstance(cell, tuple):
        return "name_lists" if named else "text_lists"
    return None


def write_column(base: Path, cells: Sequence[Any], *, named: bool) -> Sequence[Any]:
    """Write cells into files, whose names begin with `base`; a list comes back as it is where they have none."""
    writer = _writer(base, cells[0], named=named)
    for cell in cells:
        writer.append(cell)
    return writer if isinstance(writer, list) else writer.done()


def _writer(base: Path, cell: Any, *, named: bool) -> Any:
    """What writes such cells; a list, where they have no files."""
    kind = kind_of_cell(cell, named=named)
    if kind is None:
        return []
    base.parent.mkdir(parents=True, exist_ok=True)
    return WRITERS[kind](base)


def taken(values: Any, rows: np.ndarray) -> Any:
    """Some rows of a column, in that order: a list of a list, rows of an array, else a view."""
    if isinstance(values, np.ndarray):
        return values[rows]
    return values.take(rows) if hasattr(values, "take") else [values[row] for row in rows.tolist()]


def chained(columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
    """The cells of columns one behind the other: a list where they are in memory."""
    cells = itertools.chain.from_iterable(columns)
    known = isinstance(columns, list) and all(isinstance(column, list | tuple) for column in columns)
    return list(cells) if known else cells
