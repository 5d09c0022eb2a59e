"""Exercises of the page on networks set by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.learn.exercise import Exercise, WrongAnswer, draws, same

NAMES = "W_hh, W_xh, b, W_hy, c"
Rule = Callable[[np.ndarray], np.ndarray]


def _linear(a: np.ndarray) -> np.ndarray:
    return a


def _threshold(a: np.ndarray) -> np.ndarray:
    return np.where(a > 0, 1.0, 0.0)


def _outputs(weights: Any, xs: np.ndarray, rule: Rule) -> np.ndarray:
    """(steps,), of a network of the weights that an answer gave."""
    if not isinstance(weights, tuple | list) or len(weights) != 5:
        raise WrongAnswer(f"it should return five arrays, {NAMES}, and returned {weights!r}.")
    w_hh, w_xh, b, w_hy, c = (np.asarray(part, float) for part in weights)
    units = len(b) if b.ndim else 0
    for name, part, shape in zip(
        NAMES.split(", "),
        (w_hh, w_xh, b, w_hy, c),
        ((units, units), (units, 1), (units,), (1, units), (1,)),
        strict=True,
    ):
        if part.shape != shape:
            raise WrongAnswer(f"{name} should have the shape {shape}, for {units} units, and has {part.shape}.")
    h, ys = np.zeros(units), []
    for x in xs:
        h = rule(w_hh @ h + w_xh @ [x] + b)
        ys.append(rule(w_hy @ h + c)[0])
    return np.array(ys)


def _check_alternating(answer: Callable[..., Any]) -> None:
    for rng in draws():
        xs = rng.normal(size=12)
        signs = (-1.0) ** np.arange(12)
        same(_outputs(answer(), xs, _linear), signs * np.cumsum(signs * xs), "y")


def _check_seen(answer: Callable[..., Any]) -> None:
    for rng in draws():
        xs = (rng.uniform(size=20) < 0.15).astype(float)
        same(_outputs(answer(), xs, _threshold), np.maximum.accumulate(xs), "y")


def _check_two_in_a_row(answer: Callable[..., Any]) -> None:
    for rng in draws():
        xs = rng.integers(2, size=30).astype(float)
        same(_outputs(answer(), xs, _threshold), xs * np.concatenate([[0.0], xs[:-1]]), "y")


EXERCISES = (
    Exercise(
        "alternating()",
        "W_hh, W_xh, b, W_hy, c of linear units with y_t = x_t - x_{t-1} + x_{t-2} - ...",
        _check_alternating,
    ),
    Exercise(
        "seen()",
        "W_hh, W_xh, b, W_hy, c of threshold units: 1 from the first step on at which the input was 1.",
        _check_seen,
    ),
    Exercise(
        "two_in_a_row()",
        "W_hh, W_xh, b, W_hy, c of threshold units: 1 where the input is 1 now and was 1 at the step before.",
        _check_two_in_a_row,
    ),
)
