"""Counts of n-grams of a text of any length in bounded memory: range by range of their keys, the rare ones dropped.

The key of an n-gram has its symbols as digits, the last symbol first: so what differs only in the symbol furthest left lies
side by side, and the shorter grams of a range are found without the rest of the text.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np

from seqkit.core.ragged import Ragged

PIECE = 1 << 20  # symbols looked at at once
RANGE = 1 << 23  # n-grams of a range, about: a text is passed over once for each
MOST = 1 << 23  # n-grams of a length that are kept
SYMBOLS = 1 << 27  # of a text that are counted
_SAMPLE = 1 << 16  # n-grams from which the ranges are cut


@dataclasses.dataclass
class GramCounts:
    """What was counted of n-grams of one length; of the rare ones that were dropped, what is left.

    Attributes:
        length: Symbols before the last one.
        keys: int64, ascending.
        counts: int64, how often; below the longest n-grams, after how many different symbols further left.
        least: Those that were counted less often are dropped.
        lost_contexts, lost: int64: key of a context, without the last symbol, and the counts of what is dropped there.
        dropped: int64, (2,): how many of the dropped were counted once, and twice.
    """

    length: int
    keys: np.ndarray
    counts: np.ndarray
    lost_contexts: np.ndarray
    lost: np.ndarray
    least: int = 1
    dropped: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2, np.int64))

    def add(self, keys: np.ndarray, counts: np.ndarray, tokens: int, most: int) -> None:
        """Count more, whose keys are larger than any before; single symbols may come again, and are never dropped."""
        self.keys, self.counts = np.concatenate([self.keys, keys]), np.concatenate([self.counts, counts])
        new = len(self.keys) - len(keys)
        if not self.length:
            self.keys, self.counts = grouped(self.keys, self.counts)
            return
        self._drop(new, tokens)
        while len(self.keys) > most:
            self.least += 1
            self._drop(0, tokens)

    def _drop(self, start: int, tokens: int) -> None:
        """Leave out what is rare from the place `start` on."""
        rare = self.counts < self.least
        rare[:start] = False
        if not rare.any():
            return
        counts = self.counts[rare]
        self.dropped = self.dropped + np.array([(counts == 1).sum(), (counts == 2).sum()])
        contexts = np.concatenate([self.lost_contexts, self.keys[rare] % tokens**self.length])
        lost = np.concatenate([self.lost, counts])
        order = np.argsort(contexts)
        self.lost_contexts, self.lost = grouped(contexts[order], lost[order])
        self.keys, self.counts = self.keys[~rare], self.counts[~rare]


def count_grams(
    rows: Ragged, tokens: int, order: int, begin: int, *, most: int = MOST, size: int = RANGE
) -> list[GramCounts]:
    """The counts of Kneser-Ney smoothing for n-grams of up to `order` symbols, the single symbols first.

    Args:
        rows: int ids below `tokens`, ragged.
        begin: The id that stands before each row.
        most: n-grams of a length that are kept: where there are more, those that were counted least are dropped.
        size: n-grams of a range, about: what memory is taken for beside the counts.
    """
    tables = [GramCounts(length, *np.zeros((4, 0), np.int64)) for length in range(order)]
    for low, high in _ranges(rows, tokens, order, begin, size) if order else ():
        keys, counts = _counted(rows, tokens, order, begin, low, high, size)
        for table in reversed(tables):
            table.add(keys, counts, tokens, most)
            keys, counts = grouped(keys // tokens)
    return tables


def longest_order(tokens: int) -> int:
    """Symbols of the longest n-gram whose key fits into 63 bits."""
    return int(63 / math.log2(tokens)) if tokens > 1 else 63


def grouped(keys: np.ndarray, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Each of some sorted keys once, and the sum of its counts; without counts, how many times it is there."""
    if not len(keys):
        return keys, np.zeros(0, np.int64)
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.diff(first, append=len(keys)) if counts is None else np.add.reduceat(counts, first)
    return keys[first], sums


def contexts(rows: Ragged, length: int, begin: int, at: np.ndarray | None = None) -> np.ndarray:
    """The symbols before each symbol of each row, the nearest last; `begin` before a row.

    Args:
        at: int64, the places of those symbols that are asked about, among all values; None for all.
    Returns:
        int64, (items, length).
    """
    at = np.arange(len(rows.values)) if at is None else at
    within = at - rows.offsets[np.searchsorted(rows.offsets, at, side="right") - 1]  # its row
    history = np.full((len(at), length), begin, np.int64)
    for back in range(1, length + 1):
        history[:, -back] = np.where(within >= back, rows.values[np.maximum(at - back, 0)], begin)
    return history


def _keys(rows: Ragged, tokens: int, order: int, begin: int, at: np.ndarray) -> np.ndarray:
    """Of the n-grams that end at these places: int64, (places,)."""
    history = contexts(rows, order - 1, begin, at)
    keys: np.ndarray = rows.values[at].astype(np.int64)
    for back in range(1, order):
        keys = keys * tokens + history[:, -back]
    return keys


def _ranges(rows: Ragged, tokens: int, order: int, begin: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of keys, from the low one up to the high one, in which about `size` n-grams of the text lie.

    None parts n-grams that have their last two symbols in common.
    """
    end, count = tokens**order, len(rows.values)
    sample = np.arange(0, count, max(1, count // _SAMPLE))
    keys = np.sort(_keys(rows, tokens, order, begin, sample))
    cuts = keys[np.linspace(0, len(keys), -(-count // size), endpoint=False, dtype=np.int64)[1:]]
    unit = tokens ** max(order - 2, 0)
    edges = [0, *np.unique(cuts // unit * unit).tolist(), end]
    yield from ((low, high) for low, high in itertools.pairwise(edges) if low < high)


def _counted(
    rows: Ragged, tokens: int, order: int, begin: int, low: int, high: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The sorted keys from `low` up to `high`, and how often each is there."""
    found, counts = np.zeros((2, 0), np.int64)
    waiting: list[np.ndarray] = []

    def merged() -> tuple[np.ndarray, np.ndarray]:
        new = np.unique(np.concatenate([np.zeros(0, np.int64), *waiting]), return_counts=True)
        waiting.clear()
        if not len(found):
            return new
        keys, sums = np.concatenate([found, new[0]]), np.concatenate([counts, new[1]])
        order = np.argsort(keys)
        return grouped(keys[order], sums[order])

    for start in range(0, len(rows.values), PIECE):
        keys = _keys(rows, tokens, order, begin, np.arange(start, min(start + PIECE, len(rows.values))))
        waiting.append(keys[(keys >= low) & (keys < high)])
        if sum(map(len, waiting)) > 2 * size:
            found, counts = merged()
    return merged()
