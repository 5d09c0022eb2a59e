"""Exercises of the page on the recurrence by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.learn.exercise import Exercise, draws, same
from seqkit.recurrence.cells import make_layer


def _weights(rng: np.random.Generator, units: int, features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W_hh, W_xh, b."""
    return rng.normal(size=(units, units)), rng.normal(size=(units, features)), rng.normal(size=units)


def _states(w_hh: np.ndarray, w_xh: np.ndarray, b: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """All states, (steps, units), by seqkit's recurrent layer, which has the transposed matrices."""
    layer = make_layer("simple_rnn", len(b), return_sequences=True, dtype="float64")
    layer.build((1, *xs.shape))
    layer.set_weights([w_xh.T, w_hh.T, b])
    return np.array(layer(xs[None])[0])


def _check_step(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w_hh, w_xh, b = _weights(rng, 4, 3)
        xs = rng.normal(size=(2, 3))
        before, after = _states(w_hh, w_xh, b, xs)
        same(answer(w_hh, w_xh, b, before, xs[1]), after, "h")


def _check_unroll(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w_hh, w_xh, b = _weights(rng, 4, 3)
        xs = rng.normal(size=(int(rng.integers(1, 9)), 3))
        same(answer(w_hh, w_xh, b, xs), _states(w_hh, w_xh, b, xs), "hs")


def _check_one_matrix(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w_hh, w_xh, _ = _weights(rng, 4, 3)
        h, x = rng.normal(size=4), rng.normal(size=3)
        joined = np.asarray(answer(w_hh, w_xh))
        same(joined.shape, (4, 7), "the shape's rows, its columns")
        same(np.tanh(joined @ np.concatenate([h, x])), np.tanh(w_hh @ h + w_xh @ x), "tanh(W [h, x])")


EXERCISES = (
    Exercise(
        "step(W_hh, W_xh, b, h, x)",
        "The state after a step, (units,), from the state h before it, (units,), and the input x, (features,).",
        _check_step,
    ),
    Exercise(
        "unroll(W_hh, W_xh, b, xs)",
        "All states, (steps, units), of the inputs xs, (steps, features), from a state of zeros on.",
        _check_unroll,
    ),
    Exercise(
        "one_matrix(W_hh, W_xh)",
        "The matrix W, (units, units + features), with W [h, x] = W_hh h + W_xh x for h and x end to end.",
        _check_one_matrix,
    ),
)
