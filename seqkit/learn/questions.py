"""Exercises of the page on questions about pictures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.learn.exercise import Exercise, draws, same

ASKED = ("how many?", "where?", "what colour?", "is there one?")
ANSWERS = ("one", "red", "two", "yes")


def _check_question_alone(answer: Callable[..., Any]) -> None:
    for rng in draws():
        questions, answers = ([str(one) for one in rng.choice(names, 12)] for names in (ASKED[:3], ANSWERS))
        best = [
            max(sorted(ANSWERS), key=[a for q, a in zip(questions, answers, strict=True) if q == asked].count)
            if asked in questions
            else max(sorted(ANSWERS), key=answers.count)
            for asked in ASKED
        ]
        same(answer(questions, answers, list(ASKED)), np.array(best), "the answers")


def _check_look(answer: Callable[..., Any]) -> None:
    for rng in draws():
        w_k, u_k, b, w = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=5)
        u, grid = rng.normal(size=3), rng.normal(size=(9, 3))
        p = tf.nn.softmax([w @ np.tanh(w_k @ place + u_k @ u + b) for place in grid]).numpy()
        same(answer(w_k, u_k, b, w, u, grid), (p, u + sum(p[:, None] * grid)), "p, u")


def _check_gain_by_kind(answer: Callable[..., Any]) -> None:
    for rng in draws():
        right, blind, kinds = rng.random(20) < 0.7, rng.random(20) < 0.4, rng.choice(["how", "what", "where"], 20)
        rows: dict[str, list[int]] = {}
        for one, other, kind in zip(right.tolist(), blind.tolist(), kinds.tolist(), strict=True):
            rows.setdefault(kind, []).append(one - other)
        given = answer(right, blind, kinds)
        same(np.array(sorted(given)), np.array(sorted(rows)), "the kinds, in order,")
        for kind, gains in rows.items():
            same(given[kind], 100 * sum(gains) / len(gains), f"the gain of {kind}")


EXERCISES = (
    Exercise(
        "question_alone(questions, answers, asked)",
        "A list with an answer to each question in asked: that which the question had most often in training, or for a new "
        "one the most frequent of all; of equally frequent ones the first in the alphabet.",
        _check_question_alone,
    ),
    Exercise(
        "look(W, U, b, w, u, grid)",
        "The weights p, (places,), with which u, (units,), looks at a grid, (places, units), and the next u.",
        _check_look,
    ),
    Exercise(
        "gain_by_kind(right, blind, kinds)",
        "By kind, a dict: the points, in per cent, by which right, (rows,) of bool, is right more often than blind.",
        _check_gain_by_kind,
    ),
)
