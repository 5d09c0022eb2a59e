"""Columns of rows that lie in files: a cell is read when it is asked for, so that memory holds none of them.

A file is plain: numbers in a row, little-endian, no header. A column of texts is their bytes in UTF-8 and where each starts;
names, such as labels, are numbers and a list of the distinct ones; a list of names a row is such numbers and where each row
starts.
"""

import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, overload

import numpy as np

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

    def __getstate__(self) -> dict[str, Any]:
        """Where it lies, for another process, which opens the files itself."""
        return {"base": self.base.absolute(), "rows": self.rows}

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


class _Named(Stored):
    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The distinct ones, as they came."""
        return tuple(json.loads(self.base.with_name(f"{self.base.name}.json").read_text(encoding="utf-8")))


class Names(_Named):
    """A name a row, of few: a label."""

    kind = "names"

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


class NameLists(_Named):
    """A tuple of names a row: tokens, tags."""

    kind = "name_lists"

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


class NumberLists(Stored):
    """A tuple of whole numbers a row: the lines of its tokens."""

    kind = "number_lists"

    @functools.cached_property
    def _ragged(self) -> Ragged:
        return Ragged(self._file("each.numbers", np.int64), self._file("starts", np.int64))

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._ragged)

    def _cells(self, rows: np.ndarray) -> list[tuple[int, ...]]:
        return [tuple(self._ragged[row].tolist()) for row in rows.tolist()]

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


KINDS: dict[str, type[Stored]] = {
    kind.kind: kind for kind in (Texts, Counted, Names, NameLists, NumberLists, TextLists)
}


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
