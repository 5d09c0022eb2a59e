"""Exercises of the page on n-grams, fixed windows and recurrent networks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.baselines.gram_counts import contexts
from seqkit.core.ragged import Ragged
from seqkit.learn.exercise import Exercise, draws, same


def _check_bigrams(answer: Callable[..., Any]) -> None:
    for rng in draws():
        ids = rng.integers(4, size=30)
        counts = np.ones((4, 4))
        np.add.at(counts, (ids[:-1], ids[1:]), 1)
        same(answer(ids, 4), counts / counts.sum(axis=1, keepdims=True), "p")


def _check_windows(answer: Callable[..., Any]) -> None:
    for rng in draws():
        ids, k = rng.integers(1, 5, size=int(rng.integers(1, 9))), int(rng.integers(1, 4))
        same(answer(ids, k, 0), contexts(Ragged(ids, np.array([0, len(ids)])), k, 0), "windows")


def _check_perplexity(answer: Callable[..., Any]) -> None:
    for rng in draws():
        probabilities = rng.uniform(0.05, 1.0, size=12)
        same(answer(np.log(probabilities)), 1 / np.prod(probabilities) ** (1 / 12), "the perplexity")


EXERCISES = (
    Exercise(
        "bigrams(ids, symbols)",
        "The matrix of p(next | symbol), (symbols, symbols), of numbers ids, (steps,), each count raised by one.",
        _check_bigrams,
    ),
    Exercise(
        "windows(ids, k, begin)",
        "The last k symbols before each, (steps, k), the nearest last; before the first stands begin.",
        _check_windows,
    ),
    Exercise(
        "perplexity(log_probabilities)",
        "e to the mean nats a symbol, from the log-probabilities, (steps,), of the symbols that came.",
        _check_perplexity,
    ),
)
