"""Rows by what they ask: the same in two places, empty, or with two answers."""

import dataclasses
import hashlib
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.core.findings import Finding, Harm
from seqkit.core.ragged import Ragged
from seqkit.sources.examples import Examples, bytes_of

REPEATED_SHARE = 0.01  # of the rows, from which repeats may move a figure
SHORTEST_LINE = 30  # characters of a line of running text that is not there twice by chance
PREPARED = "prints"
LINES = 2**22  # of running text, in 24 bytes each: of more, every other one is left out, and of those left again


def plain(value: Any) -> Any:
    """A text, or tokens, without case and with every run of blanks as one; anything else as it is."""
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    if isinstance(value, tuple):
        return " ".join(" ".join(value).casefold().split())
    return value


def asked(examples: Examples, fields: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """What each row asks of a model, with its number; of running text each long line, with its stretch's."""
    columns = [examples[field] for field in fields]
    for row, values in enumerate(zip(*columns, strict=True)):
        if "stretch" in examples.columns:
            lines = (line.strip() for line in values[0].splitlines())
            yield from ((row, (line,)) for line in lines if len(line) >= SHORTEST_LINE)
        else:
            yield row, values


@dataclasses.dataclass(frozen=True)
class Prints:
    """What the items of some data ask, in eight bytes each. Items are rows, or the long lines of running text.

    Attributes:
        rows: int64, (items,), the row of each.
        plain: uint64, (items,), up to case and blanks.
        exact: uint64, (items,), to the letter.
        empty: The rows of those that ask nothing.
        every: One of so many lines is here: those whose `plain` it divides, so that other data keeps the same ones.
    """

    rows: np.ndarray
    plain: np.ndarray
    exact: np.ndarray
    empty: tuple[int, ...]
    every: int = 1

    @classmethod
    def of(cls, examples: Examples, fields: Sequence[str]) -> "Prints":
        """Of rows, by the fields that a model is asked by; each image and each recording is read once. Of prepared rows they
        are there already.
        """
        for name, column in examples.prepared.items():
            if name.startswith(before := f"{PREPARED} of {' and '.join(fields)}, one of "):
                return cls._of_column(column, int(name.removeprefix(before)), len(fields))
        rows, plain_prints, exact_prints, empty, every = array("q"), array("Q"), array("Q"), list[int](), 1
        most = LINES if "stretch" in examples.columns else sys.maxsize
        for row, values in asked(examples, fields):
            exact = [bytes_of(value) for value in values]
            folded = [
                bytes_of(plain(value)) if isinstance(value, str | tuple) else own
                for value, own in zip(values, exact, strict=True)
            ]
            if not any(folded):
                empty.append(row)
            if (print_ := _print(folded)) % every:
                continue
            rows.append(row)
            plain_prints.append(print_)
            exact_prints.append(_print(exact))
            if len(rows) > most:
                every *= 2
                kept = np.frombuffer(plain_prints, np.uint64) % every == 0
                rows, plain_prints, exact_prints = (
                    array(own.typecode, np.asarray(own)[kept].tobytes()) for own in (rows, plain_prints, exact_prints)
                )
        return cls(np.asarray(rows), np.asarray(plain_prints), np.asarray(exact_prints), tuple(empty), every)

    def prepared(self, fields: Sequence[str], rows: int) -> tuple[str, Ragged]:
        """As a column of prepared rows, with its name: uint64, ragged by row, (items, 2), up to case and to the letter."""
        lengths = np.bincount(self.rows, minlength=rows)
        column = Ragged.of_lengths(np.stack([self.plain, self.exact], axis=1), lengths)
        return f"{PREPARED} of {' and '.join(fields)}, one of {self.every}", column

    @classmethod
    def _of_column(cls, column: np.ndarray | Ragged, every: int, fields: int) -> "Prints":
        assert isinstance(column, Ragged), "as it was written"
        rows = np.repeat(np.arange(len(column)), column.lengths)
        plain, exact = np.array(column.values).T
        return cls(rows, plain, exact, tuple(np.unique(rows[plain == _print([b""] * fields)]).tolist()), every)


def check_rows(examples: Examples, prints: Prints, truths: Sequence[Any] | None, name: str) -> list[Finding]:
    """Empty rows; rows that ask the same again, with the same answer or with another.

    Args:
        truths: The one right answer to each row; None where several may be right.
        name: Of the split, as a sentence has it: "training".
    """
    found = []
    if prints.empty:
        what = f"{len(prints.empty):,} of {len(examples):,} {name} rows are empty"
        found.append(_finding("empty_row", "warning", what, examples, prints.empty, "Remove them, or fill them in."))
    if "stretch" in examples.columns:
        return found
    repeated, contradicted = [], []
    for rows in _alike(prints):
        if truths is not None and len({bytes_of(truths[row]) for row in rows}) > 1:
            contradicted += rows
        else:
            repeated += rows[1:]
    if repeated:
        harm: Harm = "warning" if len(repeated) >= REPEATED_SHARE * len(examples) else "note"
        what = f"{len(repeated):,} of {len(examples):,} {name} rows stand there before, up to case and blanks"
        found.append(
            _finding(
                "repeated_row",
                harm,
                what,
                examples,
                repeated,
                "Keep one of each, unless they are meant to count so often.",
            )
        )
    if contradicted:
        what = f"{len(contradicted):,} {name} rows ask the same as another and have another answer"
        advice = "Decide for one answer: a model can give only one."
        found.append(_finding("contradiction", "warning", what, examples, contradicted, advice))
    return found


def _alike(prints: Prints) -> Iterator[list[int]]:
    """Rows that ask the same, where there are several: in order."""
    order = np.argsort(prints.plain, kind="stable")
    keys = prints.plain[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(keys)))
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        yield prints.rows[order[start : start + size]].tolist()


def _print(parts: Sequence[bytes]) -> int:
    return int.from_bytes(hashlib.blake2b(b"\x1e".join(parts), digest_size=8).digest(), sys.byteorder)


def _finding(kind: str, harm: Harm, what: str, examples: Examples, rows: Sequence[int], advice: str) -> Finding:
    return Finding.at(kind, harm, what, examples.places(sorted(rows)), advice)
