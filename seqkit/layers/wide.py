"""The wide path: runs of tokens, each with a weight for each class, whose sum is a score (Cheng et al. 2016).

A text is the set of its runs, as for a naive Bayes-weighted linear model (Wang and Manning 2012): each has a log-ratio of
each class, from the counts of the training texts, and a factor that is trained and starts at 1, so that the path begins as
naive Bayes and learns as that model does.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from seqkit.core.ragged import Ragged

PADDING, END = 0, 3  # the place that says nothing: its ratios are 0
RATIOS, FACTORS = "wide_ratios", "wide_factors"  # names of layers
HEAD = "logits"  # of the layer that scores the other path's summary
TOGETHER = "together"  # of the layer that adds this path's scores to another's
# of the ids of a run; found by search: for every power of two from 2^8 to 2^20 the least distance of two pairs that share a
# bucket is, for each two of these, 0.45 times that of the best lattice, so that pairs of frequent words hardly ever do
MULTIPLIERS = (3549, 8331, 12423, 5589, 12731, 12507)
LEAST = 2  # texts that a run has to be in
SPREAD = 2.0  # root mean square of the path's first scores over the training texts
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


def wide_logits(ids: keras.KerasTensor, runs: Runs, *, outputs: int, rate: float) -> keras.KerasTensor:
    """Scores of a text's runs, each counted once; nothing but zeros until `start_wide` was called on the model.

    Args:
        ids: int32, (batch, steps), 0 for padding.
        rate: How much a step of a factor's variable moves it.
    Returns:
        float32, (batch, outputs).
    """
    longest = runs.longest
    ahead = ops.pad(ids, ((0, 0), (0, longest - 1))) if longest > 1 else ids
    shifted = [ahead[:, place : place - longest + 1 or None] for place in range(longest)]  # each (batch, steps)
    places = [
        ops.where(ops.not_equal(shifted[length - 1], PADDING), runs.places(shifted[:length]), PADDING)
        for length in range(1, longest + 1)
    ]
    held = ops.sort(ops.concatenate(places, axis=1), axis=1)  # (batch, longest * steps)
    again = ops.equal(held[:, 1:], held[:, :-1])
    held = ops.concatenate([held[:, :1], ops.where(again, PADDING, held[:, 1:])], axis=1)
    known = keras.layers.Embedding(runs.size, outputs, "zeros", trainable=False, dtype="float32", name=RATIOS)
    learned = keras.layers.Embedding(runs.size, outputs, "zeros", dtype="float32", name=FACTORS)
    scores = known(held) * (1.0 + rate * learned(held))  # (batch, longest * steps, outputs)
    return ops.sum(scores, axis=1)


def paths_of(model: keras.Model) -> list[keras.KerasTensor]:
    """What is added up for the model's scores, where it is a wide path's and another's: float32, (batch, outputs) each."""
    return next((list(layer.input) for layer in model.layers if layer.name == TOGETHER), [])


def weigh_paths(model: keras.Model, recurrent: float, wide: float) -> None:
    """Multiply what each of two paths says before it is added up, by its weights."""
    head, table = model.get_layer(HEAD), model.get_layer(RATIOS)
    head.set_weights([recurrent * weights for weights in head.get_weights()])
    table.set_weights([wide * table.get_weights()[0]])


def start_wide(model: keras.Model, ids: Ragged, labels: np.ndarray, runs: Runs) -> None:
    """Give the model's wide path what the training texts say, as `log_ratios_of` has it."""
    table = model.get_layer(RATIOS)
    table.set_weights([log_ratios_of(ids, labels, runs, table.output_dim)])


def log_ratios_of(ids: Ragged, labels: np.ndarray, runs: Runs, outputs: int) -> np.ndarray:
    """What the training texts say of each place: float32, (runs.size, outputs).

    Of a class against the others, as Wang and Manning have it: p and q are the texts of the class, and of the others, that
    hold a run, one more for each; log(p / |p|) - log(q / |q|). All are scaled together, so that a text's sum is of the size
    of `SPREAD`. Places of fewer than `LEAST` texts say nothing.

    Args:
        ids: Of the training texts.
        labels: int, (rows,), the class of each.
    """
    counts = np.zeros((runs.size, outputs))
    for held, rows in _held(ids, runs):
        counts += np.bincount(held * outputs + labels[rows], minlength=counts.size).reshape(counts.shape)
    counts[PADDING] = 0
    known = counts.sum(axis=1) >= LEAST
    ratios = np.zeros((runs.size, outputs), np.float32)
    ours = counts[known]
    ours, others = ours + 1.0, ours.sum(axis=1, keepdims=True) - ours + 1.0
    ratios[known] = np.log(ours / ours.sum(axis=0)) - np.log(others / others.sum(axis=0))
    sums = np.zeros((len(ids), outputs))
    for held, rows in _held(ids, runs):
        for place in range(outputs):
            sums[:, place] += np.bincount(rows, ratios[held, place], len(ids))
    spread = float(np.sqrt(np.mean(np.square(sums - sums.mean(axis=1, keepdims=True)))))
    ratios *= np.float32(SPREAD / spread) if spread else 1
    ratios[END] = np.log((np.bincount(labels, minlength=outputs) + 1.0) / (len(labels) + outputs))
    return ratios


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
