"""Exercises of the page on backpropagation through time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.learn.exercise import Exercise, draws, same, slopes


def _weights(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, V, W of 4 units, 3 features and 5 outputs."""
    return rng.normal(size=(4, 3)), rng.normal(size=(5, 4)), rng.normal(size=(4, 4)) / 2


def _losses(u: np.ndarray, v: np.ndarray, w: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """The loss of each step, (steps,)."""
    state, losses = np.zeros(len(w)), []
    for x, y in zip(xs, ys, strict=True):
        state = np.tanh(u @ x + w @ state)
        losses.append(np.logaddexp.reduce(v @ state) - (v @ state)[y])
    return np.array(losses)


def _check_loss(answer: Callable[..., Any]) -> None:
    for rng in draws():
        weights, steps = _weights(rng), int(rng.integers(1, 9))
        xs, ys = rng.normal(size=(steps, 3)), rng.integers(5, size=steps)
        same(answer(*weights, xs, ys), _losses(*weights, xs, ys).sum(), "the loss")


def _check_delta_before(answer: Callable[..., Any]) -> None:
    for rng in draws():
        _, v, w = _weights(rng)
        inside, e, after = rng.normal(size=4), rng.normal(size=5), rng.normal(size=4)

        def below(
            inside: np.ndarray, v: np.ndarray = v, e: np.ndarray = e, w: np.ndarray = w, after: Any = after
        ) -> Any:
            return e @ v @ np.tanh(inside) + after @ w @ np.tanh(inside)

        same(answer(v, w, e, np.tanh(inside), after), slopes(below, inside)[0], "delta")


def _check_last_step_gradient(answer: Callable[..., Any]) -> None:
    for rng in draws():
        weights, xs, y = _weights(rng), rng.normal(size=(6, 3)), int(rng.integers(5))
        ys = np.full(6, y)
        given = answer(*weights, xs, y)
        expected = slopes(lambda u, v, w, xs=xs, ys=ys: float(_losses(u, v, w, xs, ys)[-1]), *weights)
        same(given, expected, "dU, dV, dW")


EXERCISES = (
    Exercise(
        "loss(U, V, W, xs, ys)",
        "The loss, a number, of inputs xs, (steps, features), and the numbers of the right outputs ys, (steps,).",
        _check_loss,
    ),
    Exercise(
        "delta_before(V, W, e, s, delta_after)",
        "delta_t, (units,), from e_t, (outputs,), the state s_t, (units,), and delta_{t+1}, (units,).",
        _check_delta_before,
    ),
    Exercise(
        "last_step_gradient(U, V, W, xs, y)",
        "dU, dV, dW of the loss -log y_T[y] at the last step alone, where y is the number of the right output.",
        _check_last_step_gradient,
    ),
)
