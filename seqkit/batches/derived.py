"""Columns that follow from others, made batch by batch: what stands before and behind ids, and weights of ones.

So a token takes the room of its id, once, in memory as on disk.
"""

import dataclasses

import numpy as np

from seqkit.core.ragged import LookedUp, Ragged


@dataclasses.dataclass(frozen=True)
class Framed:
    """Rows of ids, cut, with one that begins or one that ends each.

    Attributes:
        values: The ids of all rows.
        starts: int64, (rows,), where each row's own begin there.
        lengths: int64, (rows,), with what is put around them; a row of none has no begin either.
        begin: What stands before each row's own.
        end: What stands behind.
    """

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    begin: int | None = None
    end: int | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: np.ndarray) -> "Framed":
        """The given rows, in that order, without a copy."""
        return dataclasses.replace(self, starts=self.starts[rows], lengths=self.lengths[rows])

    def own(self, rows: np.ndarray) -> np.ndarray:
        """How many of each row's steps are its own ids: int64, (rows,)."""
        around = (self.begin is not None) + (self.end is not None)
        found: np.ndarray = np.maximum(self.lengths[rows] - around, 0)
        return found

    def __getitem__(self, row: int) -> np.ndarray:
        """A row as a batch has it: int32."""
        begin = [] if self.begin is None or not self.lengths[row] else [self.begin]
        own = self.values[self.starts[row] : self.starts[row] + int(self.own(np.array([row]))[0])]
        return np.concatenate([begin, own, [] if self.end is None else [self.end]]).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Ones:
    """Weights: 1 for each step of rows of these lengths, with none for the last one where an end doesn't count.

    Attributes:
        lengths: int64, (rows,).
        ends: Whether the last step counts.
    """

    lengths: np.ndarray
    ends: bool = True

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: np.ndarray) -> "Ones":
        """The given rows, in that order."""
        return dataclasses.replace(self, lengths=self.lengths[rows])

    def sums(self) -> np.ndarray:
        """Of each row: (rows,)."""
        return self.lengths if self.ends else np.maximum(self.lengths - 1, 0)

    def __getitem__(self, row: int) -> np.ndarray:
        """A row as a batch has it: float32."""
        weights = np.ones(self.lengths[row], np.float32)
        if not self.ends:
            weights[-1:] = 0
        return weights


InStep = Ragged | LookedUp | Framed | Ones


def with_end(ids: Ragged, end: int, *, longest: int | None = None) -> Framed:
    """Each row with `end` behind it, its own ids cut so that there are at most `longest` with it."""
    lengths = ids.lengths + 1
    return Framed(ids.values, ids.offsets[:-1], lengths if longest is None else np.minimum(lengths, longest), end=end)


def shifted(ids: Ragged, begin: int) -> Framed:
    """What stands before each id of a row: `begin`, and the row but for its last."""
    return Framed(ids.values, ids.offsets[:-1], ids.lengths, begin=begin)
