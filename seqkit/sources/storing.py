"""Columns that are gathered as rows come: in lists, or, where they are stored, in the files of `seqkit.sources.stored`."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqkit.core.files import write_json
from seqkit.sources.stored import BLOCK, Counted, NameLists, Names, NumberLists, Stored, TextLists, Texts


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


class ListWriter:
    """Writes lists: the items of all of them, and where each list starts.

    Args:
        each: Writes the items.
        kind: What is written.
    """

    def __init__(self, base: Path, each: Any, kind: type[Stored]):
        self._base, self._each, self._kind = base, each, kind
        self._starts, self._size = Numbers(base.with_name(f"{base.name}.starts")), 0
        self._starts.append(0)

    def append(self, items: Sequence[Any]) -> None:
        for item in items:
            self._each.append(item)
        self._size += len(items)
        self._starts.append(self._size)

    def done(self) -> Stored:
        self._each.done()
        self._starts.done()
        return self._kind(self._base)


CELLS: dict[str, Any] = {}  # kinds that others add -> what their cells are
WRITERS: dict[str, Any] = {
    "texts": TextWriter,
    "numbers": CountedWriter,
    "names": NameWriter,
    "name_lists": lambda base: ListWriter(base, NameWriter(base), NameLists),
    "number_lists": lambda base: ListWriter(base, CountedWriter(base.with_name(f"{base.name}.each")), NumberLists),
    "text_lists": lambda base: ListWriter(base, TextWriter(base.with_name(f"{base.name}.each")), TextLists),
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
        if cell and isinstance(cell[0], int):
            return "number_lists"
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
