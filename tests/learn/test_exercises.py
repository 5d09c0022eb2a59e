"""Exercises: right answers pass, and a mistake that is often made is told in a sentence."""

from pathlib import Path

import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.core.registry import import_path
from seqkit.learn.book import pages
from seqkit.learn.exercise import Exercise, WrongAnswer, judge, same, slopes

ANSWERS = Path(__file__).with_name("answers")
EXERCISES = {page.name: import_path(page.exercises) for page in pages()}
EACH = [(page, exercise) for page, exercises in EXERCISES.items() for exercise in exercises]


@pytest.mark.parametrize("page", EXERCISES)
def test_right_answers_pass(page):
    assert [str(verdict) for verdict in judge(EXERCISES[page], ANSWERS / f"{page}.py")] == [
        f"{exercise.name}: right" for exercise in EXERCISES[page]
    ]


@pytest.mark.parametrize(("page", "exercise"), EACH, ids=[f"{page}-{exercise.name}" for page, exercise in EACH])
def test_a_wrong_answer_is_told_in_a_sentence(page, exercise, tmp_path):
    answers = (ANSWERS / f"{page}.py").read_text(encoding="utf-8")
    file = tmp_path / "answers.py"
    file.write_text(f"{answers}\n\n{exercise.name} = wrong_{exercise.name}\n", encoding="utf-8")
    (verdict,) = judge([exercise], file)
    assert verdict.wrong is not None
    assert "should" in verdict.wrong
    assert verdict.wrong.endswith(".")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ("", "double: not there yet: write def double(x)."),
        ("def double(x): raise NotImplementedError", "double: not written yet."),
        (
            "def double(x): return x / 0",
            "double: stops with ZeroDivisionError, answers.py line 1: float division by zero.",
        ),
        ("def double(x): raise SystemExit(3)", "double: stops with SystemExit, answers.py line 1: 3."),
        ("def double(x): return 3", "double: 2x should be 4, and is 3."),
        ("def double(x): return 4", "double: right"),
    ],
)
def test_what_is_said_of_an_answer(answers, said, tmp_path):
    (tmp_path / "answers.py").write_text(answers)
    exercise = Exercise("double(x)", "Twice x.", lambda double: same(double(2.0), 4.0, "2x"))
    (verdict,) = judge([exercise], tmp_path / "answers.py")
    assert str(verdict) == said


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ("import nothing_of_this_name", r"can't be run \(ModuleNotFoundError"),
        ("raise SystemExit", r"can't be run \(SystemExit"),
        ("\ndef double(x) return x", r"answers.py, line 2, can't be read as Python"),
    ],
)
def test_a_file_that_does_not_run_is_told(answers, said, tmp_path):
    (tmp_path / "answers.py").write_text(answers)
    with pytest.raises(InputError, match=f"{said}.*mend it first"):
        judge([], tmp_path / "answers.py")


@pytest.mark.parametrize(
    ("given", "expected", "said"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"a should have the shape \(3, 1\), and has \(3,\)"),
        ([[1, 2], [3, 5]], np.array([[1.0, 2], [3, 4]]), r"a\[1, 1\] should be 4, and is 5"),
        (np.nan, 1.0, "a should be 1, and is nan"),
        (None, 1.0, "a should be numbers, and is None"),
        ("one", 1.0, "a should be numbers, and is 'one'"),
        (["x", "y"], ["x", "z"], r"a\[1\] should be z, and is y"),
        (1.0, (1.0, 2.0), "should return 2 things"),
    ],
)
def test_the_first_difference_is_told(given, expected, said):
    with pytest.raises(WrongAnswer, match=said):
        same(given, expected, "a, b" if isinstance(expected, tuple) else "a")


def test_slopes_are_those_of_a_closed_form(rng):
    a, b = rng.normal(size=(2, 3)), rng.normal(size=3)
    da, db = slopes(lambda a, b: float(np.sum(a @ np.sin(b))), a, b)
    np.testing.assert_allclose(da, np.tile(np.sin(b), (2, 1)), atol=1e-8)
    np.testing.assert_allclose(db, a.sum(0) * np.cos(b), atol=1e-8)
