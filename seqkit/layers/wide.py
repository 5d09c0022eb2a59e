"""The wide path: runs of tokens, each with a weight for each class, whose sum is a score (Cheng et al. 2016).

A text is the set of its runs, each counted once. The weights lie in one table, which is set as a whole, by a fit; nothing
here moves them.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np
import scipy.sparse as sp
from keras import ops

from seqkit.core.ragged import Ragged

PADDING, END = 0, 3  # the place that says nothing, and the one that each text has, whose weights are the intercepts
TABLE = "wide"  # name of the layer of the weights
HEAD = "logits"  # of the layer that scores the other path's summary
TOGETHER = "together"  # of the layer that adds this path's scores to another's
# of the ids of a run; found by search: for every power of two from 2^8 to 2^20 the least distance of two pairs that share a
# bucket is, for each two of these, 0.45 times that of the best lattice, so that pairs of frequent words hardly ever do
MULTIPLIERS = (3549, 8331, 12423, 5589, 12731, 12507)
A_TOKEN = 64  # buckets, half at least: imdb's texts have 61 different pairs of words to each of their 20,000 words
CHUNK = 1 << 22  # tokens that are counted at once


@dataclasses.dataclass(frozen=True)
class Runs:
    """Where the runs of up to `longest` tokens lie in one table.

    A single token has the place of its id. Behind these lie `buckets` places for each further length, which runs share:
    with ids a, b, ... that of a run is (a m_1 mod buckets + b m_2 mod buckets + ...) mod buckets, by integers below 2^31.

    Attributes:
        tokens: Size of the vocabulary.
        longest: Tokens of a run.
        buckets: A power of two.
    """

    tokens: int
    longest: int
    buckets: int

    @classmethod
    def of(cls, tokens: int, longest: int, most: int) -> Self:
        """With room for the runs of texts that have so many tokens to know, in at most so many buckets a length."""
        return cls(tokens, longest, 1 << (min(most, A_TOKEN * tokens).bit_length() - 1))

    @property
    def size(self) -> int:
        """Places of the table."""
        return self.tokens + (self.longest - 1) * self.buckets

    def places(self, run: Sequence[Any]) -> Any:
        """Of runs, from the ids of their first tokens, of their second ones, and so on: integers of the same shape."""
        if len(run) == 1:
            return run[0]
        most = (2**31 - 1) // self.tokens
        parts = [
            ids * min(multiplier, most - 2 * place) % self.buckets
            for place, (ids, multiplier) in enumerate(zip(run, MULTIPLIERS, strict=False))
        ]
        return self.tokens + (len(run) - 2) * self.buckets + sum(parts[1:], parts[0]) % self.buckets


def wide_logits(ids: keras.KerasTensor, runs: Runs, *, outputs: int) -> keras.KerasTensor:
    """Scores of a text's runs, each counted once; nothing but zeros until the layer `TABLE` has got its weights.

    Args:
        ids: int32, (batch, steps), 0 for padding.
    Returns:
        float32, (batch, outputs).
    """
    longest = runs.longest
    ahead = ops.pad(ids, ((0, 0), (0, longest - 1))) if longest > 1 else ids
    shifted = [ahead[:, place : place - longest + 1 or None] for place in range(longest)]  # each (batch, steps)
    within = ops.logical_and(ops.not_equal(ids, PADDING), ops.not_equal(ids, END))
    within = ops.pad(within, ((0, 0), (0, longest - 1))) if longest > 1 else within
    places = [ids] + [
        ops.where(within[:, length - 1 : length - longest or None], runs.places(shifted[:length]), PADDING)
        for length in range(2, longest + 1)
    ]  # of runs that end before the text does
    held = ops.sort(ops.concatenate(places, axis=1), axis=1)  # (batch, longest * steps)
    again = ops.equal(held[:, 1:], held[:, :-1])
    held = ops.concatenate([held[:, :1], ops.where(again, PADDING, held[:, 1:])], axis=1)
    table = keras.layers.Embedding(runs.size, outputs, "zeros", trainable=False, dtype="float32", name=TABLE)
    return ops.sum(table(held), axis=1)  # of (batch, longest * steps, outputs)


def paths_of(model: keras.Model) -> list[keras.KerasTensor]:
    """What is added up for the model's scores, where it is a wide path's and another's: float32, (batch, outputs) each."""
    return next((list(layer.input) for layer in model.layers if layer.name == TOGETHER), [])


def weigh_paths(model: keras.Model, recurrent: float, wide: float) -> None:
    """Multiply what each of two paths says before it is added up, by its weights."""
    for name, weight in ((HEAD, recurrent), (TABLE, wide)):
        layer = model.get_layer(name)
        layer.set_weights([weight * own for own in layer.get_weights()])


def word_shares(ids: np.ndarray, runs: Runs, weights: np.ndarray) -> np.ndarray:
    """What each word of a text adds to a score, by the weights of the runs that hold it: float64, (words,).

    A run's weight is shared by all words of all places where it stands, so that the shares add up to the score but for the
    text's end.

    Args:
        ids: int, (words,), without an end.
        weights: float, (runs.size,), of the score.
    """
    shares, standing = np.zeros(len(ids)), dict[int, list[int]]()
    for length in range(1, runs.longest + 1):
        for first in range(len(ids) - length + 1):
            place = int(runs.places([int(one) for one in ids[first : first + length]]))
            standing.setdefault(place, []).extend(range(first, first + length))
    for place, words in standing.items():
        np.add.at(shares, words, float(weights[place]) / len(words))
    return shares


def held_by(ids: Ragged, runs: Runs) -> sp.csr_matrix:
    """float32, (texts, runs.size): 1 where a text, without its end, has a run in a place."""
    nothing = np.zeros(0, np.int64)
    held, rows = (
        np.concatenate([nothing, *parts]) for parts in zip((nothing, nothing), *_held(ids, runs), strict=True)
    )
    starts = np.searchsorted(rows, np.arange(len(ids) + 1))
    return sp.csr_matrix((np.ones(len(held), np.float32), held, starts), (len(ids), runs.size))


def _held(ids: Ragged, runs: Runs) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places that texts hold, each once, and the texts' rows, some texts after the other."""
    bounds = np.searchsorted(ids.offsets[:-1], np.arange(0, ids.offsets[-1] + CHUNK, CHUNK))
    for start, stop in itertools.pairwise(np.unique(bounds)):
        first, last = ids.offsets[start], ids.offsets[stop]
        own = ids.values[first:last].astype(np.int64)
        row = np.repeat(np.arange(start, stop), np.diff(ids.offsets[start : stop + 1]))
        found = []
        for length in range(1, runs.longest + 1):
            whole = row[length - 1 :] == row[: len(row) - length + 1]
            run = [own[place : len(own) - length + 1 + place][whole] for place in range(length)]
            found.append(row[: len(row) - length + 1][whole] * runs.size + runs.places(run))
        rows, held = np.divmod(np.unique(np.concatenate(found)), runs.size)
        yield held, rows
