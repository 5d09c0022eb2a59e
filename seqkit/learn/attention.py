"""Exercises of the page on attention."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.learn.exercise import Exercise, draws, same, slopes


def _check_look_up(answer: Callable[..., Any]) -> None:
    for rng in draws():
        keys, values = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
        query, real = 3 * rng.normal(size=4), rng.permutation([True, True, True, False, False, False])
        shares = tf.nn.softmax((keys @ query)[real]).numpy()
        same(answer(query, keys, values, real), shares @ values[real], "c")
        same(
            answer(300 * query, keys, values, real),
            values[real][np.argmax((keys @ query)[real])],
            "c, of a large query,",
        )


def _check_additive(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, u, v = rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), rng.normal(size=5)
        query, memory = rng.normal(size=4), rng.normal(size=(6, 3))
        scores = [v @ np.tanh(w @ query + u @ place) for place in memory]
        same(answer(w, u, v, query, memory), tf.nn.softmax(scores).numpy(), "the weights")


def _check_score_slopes(answer: Callable[..., Any]) -> None:
    for rng in draws():
        scores, values, slope = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=3)

        def loss(scores: np.ndarray, values: np.ndarray = values, slope: np.ndarray = slope) -> float:
            return float(slope @ (tf.nn.softmax(scores).numpy() @ values))

        weights = tf.nn.softmax(scores).numpy()
        same(answer(weights, values, slope), slopes(loss, scores)[0], "the slopes")


EXERCISES = (
    Exercise(
        "look_up(query, keys, values, real)",
        "The answer c, (features,), of a query, (units,), keys, (places, units), and values, (places, features); real, "
        "(places,), is False where a place is padding.",
        _check_look_up,
    ),
    Exercise(
        "additive(W, U, v, query, memory)",
        "The weights, (places,), of v . tanh(W query + U m) for the rows m of memory, (places, features).",
        _check_additive,
    ),
    Exercise(
        "score_slopes(weights, values, slope)",
        "The gradient in the scores, (places,), given the weights, (places,), that a softmax makes of them, values, "
        "(places, features), and the gradient in c, (features,).",
        _check_score_slopes,
    ),
)
