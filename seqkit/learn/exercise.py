"""An exercise: a function that the reader writes, and what compares it with what it should give."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError, reason_of

DRAWS = 5  # random inputs that an answer is asked for


class WrongAnswer(AssertionError):  # noqa: N818 (it is no error of the program)
    """One sentence: what was given, and what it should be."""


@dataclasses.dataclass(frozen=True)
class Exercise:
    """A function to write.

    Attributes:
        signature: Its name and arguments, as `step(W_hh, W_xh, b, h, x)`.
        task: What it gives, in a sentence, with shapes.
        check: Calls it, and raises WrongAnswer on the first answer that is wrong.
    """

    signature: str
    task: str
    check: Callable[[Callable[..., Any]], None]

    @property
    def name(self) -> str:
        """Of the function."""
        return self.signature.partition("(")[0]

    @property
    def stub(self) -> str:
        """What a reader starts from."""
        return f'def {self.signature}:\n    """{self.task}"""\n    raise NotImplementedError\n'


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an answer was found to be: right, or what is wrong with it in a sentence."""

    name: str
    wrong: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong or 'right'}"


def judge(exercises: Sequence[Exercise], file: Path) -> list[Verdict]:
    """What becomes of each exercise's answer in a file of Python, which is run for it.

    Raises:
        InputError: The file can't be read or run.
    """
    names: dict[str, Any] = {"__name__": file.stem, "__file__": str(file)}
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), names)
    except SyntaxError as error:
        raise InputError(
            f"{file}, line {error.lineno}, can't be read as Python ({error.msg}): mend it first."
        ) from None
    except (Exception, SystemExit) as error:
        raise InputError(f"{file} can't be run ({reason_of(error)}): mend it first.") from None
    return [Verdict(exercise.name, _wrong(exercise, names.get(exercise.name))) for exercise in exercises]


def _wrong(exercise: Exercise, answer: Any) -> str | None:
    if not callable(answer):
        return f"not there yet: write def {exercise.signature}."
    try:
        with np.errstate(all="ignore"):
            exercise.check(answer)
    except WrongAnswer as error:
        return str(error)
    except NotImplementedError:
        return "not written yet."
    except (Exception, SystemExit) as error:
        return f"stops with {reason_of(error)}."
    return None


def draws() -> Iterator[np.random.Generator]:
    """Where an exercise's random inputs come from, one generator for each time it is asked."""
    return (np.random.default_rng(seed) for seed in range(DRAWS))


def same(given: Any, expected: Any, what: str, *, tolerance: float = 1e-5) -> None:
    """Compare an answer with what it should be.

    Args:
        given: what the reader's function gave: numbers, arrays, or a tuple of these.
        expected: what it should be; a tuple has the parts that `what` names, parted by commas.
        what: what is compared, as `dU, dW`.
        tolerance: of a number, beside the largest one of its array.
    Raises:
        WrongAnswer: It differs; one sentence with the first difference.
    """
    if isinstance(expected, tuple):
        if not isinstance(given, tuple | list) or len(given) != len(expected):
            got = f"{len(given)} of them" if isinstance(given, tuple | list) else f"a {type(given).__name__}"
            raise WrongAnswer(f"it should return {len(expected)} things ({what}), and returned {got}.")
        for one, should, name in zip(given, expected, what.split(", "), strict=True):
            same(one, should, name, tolerance=tolerance)
        return
    expected = np.asarray(expected)
    try:
        array = np.asarray(given, dtype=np.result_type(expected, np.float64) if expected.dtype.kind in "if" else None)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype == object or given is None:
        raise WrongAnswer(f"{what} should be numbers, and is {given!r}.")
    if array.shape != expected.shape:
        raise WrongAnswer(f"{what} should have the shape {expected.shape}, and has {array.shape}.")
    if expected.dtype.kind not in "if":
        far = array != expected
    else:
        far = ~(np.abs(array - expected) <= tolerance * max(1.0, float(np.abs(expected).max(initial=0))))
    if far.any():
        place = tuple(int(index) for index in np.argwhere(far)[0])
        where = f"{what}[{', '.join(map(str, place))}]" if place else what
        raise WrongAnswer(f"{where} should be {_shown(expected[place])}, and is {_shown(array[place])}.")


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating | float) else str(value)


def slopes(function: Callable[..., float], *arrays: np.ndarray, step: float = 1e-5) -> tuple[np.ndarray, ...]:
    """The gradient of a number in each array, by central differences in float64.

    Args:
        function: from the arrays to a number.
        arrays: float64, where it is taken.
        step: how far to either side.
    Returns:
        as many arrays of the same shapes.
    """
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for place in itertools.product(*map(range, array.shape)):
            kept = array[place]
            array[place] = kept + step
            above = function(*arrays)
            array[place] = kept - step
            gradient[place] = (above - function(*arrays)) / (2 * step)
            array[place] = kept
    return tuple(gradients)
