"""Exercises of the page on the linear recurrences."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.signal import lfilter

from seqkit.learn.exercise import Exercise, draws, same
from seqkit.recurrence.cells import GateCell


def _check_combine(answer: Callable[..., Any]) -> None:
    for rng in draws():
        (a, b), (c, d), h = rng.normal(size=(2, 4)), rng.normal(size=(2, 4)), rng.normal(size=4)
        given = answer((a, b), (c, d))
        after = c * (a * h + b) + d
        same(given, (a * c, after - a * c * h), "a, b")


def _check_scan(answer: Callable[..., Any]) -> None:
    for rng in draws():
        a, h = float(rng.uniform(-1, 1)), rng.normal(size=3)
        b = rng.normal(size=(int(rng.integers(1, 20)), 3))
        steady, _ = lfilter([1.0], [1.0, -a], b, axis=0, zi=a * h[None])  # where a is the same throughout
        same(answer(np.full_like(b, a), b, h), steady, "the states")
        factors = rng.uniform(0.5, 1, b.shape)
        grown = np.cumprod(factors, axis=0)
        same(answer(factors, b, h), grown * (h + np.cumsum(b / grown, axis=0)), "the states")


def _check_mingru(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w_z, w_h = rng.normal(size=(2, 4, 3))
        b_z, b_h = rng.normal(size=(2, 4))
        cell = GateCell(4, "mingru", dtype="float64")
        cell.build((1, 3))
        cell.set_weights([np.concatenate([w_z.T, w_h.T], axis=1), np.concatenate([b_z, b_h])])
        h, x = rng.normal(size=4), rng.normal(size=3)
        after, _ = cell(x[None], [h[None]])
        same(answer(w_z, b_z, w_h, b_h, h, x), np.array(after[0]), "h")


EXERCISES = (
    Exercise(
        "combine(first, second)",
        "The pair (a, b) of one step that does what the steps of two such pairs do, the first one first.",
        _check_combine,
    ),
    Exercise(
        "scan(a, b, h)",
        "All states, (steps, units), of h_t = a_t h_{t-1} + b_t, with a and b, (steps, units), from h, (units,), on.",
        _check_scan,
    ),
    Exercise(
        "mingru(W_z, b_z, W_h, b_h, h, x)",
        "The state after a minGRU's step, (units,), from the state h before it and the input x, (features,).",
        _check_mingru,
    ),
)
