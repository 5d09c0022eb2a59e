"""Learning to execute: small programs and what they print (Zaremba and Sutskever 2014), plain addition, copying.

A program's value is computed along with its text, operation by operation. Which part a program belongs to follows from a
hash of its text, so that no program that is tested was ever trained on, whatever the curriculum draws.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import TypeVar, get_args

import numpy as np

from seqkit.core.settings import CurriculumKind, Exercise
from seqkit.corpora.grammar import draws

T = TypeVar("T")

Draw = Callable[[], float]  # in [0, 1)
Term = tuple[str, int]  # an expression and its value
Size = tuple[int, int]  # length, nesting
VARIABLES = "abcdefghij"  # x counts in loops
LONGEST = 15  # digits: what a float tells apart
MISSES = 10_000  # draws in a row that bring nothing new, after which there is no more to draw
PASSED = 0.95  # character accuracy with which a curriculum moves up
PARTS = ("train", "train", "train", "train", "train", "train", "valid", "test")  # by the hash of a program


def drawn_programs(
    seed: int = 0, rows: int = 80_000, *, exercise: Exercise = "programs", length: int = 4, nesting: int = 2
) -> dict[str, dict[str, list[str]]]:
    """Programs of one size and what they print.

    Args:
        seed: two calls with one seed give the same programs.
        rows: how many altogether; three quarters for training, an eighth each for validation and test, which have no program
            twice, and fewer where there are no more.
        exercise: what to draw: programs, sums of two numbers, or digits to copy.
        length: digits of the numbers.
        nesting: operations of a program.
    Returns:
        {"train", "valid", "test"}, each {"source", "target", "length", "nesting"}, lists of str; no source is in two parts.
    Raises:
        ValueError: An argument is out of its range.
    """
    if not 16 <= rows <= 10_000_000:
        raise ValueError(f"rows={rows}: give a number from 16 to 10,000,000, so that each part has several programs.")
    eighth = rows // 8
    sizes = {"train": rows - 2 * eighth, "valid": eighth, "test": eighth}
    return {
        part: draw_programs(exercise, (length, nesting), count, part=part, seed=seed, distinct=part != "train")
        for part, count in sizes.items()
    }


def draw_programs(
    exercise: Exercise,
    size: "Size | Stage",
    rows: int,
    *,
    part: str,
    seed: int | tuple[int, ...],
    distinct: bool = False,
) -> dict[str, list[str]]:
    """Rows of one part, all of one size or as a curriculum has them.

    Args:
        distinct: Whether no source occurs twice; there are fewer rows then where so many can't be found.
    Returns:
        {"source", "target", "length", "nesting"}, lists of str.
    Raises:
        ValueError: An argument is out of its range, or no program of this size belongs to this part.
    """
    if exercise not in get_args(Exercise):
        raise ValueError(f"exercise={exercise!r}: give one of {', '.join(get_args(Exercise))}.")
    if not isinstance(size, Stage):
        size = Stage("baseline", *size)
    write = {"programs": program, "addition": addition, "copying": copying}[exercise]
    draw = draws(np.random.default_rng([*np.atleast_1d(seed), *part.encode()]))
    columns: dict[str, list[str]] = {"source": [], "target": [], "length": [], "nesting": []}
    misses, known = 0, set()
    while len(columns["source"]) < rows and misses < MISSES:
        length, nesting = size.draw(draw)
        source, target = write(length, nesting, draw)
        misses += 1
        if part_of(source) == part and not (distinct and source in known):
            known.add(source)
            row = source, target, str(length), str(nesting)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
            misses = 0
    if not known or (len(columns["source"]) < rows and not distinct):
        raise ValueError(
            f"No {exercise} of length {length} and nesting {nesting} in the {part} part: give more length."
        )
    return columns


def part_of(source: str) -> str:
    """The part that a program belongs to."""
    return PARTS[hashlib.blake2b(source.encode(), digest_size=1).digest()[0] % len(PARTS)]


def program(length: int, nesting: int, draw: Draw) -> tuple[str, str]:
    """A program of the paper's grammar, and the number that it prints with a full stop.

    Each operation takes its operands off a stack, or where that is empty draws them from 1..10^length; so each one uses
    what the one before has made.
    """
    page = _Page(length, draw)
    for _ in range(nesting):
        page.stack.append(OPERATIONS[page.below(len(OPERATIONS))](page))
    text, value = page.stack.pop()
    return "\n".join([*page.statements, f"print({text})"]), f"{value}."


def addition(length: int, nesting: int, draw: Draw) -> tuple[str, str]:
    """The sum of two numbers of `length` digits each."""
    least = 10 ** (length - 1)
    first, second = (least + int(draw() * 9 * least) for _ in range(2))
    return f"print({first}+{second})", f"{first + second}."


def copying(length: int, nesting: int, draw: Draw) -> tuple[str, str]:
    """Digits to be repeated."""
    digits = "".join(str(int(draw() * 10)) for _ in range(length))
    return digits, f"{digits}."


def _sum(page: "_Page") -> Term:
    (left, a), (right, b) = page.operands(2)
    return (f"({left}+{right})", a + b) if page.coin() else (f"({left}-{right})", a - b)


def _product(page: "_Page") -> Term:
    ((text, a),) = page.operands(1)
    factor = page.small()
    return (f"({factor}*{text})" if page.coin() else f"({text}*{factor})"), a * factor


def _identity(page: "_Page") -> Term:
    return page.operands(1)[0]


def _assignment(page: "_Page") -> Term:
    (first, a), (second, b) = page.operands(2)
    name = page.variables.pop()
    page.statements.append(f"{name}={first};")
    return (f"({name}+{second})", a + b) if page.coin() else (f"({name}-{second})", a - b)


def _loop(page: "_Page") -> Term:
    (first, a), (second, b) = page.operands(2)
    name, times, sign = page.variables.pop(), page.small(), page.coin()
    page.statements += [f"{name}={first}", f"for x in range({times}):{name}{'+' if sign else '-'}={second}"]
    return name, a + times * b if sign else a - times * b


def _conditional(page: "_Page") -> Term:
    (left, a), (right, b), (yes, c), (no, d) = page.operands(4)
    if page.coin():
        return f"({yes} if {left}>{right} else {no})", c if a > b else d
    return f"({yes} if {left}<{right} else {no})", c if a < b else d


OPERATIONS = (_sum, _product, _identity, _assignment, _loop, _conditional)


class _Page:
    """A program that is being written: `statements`, and a `stack` of what is not used yet."""

    def __init__(self, length: int, draw: Draw):
        self.length, self._draw = length, draw
        self.stack: list[Term] = []
        self.statements: list[str] = []
        self.variables = self._shuffled(list(VARIABLES))

    def below(self, bound: int) -> int:
        return int(self._draw() * bound)

    def coin(self) -> bool:
        return self._draw() < 0.5

    def small(self) -> int:
        """A factor, or how often a loop runs."""
        return 1 + self.below(4 * self.length)

    def operands(self, count: int) -> list[Term]:
        """So many, in random order: off the stack as long as there are any, then numbers."""
        return self._shuffled([self.stack.pop() if self.stack else self._number() for _ in range(count)])

    def _number(self) -> Term:
        value = 1 + self.below(10**self.length)
        return str(value), value

    def _shuffled(self, items: list[T]) -> list[T]:
        for place in range(len(items) - 1, 0, -1):  # Fisher and Yates
            other = self.below(place + 1)
            items[place], items[other] = items[other], items[place]
        return items


@dataclasses.dataclass(frozen=True)
class Stage:
    """Which sizes the next training programs have.

    Attributes:
        kind: "baseline": the target throughout. "naive": from (1, 1) length rises to the target, then falls back to 1 while
            nesting rises by one, and so on. "mix": both drawn uniformly up to the target. "combined": naive four times in
            five, else mix.
        length: The target.
        nesting: The target.
        stage: The size at which naive has arrived.
    """

    kind: CurriculumKind
    length: int
    nesting: int
    stage: Size = (1, 1)

    def __post_init__(self) -> None:
        if self.kind not in get_args(CurriculumKind):
            raise ValueError(f"kind={self.kind!r}: give one of {', '.join(get_args(CurriculumKind))}.")
        if not 1 <= self.length <= LONGEST:
            raise ValueError(f"length={self.length}: give a number from 1 to {LONGEST}.")
        if not 1 <= self.nesting <= len(VARIABLES):
            raise ValueError(f"nesting={self.nesting}: give a number from 1 to {len(VARIABLES)}.")

    def draw(self, draw: Draw) -> Size:
        """The size of one program."""
        if self.kind == "baseline":
            return self.length, self.nesting
        if self.kind == "naive" or (self.kind == "combined" and draw() < 0.8):
            return self.stage
        return 1 + int(draw() * self.length), 1 + int(draw() * self.nesting)

    def after(self, accuracy: float) -> "Stage":
        """The next stage, if validation's character accuracy has passed for this one."""
        if accuracy <= PASSED or self.stage == (self.length, self.nesting):
            return self
        length, nesting = self.stage
        up = (length + 1, nesting) if length < self.length else (1, nesting + 1)
        return dataclasses.replace(self, stage=up)
