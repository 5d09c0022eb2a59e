"""Exercises of the page on learning to execute."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from seqkit.corpora.programs import Stage
from seqkit.learn.exercise import Exercise, draws, same


def _check_naive_next(answer: Callable[..., Any]) -> None:
    for length, nesting in itertools.product(range(1, 5), range(1, 4)):
        after = Stage("naive", 4, 3, (length, nesting)).after(1.0).stage
        same(answer(length, nesting, 4, 3), after, f"the length after {length} and {nesting}, the nesting after these")


def _check_by_position(answer: Callable[..., Any]) -> None:
    for rng in draws():
        targets, answers = (
            ["".join(map(str, rng.integers(0, 2, int(rng.integers(1, 5))))) + "." for _ in range(30)] for _ in range(2)
        )
        shares = []
        for place in range(max(map(len, targets))):
            there = [(t, a) for t, a in zip(targets, answers, strict=True) if len(t) > place]
            shares.append(sum(t[place] == a[place : place + 1] for t, a in there) / len(there))
        same(answer(targets, answers), np.array(shares), "the shares")


def _check_carries(answer: Callable[..., Any]) -> None:
    def digits(number: int) -> int:
        return sum(map(int, str(number)))

    for rng in draws():
        a, b = (int(number) for number in rng.integers(0, 10 ** rng.integers(1, 7), 2))
        # each carry takes ten from one digit and gives one to the next
        same(answer(a, b), (digits(a) + digits(b) - digits(a + b)) // 9, f"the carries of {a} + {b}")
    same(answer(955, 47), 3, "the carries of 955 + 47")


EXERCISES = (
    Exercise(
        "naive_next(length, nesting, target_length, target_nesting)",
        "Length and nesting, two whole numbers, that the naive curriculum goes to once these are passed.",
        _check_naive_next,
    ),
    Exercise(
        "by_position(targets, answers)",
        "The share of right characters at each position, (longest target,), of those targets that have one there.",
        _check_by_position,
    ),
    Exercise(
        "carries(a, b)",
        "How often one carries in adding two whole numbers from 0 on by hand.",
        _check_carries,
    ),
)
