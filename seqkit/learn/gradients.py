"""Exercises of the page on vanishing and exploding gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.learn.exercise import Exercise, draws, same, slopes


def _check_spectral_radius(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w = rng.normal(size=(5, 5))
        same(answer(w), np.abs(np.linalg.eigvals(w)).max(), "the spectral radius")


def _check_jacobian(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, before, inputs = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
        rows = [
            slopes(lambda h, row=row, w=w, inputs=inputs: float(np.tanh(w @ h + inputs)[row]), before)[0]
            for row in range(4)
        ]
        same(answer(w, np.tanh(w @ before + inputs)), np.stack(rows), "the Jacobian")


def _check_clip(answer: Callable[..., Any]) -> None:
    for rng in draws():
        gradients = [rng.normal(size=(3, 2)), rng.normal(size=4)]
        for most in (0.5, 100.0):
            expected, _ = tf.clip_by_global_norm(gradients, most)
            given = answer([gradient.copy() for gradient in gradients], most)
            same(given, tuple(expected), f"the first array where most is {most}, the second one")


EXERCISES = (
    Exercise(
        "spectral_radius(W)",
        "The largest absolute value of an eigenvalue of W, (units, units).",
        _check_spectral_radius,
    ),
    Exercise(
        "jacobian(W, h)",
        "dh_t / dh_{t-1}, (units, units), of h_t = tanh(W h_{t-1} + U x_t), from W and the state h after the step.",
        _check_jacobian,
    ),
    Exercise(
        "clip(gradients, most)",
        "The list of arrays, scaled so that the norm of all their numbers together is at most `most`.",
        _check_clip,
    ),
)
