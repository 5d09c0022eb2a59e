"""Exercises of the page on the LSTM's variants."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.learn.exercise import Exercise, draws, same
from seqkit.recurrence.cells import GateCell

UNITS, FEATURES = 4, 3


def _cell(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray, p: np.ndarray | None = None) -> GateCell:
    """seqkit's cell with weights gate by gate, which it has transposed and beside each other."""
    cell = GateCell(UNITS, name, dtype="float64")
    cell.build((1, FEATURES))
    beside = [np.concatenate([one.T for one in some], axis=1) for some in np.split(r, len(cell.recurrent))]
    cell.set_weights([np.concatenate([one.T for one in w], axis=1), b.ravel(), *beside, *([] if p is None else p)])
    return cell


def _check_lstm(name: str, gates: int, answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, r = rng.normal(size=(gates, UNITS, FEATURES)), rng.normal(size=(gates, UNITS, UNITS))
        p, b = rng.normal(size=(gates - 1, UNITS)), rng.normal(size=(gates, UNITS))
        y, c, x = rng.normal(size=UNITS), rng.normal(size=UNITS), rng.normal(size=FEATURES)
        _, after = _cell(name, w, r, b, p)(x[None], [y[None], c[None]])
        same(answer(w, r, p, b, y, c, x), tuple(np.array(state[0]) for state in after), "y, c")


def _check_mut3(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, r = rng.normal(size=(3, UNITS, FEATURES)), rng.normal(size=(3, UNITS, UNITS))
        b, h, x = rng.normal(size=(3, UNITS)), rng.normal(size=UNITS), rng.normal(size=FEATURES)
        after, _ = _cell("mut3", w, r, b)(x[None], [h[None]])
        same(answer(w, r, b, h, x), np.array(after[0]), "h")


EXERCISES = (
    Exercise(
        "vanilla(W, R, p, b, y, c, x)",
        "y and c after a step of vanilla, (units,) both, from those before it; W, R and b of z, i, f, o, p of i, f, o.",
        functools.partial(_check_lstm, "lstm_peephole", 4),
    ),
    Exercise(
        "coupled(W, R, p, b, y, c, x)",
        "y and c after a step of CIFG, (units,) both, from those before it; W, R and b of z, i, o, p of i, o.",
        functools.partial(_check_lstm, "lstm_coupled", 3),
    ),
    Exercise(
        "mut3(W, R, b, h, x)",
        "The state after a step of MUT3, (units,), from the state h before it; W, R and b of z, r, h.",
        _check_mut3,
    ),
)
