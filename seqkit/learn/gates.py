"""Exercises of the page on the gates of LSTM and GRU."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.learn.exercise import Exercise, draws, same
from seqkit.recurrence.cells import make_layer


def _check_lstm_step(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, r, b = rng.normal(size=(12, 2)), rng.normal(size=(12, 3)), rng.normal(size=12)
        x, h, c = rng.normal(size=2), rng.normal(size=3), rng.normal(size=3)
        layer = make_layer("lstm", 3, return_state=True, dtype="float64")
        layer.build((1, 1, 2))
        f, i, o, g = (np.arange(3 * gate, 3 * gate + 3) for gate in range(4))
        order = np.concatenate([i, f, g, o])
        layer.set_weights([w[order].T, r[order].T, b[order]])
        _, *states = layer(x[None, None], initial_state=[h[None], c[None]])
        same(answer(w, r, b, x, h, c), tuple(np.array(state)[0] for state in states), "h, c")


def _check_gru_step(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, r, x, h = rng.normal(size=(9, 2)), rng.normal(size=(9, 3)), rng.normal(size=2), rng.normal(size=3)
        layer = make_layer("gru_reset_before", 3, use_bias=False, dtype="float64")
        layer.build((1, 1, 2))
        layer.set_weights([w.T, r.T])
        same(answer(w, r, x, h), np.array(layer(x[None, None], initial_state=h[None]))[0], "h")


def _check_forget_bias(answer: Callable[..., Any]) -> None:
    for steps in (1, 10, 300):
        left = (1 / (1 + np.exp(-np.float64(answer(steps))))) ** steps
        same(left, 0.5, f"what is left after {steps} steps")


EXERCISES = (
    Exercise(
        "lstm_step(W, R, b, x, h, c)",
        "h, c after a step; the rows of W, (4 units, features), R, (4 units, units), and b are those of f, i, o, g.",
        _check_lstm_step,
    ),
    Exercise(
        "gru_step(W, R, x, h)",
        "h after a step; the rows of W, (3 units, features), and R, (3 units, units), are those of z, r, the candidate.",
        _check_gru_step,
    ),
    Exercise(
        "forget_bias(steps)",
        "The bias of a forget gate that nothing else goes into, with which half of the cell is left after so many steps.",
        _check_forget_bias,
    ),
)
