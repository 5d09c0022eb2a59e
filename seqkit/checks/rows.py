"""Rows by what they ask: the same in two places, empty, or with two answers."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.core.findings import Finding, Harm
from seqkit.sources.examples import Examples, bytes_of

REPEATED_SHARE = 0.01  # of the rows, from which repeats may move a figure
SHORTEST_LINE = 30  # characters of a line of running text that is not there twice by chance


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


def fingerprints(examples: Examples, fields: Sequence[str], *, exact: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """What is asked, in eight bytes each.

    Args:
        fields: By which a model is asked.
        exact: Whether case and blanks count.
    Returns:
        Rows: int64, (items,); and fingerprints: uint64, (items,). Items are rows, or lines of running text.
    """
    rows, digests = [], []
    for row, values in asked(examples, fields):
        digest = hashlib.blake2b(digest_size=8)
        for value in values:
            digest.update(b"\x1e" + bytes_of(value if exact else plain(value)))
        rows.append(row)
        digests.append(digest.digest())
    return np.array(rows, np.int64), np.frombuffer(b"".join(digests), np.uint64)


def check_rows(examples: Examples, fields: Sequence[str], truths: Sequence[Any] | None, name: str) -> list[Finding]:
    """Empty rows; rows that ask the same again, with the same answer or with another.

    Args:
        fields: By which a model is asked.
        truths: The one right answer to each row; None where several may be right.
        name: Of the split, as a sentence has it: "training".
    """
    found = []
    empty = [row for row, values in asked(examples, fields) if not any(map(_filled, values))]
    if empty:
        what = f"{len(empty):,} of {len(examples):,} {name} rows are empty"
        found.append(_finding("empty_row", "warning", what, examples, empty, "Remove them, or fill them in."))
    if "stretch" in examples.columns:
        return found
    groups: dict[int, list[int]] = defaultdict(list)
    for row, key in zip(*(values.tolist() for values in fingerprints(examples, fields)), strict=True):
        groups[key].append(row)
    repeated, contradicted = [], []
    for rows in groups.values():
        if truths is not None and len({bytes_of(truths[row]) for row in rows}) > 1:
            contradicted += rows
        elif len(rows) > 1:
            repeated += rows[1:]
    if repeated:
        harm: Harm = "warning" if len(repeated) >= REPEATED_SHARE * len(examples) else "note"
        what = f"{len(repeated):,} of {len(examples):,} {name} rows stand there before, up to case and blanks"
        found.append(_finding("repeated_row", harm, what, examples, repeated, "Keep one of each, if that is no wish."))
    if contradicted:
        what = f"{len(contradicted):,} {name} rows ask the same as another and have another answer"
        advice = "Decide for one answer: a model can give only one."
        found.append(_finding("contradiction", "warning", what, examples, contradicted, advice))
    return found


def _filled(value: Any) -> bool:
    return bool(plain(value)) if isinstance(value, str | tuple) else True


def _finding(kind: str, harm: Harm, what: str, examples: Examples, rows: Sequence[int], advice: str) -> Finding:
    return Finding.at(kind, harm, what, [examples.place(row) for row in sorted(rows)], advice)
