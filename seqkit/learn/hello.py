"""Exercises of the page on the hello model."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from seqkit.learn.exercise import Exercise, draws, same


def _check_one_hot(answer: Callable[..., Any]) -> None:
    for text, alphabet in (("hello", "helo"), ("l", "helo"), ("cab", "abcd")):
        expected = np.array([[float(letter == one) for one in alphabet] for letter in text])
        same(answer(text, alphabet), expected, f"one_hot({text!r}, {alphabet!r})")


def _check_nats(answer: Callable[..., Any]) -> None:
    for scale in (1.0, 3.0, 3000.0):
        for rng in draws():
            logits, ids = scale * rng.normal(size=(6, 4)), rng.integers(4, size=6)
            same(answer(logits, ids), -log_softmax(logits, axis=1)[np.arange(6), ids].mean(), "nats a symbol")


def _check_draw(answer: Callable[..., Any]) -> None:
    for rng in draws():
        logits, temperature = rng.normal(size=5), float(rng.uniform(0.3, 2.0))
        sums = np.cumsum(softmax(logits / temperature))
        for u in (0.0, *rng.uniform(size=20)):
            same(answer(logits, temperature, u), int(np.argmax(sums > u)), f"the symbol at u = {u:.3f}")


EXERCISES = (
    Exercise(
        "one_hot(text, alphabet)",
        "The letters of a text as rows, (letters, alphabet's letters), of zeros and a one.",
        _check_one_hot,
    ),
    Exercise(
        "nats(logits, ids)",
        "Nats a symbol, a number, of the symbols ids, (steps,), by logits, (steps, symbols), of any size.",
        _check_nats,
    ),
    Exercise(
        "draw(logits, temperature, u)",
        "The first symbol up to which the probabilities softmax(logits / temperature) sum to more than u, from 0 to 1.",
        _check_draw,
    ),
)
