"""Rows of unequal length, as one flat array and where each row starts."""

import dataclasses
from collections.abc import Iterator

import numpy as np


def steps_a_place(steps: int, places: int) -> int:
    """How many steps a place stands for: a power of two, for each layer of a pyramid makes one place of two.

    Args:
        steps: That the longest row had.
        places: That became of them.
    """
    stride = 1
    while -(-steps // stride) > max(places, 1):
        stride *= 2
    return stride


@dataclasses.dataclass(frozen=True)
class Ragged:
    """Rows of unequal length.

    Attributes:
        values: (items, ...), all rows one after the other.
        offsets: int64, (rows + 1,): row i is values[offsets[i]:offsets[i + 1]].
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of_lengths(cls, values: np.ndarray, lengths: np.ndarray) -> "Ragged":
        """Cut `values` into rows of these lengths."""
        return cls(values, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """int64, (rows,)."""
        return np.diff(self.offsets)

    def count(self, value: int) -> int:
        """How many items are this; few of them are looked at at once."""
        return sum(int(np.count_nonzero(part == value)) for part in self.blocks())

    def share(self, value: int) -> float:
        """The share of the items that are this, 0 where there are none."""
        return self.count(value) / len(self.values) if len(self.values) else 0.0

    def blocks(self, size: int = 1 << 22) -> Iterator[np.ndarray]:
        """The items, some at a time."""
        for start in range(0, len(self.values), size):
            yield self.values[start : start + size]

    def take(self, rows: np.ndarray) -> "Ragged":
        """The given rows, in that order."""
        lengths = self.lengths[rows]
        taken = Ragged.of_lengths(self.values[:0], lengths)
        # places of the wanted items: each row's start, plus 0, 1, 2, ... within the row
        within = np.arange(taken.offsets[-1]) - np.repeat(taken.offsets[:-1], lengths)
        return Ragged(self.values[np.repeat(self.offsets[:-1][rows], lengths) + within], taken.offsets)

    def cut(self, length: int) -> "Ragged":
        """Each row's first `length` items."""
        lengths = np.minimum(self.lengths, length)
        keep = np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.lengths) < np.repeat(
            lengths, self.lengths
        )
        return Ragged.of_lengths(self.values[keep], lengths)

    def append(self, value: int, to: np.ndarray | None = None) -> "Ragged":
        """Each row with one more item at its end; with `to`, bool (rows,), those of which it is true."""
        to = np.ones(len(self), bool) if to is None else to
        values = np.insert(self.values, self.offsets[1:][to], value)
        return Ragged(values, self.offsets + np.concatenate([[0], np.cumsum(to)]))

    def sums(self) -> np.ndarray:
        """Of each row's items: (rows,), 0 of none."""
        if not len(self):
            return np.zeros(0, self.values.dtype)
        padded = np.append(self.values, np.zeros(1, self.values.dtype))
        return np.where(self.lengths > 0, np.add.reduceat(padded, self.offsets[:-1]), 0)


@dataclasses.dataclass(frozen=True)
class LookedUp:
    """Rows whose items are looked up as they are asked for, such as the characters of words: each distinct one is kept once.

    Attributes:
        places: Of each item among `values`.
        values: (distinct, ...).
    """

    places: Ragged
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> np.ndarray:
        found: np.ndarray = self.values[self.places[row]]
        return found

    def take(self, rows: np.ndarray) -> "LookedUp":
        """The given rows, in that order."""
        return LookedUp(self.places.take(rows), self.values)

    @property
    def lengths(self) -> np.ndarray:
        """int64, (rows,)."""
        return self.places.lengths
