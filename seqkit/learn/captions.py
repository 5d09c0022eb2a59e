"""Exercises of the page on captions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.learn.exercise import Exercise, draws, same

WORDS = ("a", "red", "digit", "at", "the", "top")


def _check_mean_state(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w, b, grid = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(9, 3))
        state = tf.nn.tanh(tf.linalg.matvec(w, tf.reduce_mean(grid, axis=0)) + b).numpy()
        same(answer(w, b, grid), state, "h_0")
        same(answer(w, b, np.concatenate([grid, grid])), state, "h_0 of each place twice")


def _check_context(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w_a, u_a, v_a = rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), rng.normal(size=5)
        h, grid = rng.normal(size=4), rng.normal(size=(9, 3))
        weights = tf.nn.softmax([v_a @ np.tanh(w_a @ h + u_a @ place) for place in grid]).numpy()
        same(answer(w_a, u_a, v_a, h, grid), sum(weights[:, None] * grid), "c")


def _check_teacher_forcing(answer: Callable[..., Any]) -> None:
    for rng in draws():
        caption = [str(word) for word in rng.choice(WORDS, int(rng.integers(1, 9)))]
        reads, says = ["<s>"], []
        for word in caption:
            reads.append(word)
            says.append(word)
        says.append("</s>")
        same(answer(caption, "<s>", "</s>"), (np.array(reads), np.array(says)), "reads, says")


EXERCISES = (
    Exercise(
        "mean_state(W, b, grid)",
        "The first state, (units,), of a grid, (places, features): tanh of W, (units, features), times the mean, and b.",
        _check_mean_state,
    ),
    Exercise(
        "context(W_a, U_a, v_a, h, grid)",
        "What is seen of a grid, (places, features), with the state h: its mean, (features,), weighted by the softmax of "
        "v_a . tanh(W_a h + U_a v_j).",
        _check_context,
    ),
    Exercise(
        "teacher_forcing(caption, start, end)",
        "Two lists for a list of words: what the decoder reads, from the word `start` on, and what it says, up to the word "
        "`end`.",
        _check_teacher_forcing,
    ),
)
