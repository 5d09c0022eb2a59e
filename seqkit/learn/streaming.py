"""Exercises of the page on streaming."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.learn.exercise import Exercise, draws, same
from seqkit.recurrence.cells import make_layer


def _check_feed(answer: Callable[..., Any]) -> None:
    for rng in draws():
        layer = make_layer("simple_rnn", 4, return_sequences=True, dtype="float64")
        layer.build((1, 6, 3))
        w_xh, w_hh, b = layer.get_weights()
        xs, first = rng.normal(size=(6, 3)), rng.normal(size=4)
        states = np.array(layer(xs[None], initial_state=tf.constant(first[None]))[0])

        def step(
            state: np.ndarray, x: np.ndarray, w_xh: np.ndarray = w_xh, w_hh: np.ndarray = w_hh, b: np.ndarray = b
        ) -> tuple[np.ndarray, np.ndarray]:
            after = np.tanh(x @ w_xh + state @ w_hh + b)
            return 2 * after[:2], after

        same(answer(step, first, xs), (2 * states[:, :2], states[-1]), "the outputs, the state")


def _check_running_mean(answer: Callable[..., Any]) -> None:
    for rng in draws():
        xs, state = rng.normal(size=(8, 3)), None
        for number, x in enumerate(xs, start=1):
            given = answer(state, x)
            if isinstance(given, tuple | list) and len(given) == 2:
                output, state = given
                same(output, xs[:number].mean(axis=0), f"the mean of {number}")
            else:
                same(given, (x, x), "the mean, the state")


def _check_windows(answer: Callable[..., Any]) -> None:
    for length, width in ((10, 5), (11, 5), (3, 5), (12, 1)):
        row = np.arange(length)
        pieces = [(int(piece[0]), int(piece[-1]) + 1) for piece in np.split(row, range(width, length, width))]
        same(answer(length, width), np.array(pieces), f"the windows of {length} by {width}")


EXERCISES = (
    Exercise(
        "feed(step, state, xs)",
        "All outputs of a step, stacked, and the last state, from a first state and the inputs xs, (steps, features); "
        "step(state, x) gives an output and the state after.",
        _check_feed,
    ),
    Exercise(
        "running_mean(state, x)",
        "The mean of all inputs so far, (features,), and a state after, which is yours to choose; the first one is None.",
        _check_running_mean,
    ),
    Exercise(
        "windows(length, width)",
        "The pairs (begin, end) of the windows that a row of this length is cut into, in order, end not included.",
        _check_windows,
    ),
)
