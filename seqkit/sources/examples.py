"""Rows as columns, and a tenth of them held out."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding

Role = Literal["train", "valid", "test", "asked"]  # asked: inputs to be answered, each by itself
OnError = Literal["stop", "skip"]  # a file that can't be read stops all, or is named and its rows are left out


class Handle(Protocol):
    """A cell that is read when it is needed, such as a recording."""

    def digest(self) -> bytes:
        """Of its contents."""


Value = str | tuple[str, ...] | np.ndarray | Handle


@dataclasses.dataclass(frozen=True)
class Examples:
    """Rows as columns.

    Attributes:
        columns: `columns[field][row]` is a string, a tuple of strings (tokens, tags), an array or a `Handle`; of one kind
            in all rows of a field.
        origin: Where they came from.
        file: The file or files that `lines` are of, where it is not `origin`.
        lines: Each row's line, from 1, where rows came from lines.
        findings: What was noticed while they were read.
        step_lines: Of each row the line of each of its tokens, where they have lines of their own.
    """

    columns: dict[str, list[Any]]
    origin: str
    file: str = ""
    lines: Sequence[int] | None = None
    findings: tuple[Finding, ...] = ()
    step_lines: Sequence[Sequence[int]] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, field: str) -> list[Any]:
        return self.columns[field]

    def take(self, rows: Sequence[int], origin: str) -> "Examples":
        """The given rows, in that order; places and findings go along."""
        columns = {field: [values[row] for row in rows] for field, values in self.columns.items()}
        lines = None if self.lines is None else [self.lines[row] for row in rows]
        steps = None if self.step_lines is None else [self.step_lines[row] for row in rows]
        return Examples(columns, origin, self.file or self.origin, lines, self.findings, steps)

    def place(self, row: int, step: int | None = None) -> str:
        """Where a row, or a token of it, stands, for people."""
        file = self.file or self.origin
        if step is not None and self.step_lines is not None:
            return f"{file}, line {self.step_lines[row][step]}"
        where = f"{file}, row {row}" if self.lines is None else f"{file}, line {self.lines[row]}"
        return where if step is None else f"{where}, token {step + 1}"

    def noting(self, *found: Finding) -> "Examples":
        """The same rows, with more that was noticed."""
        return dataclasses.replace(self, findings=(*self.findings, *found))

    def digest(self) -> str:
        """SHA-256 of the contents, whatever file format they came in."""
        digest = hashlib.sha256()
        for field, values in self.columns.items():
            digest.update(f"\x1d{field}".encode())
            for number, value in enumerate(values):
                digest.update((b"\x1e" if number else b"") + bytes_of(value))
        return digest.hexdigest()


def bytes_of(value: Value) -> bytes:
    """A cell's contents, for a digest."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):
        return "\x1f".join(value).encode()
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    return value.digest()


def hold_out(examples: Examples, *, by: str | None, seed: int) -> tuple[Examples, Examples]:
    """Set a tenth of the rows aside for validation, stratified by the column `by`.

    Rows are shuffled, ordered by stratum, and every tenth is taken: each stratum gives its share to within one row. A
    stratum's only row is kept for training.

    Raises:
        InputError: No row is left for validation.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(examples))
    strata = np.unique(examples[by], return_inverse=True)[1] if by else np.zeros(len(examples), np.int64)
    order = order[np.argsort(strata[order], kind="stable")]
    held = order[int(rng.integers(min(10, len(order)))) :: 10]
    held = held[np.bincount(strata)[strata[held]] > 1]
    if not len(held):
        raise InputError(f"{examples.origin} has too few rows to hold a tenth out for validation: give --valid.")
    kept = np.setdiff1d(order, held)
    return (
        examples.take(kept.tolist(), examples.origin),
        examples.take(np.sort(held).tolist(), f"a tenth of {examples.origin}, seed {seed}"),
    )
