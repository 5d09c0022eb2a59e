"""Interpolated Kneser-Ney n-grams, with the unigram and the uniform model as their orders 1 and 0.

A context is a node of a tree that is walked from the last symbol backwards. A child's key is its parent's number times
the number of tokens, plus the symbol; so any order fits into 64 bits, and counting and looking up are a sort and a search
of whole arrays.
"""

import dataclasses
from pathlib import Path
from typing import Self

import numpy as np

from seqkit.core.ragged import Ragged


@dataclasses.dataclass(frozen=True)
class Level:
    """Counts after contexts of one length.

    Attributes:
        contexts: int64, the sorted keys of the contexts; a context's number is its place. Of the empty context, [0].
        grams: int64, the sorted keys (context's number times tokens, plus symbol) of what came after contexts.
        counts: int64, how often; below the highest order, after how many different symbols further left.
    """

    contexts: np.ndarray
    grams: np.ndarray
    counts: np.ndarray

    @property
    def discount(self) -> float:
        """n1 / (n1 + 2 n2), of grams that were counted once and twice (Ney, Essen and Kneser 1994); 0.5 without such."""
        once, twice = (int((self.counts == times).sum()) for times in (1, 2))
        return once / (once + 2 * twice) if once and twice else 0.5


@dataclasses.dataclass(frozen=True)
class KneserNey:
    """Interpolated Kneser-Ney smoothing (Kneser and Ney 1995, in the interpolated form of Chen and Goodman 1998, eq. 4.37).

    p(w | h) = max(c(h w) - D, 0) / c(h .) + D N(h .) / c(h .) p(w | h without its first symbol), with c the counts at the
    highest order and the numbers of different symbols before h w below it, N(h .) how many symbols followed h, and one D an
    order. The empty context's next lower order is the uniform distribution.

    Attributes:
        outcomes: int64, the ids that can come next, ascending.
        tokens: Ids are below this number.
        levels: Of contexts of length 0, 1 and so on: as many as the order.
    """

    outcomes: np.ndarray
    tokens: int
    levels: tuple[Level, ...]

    @classmethod
    def fit(cls, rows: Ragged, outcomes: np.ndarray, *, order: int, begin: int) -> Self:
        """Count.

        Args:
            rows: int ids, ragged.
            outcomes: The ids that can come next.
            order: Symbols of an n-gram; 1 for the unigram model, 0 for the uniform one.
            begin: The id that stands before each row, as often as a context needs.
        """
        outcomes = np.unique(outcomes).astype(np.int64)
        tokens = int(max(outcomes.max(), begin)) + 1
        history, after = contexts(rows, max(order - 1, 0), begin), rows.values.astype(np.int64)
        nodes, keys = [np.zeros(len(after), np.int64)], [np.zeros(1, np.int64)]
        for back in range(order - 1):
            known, node = np.unique(nodes[-1] * tokens + history[:, -1 - back], return_inverse=True)
            nodes.append(node)
            keys.append(known)
        levels: list[Level] = []
        for length in reversed(range(order)):
            grams, first, counts = np.unique(nodes[length] * tokens + after, return_index=True, return_counts=True)
            levels.insert(0, Level(keys[length], grams, counts))
            # one of each is left: what the next order below counts are different symbols, not occurrences
            nodes, after = [node[first] for node in nodes], after[first]
        return cls(outcomes, tokens, tuple(levels))

    def log_probabilities(self, rows: Ragged, begin: int) -> np.ndarray:
        """Of each symbol given those before it in its row: float64, (items,), in nats; -inf where it is no outcome."""
        known = np.isin(rows.values, self.outcomes)
        probability = known / len(self.outcomes)
        after = rows.values.astype(np.int64)
        history = contexts(rows, max(len(self.levels) - 1, 0), begin)
        node = np.zeros(len(after), np.int64)  # -1 where the context was never seen
        for length, level in enumerate(self.levels):
            if length:
                found = find(level.contexts, node * self.tokens + history[:, -length])
                node = np.where((node >= 0) & (history[:, -length] < self.tokens), found, -1)
            gram = find(level.grams, node * self.tokens + after)
            parent = level.grams // self.tokens
            total = np.bincount(parent, level.counts, len(level.contexts))
            distinct = np.bincount(parent, minlength=len(level.contexts))
            left = np.where(gram >= 0, np.maximum(level.counts[gram] - level.discount, 0.0), 0.0)
            shared = (left + level.discount * distinct[node] * probability) / total[node]
            probability = np.where(node >= 0, shared, probability)
        with np.errstate(divide="ignore"):
            return np.log(np.where(known, probability, 0.0))

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        fields = {
            f"{field.name}_{length}": getattr(level, field.name)
            for length, level in enumerate(self.levels)
            for field in dataclasses.fields(Level)
        }
        np.savez_compressed(path, outcomes=self.outcomes, tokens=self.tokens, order=len(self.levels), **fields)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        names = [field.name for field in dataclasses.fields(Level)]
        with np.load(path, allow_pickle=False) as kept:
            levels = [Level(*(kept[f"{name}_{length}"] for name in names)) for length in range(int(kept["order"]))]
            return cls(kept["outcomes"], int(kept["tokens"]), tuple(levels))


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


def find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Each one's place among the sorted keys: int64, -1 where it isn't there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)
