"""Exercises of the page on truncated backpropagation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.learn.exercise import Exercise, draws, same, slopes


def _states(w: np.ndarray, u: np.ndarray, xs: np.ndarray, state: np.ndarray) -> np.ndarray:
    """(steps + 1, units), from the first one on."""
    states = [state]
    for x in xs:
        states.append(np.tanh(u @ x + w @ states[-1]))
    return np.array(states)


def _drawn(rng: np.random.Generator, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W, U and inputs, of 4 units and 2 features."""
    return rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 2)), rng.normal(size=(steps, 2))


def _check_windows(answer: Callable[..., Any]) -> None:
    for steps, k in ((10, 5), (10, 4), (3, 7), (7, 1)):
        expected = [(begin, min(begin + k, steps)) for begin in range(0, steps, k)]
        same(np.array(answer(steps, k)), np.array(expected), f"windows({steps}, {k})")


def _check_carry(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, u, xs = _drawn(rng, int(rng.integers(1, 12)))
        same(answer(w, u, xs, 3), _states(w, u, xs, np.zeros(4))[1:], "states")


def _check_truncated(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, u, xs = _drawn(rng, 8)
        v, k = rng.normal(size=4), int(rng.integers(1, 8))
        held = _states(w, u, xs[:-k], np.zeros(4))[-1]  # where the gradient stops
        (expected,) = slopes(lambda w, u=u, xs=xs[-k:], v=v, held=held: float(v @ _states(w, u, xs, held)[-1]), w)
        same(answer(w, u, v, xs, k), expected, "dW")


EXERCISES = (
    Exercise(
        "windows(steps, k)",
        "The list of (begin, end) that cut steps into windows of k, the last one shorter where it must be.",
        _check_windows,
    ),
    Exercise(
        "carry(W, U, xs, k)",
        "All states, (steps, units), read in windows of k steps, the state going on from one to the next.",
        _check_carry,
    ),
    Exercise(
        "truncated(W, U, v, xs, k)",
        "dW, (units, units), of the loss v @ s_T with the gradient going back k steps.",
        _check_truncated,
    ),
)
