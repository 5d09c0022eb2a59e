"""Rows as columns, and a tenth of them held out."""

import bisect
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, overload

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.core.ragged import Ragged
from seqkit.sources.stored import Names, taken

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
            in all rows of a field. A column is a list, or lies in files (`seqkit.sources.stored`).
        origin: Where they came from.
        file: The file or files that `lines` are of, where it is not `origin`.
        lines: Each row's line, from 1, where rows came from lines; of several files they are counted through.
        findings: What was noticed while they were read.
        step_lines: Of each row the line of each of its tokens, where they have lines of their own.
        files: Where `lines` are of several files: each one's name and the lines before its first.
        prepared: What a preparation made of the rows, by names that say of what and how (`seqkit.tasks.roles`): arrays and
            ragged rows, in step with the rows.
    """

    columns: dict[str, Any]
    origin: str
    file: str = ""
    lines: Sequence[int] | None = None
    findings: tuple[Finding, ...] = ()
    step_lines: Sequence[Sequence[int]] | None = None
    files: tuple[tuple[str, int], ...] = ()
    prepared: Mapping[str, np.ndarray | Ragged] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, field: str) -> Any:
        return self.columns[field]

    def take(self, rows: Sequence[int] | np.ndarray, origin: str) -> "Examples":
        """The given rows, in that order; places, findings and what was prepared go along."""
        rows = np.asarray(rows, np.int64)
        columns = {field: taken(values, rows) for field, values in self.columns.items()}
        lines = None if self.lines is None else taken(self.lines, rows)
        steps = None if self.step_lines is None else taken(self.step_lines, rows)
        prepared = {name: taken(values, rows) for name, values in self.prepared.items()}
        file = self.file or self.origin
        return Examples(columns, origin, file, lines, self.findings, steps, self.files, prepared)

    def place(self, row: int, step: int | None = None) -> str:
        """Where a row, or a token of it, stands, for people."""
        if step is not None and self.step_lines is not None:
            return self._line(self.step_lines[row][step])
        where = f"{self.file or self.origin}, row {row}" if self.lines is None else self._line(self.lines[row])
        return where if step is None else f"{where}, token {step + 1}"

    def _line(self, line: int) -> str:
        if not self.files:
            return f"{self.file or self.origin}, line {line}"
        name, before = self.files[bisect.bisect_left(self.files, line, key=lambda file: file[1]) - 1]
        return f"{name}, line {line - before}"

    def places(self, rows: Sequence[int]) -> Sequence[str]:
        """Where rows stand, each told as it is asked for: there may be millions."""
        return _Places(self, rows)

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


class _Places(Sequence[str]):
    def __init__(self, examples: Examples, rows: Sequence[int]):
        self._examples, self._rows = examples, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self._examples.place(row) for row in self._rows[place]]
        return self._examples.place(self._rows[place])


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
    strata = _strata(examples[by]) if by else np.zeros(len(examples), np.int64)
    order = order[np.argsort(strata[order], kind="stable")]
    held = order[int(rng.integers(min(10, len(order)))) :: 10]
    held = held[np.bincount(strata)[strata[held]] > 1]
    if not len(held):
        raise InputError(
            f"{examples.origin} has too few rows to hold a tenth out for validation: give more, or validation data "
            "(--valid for seqkit train)."
        )
    kept = np.setdiff1d(order, held)
    return (
        examples.take(kept, examples.origin),
        examples.take(np.sort(held), f"a tenth of {examples.origin}, seed {seed}"),
    )


def _strata(labels: Sequence[str]) -> np.ndarray:
    """Each label's place among the distinct ones in order of their names: int64, (rows,)."""
    if not isinstance(labels, Names):
        return np.unique(labels, return_inverse=True)[1]
    places: np.ndarray = np.argsort(np.argsort(labels.names))[labels.places]
    return places
