"""Scores that follow from sums over rows: what resampling adds up anew, what a permutation exchanges, and a folder keeps."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from seqkit.metrics.bootstrap import Score

DENSE = 64  # counts of a row, above which most are 0
Recount = Callable[[np.ndarray], Mapping[str, Any]]


def _nothing(sums: np.ndarray) -> Mapping[str, Any]:
    return {}


@dataclasses.dataclass(frozen=True)
class Summed:
    """Row numbers -> metrics over these rows, which follow from what each row counts.

    Attributes:
        counts: float, (rows, counts), in memory or in SciPy's compressed rows: what is added up.
        of: From the sums, (counts,), to the metrics; it has a name by which a folder keeps it.
        options: What else it takes; "occurring", where it is one of them, is of all the rows, and follows from their sums.
        recount: From the sums of a data set to those of its options that follow from them; a folder doesn't keep it.
    """

    counts: Any
    of: Callable[..., dict[str, float]]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    recount: Recount = _nothing

    def __call__(self, rows: np.ndarray) -> dict[str, float]:
        return self.metrics(np.bincount(rows, minlength=self.counts.shape[0]) @ self.counts)

    def metrics(self, sums: np.ndarray) -> dict[str, float]:
        """Of summed counts."""
        return self.of(np.asarray(sums, np.float64), **self.options)

    def of_all(self, sums: np.ndarray) -> dict[str, float]:
        """Of summed counts of all the rows, of which some may be another system's."""
        told = {name: None if name == "occurring" else value for name, value in self.options.items()}
        return self.of(np.asarray(sums, np.float64), **told)


def part_of(score: Score, rows: np.ndarray) -> Score:
    """The scores of some of the rows, each once, as a data set of its own, as far as scores follow from sums.

    Args:
        score: Row numbers -> metrics.
        rows: int, (rows of the part,).
    Returns:
        Numbers among those rows -> metrics.
    """
    if not isinstance(score, Summed):
        return lambda some: score(rows[some])
    counts = score.counts[rows]
    options = {**score.options, **score.recount(np.ones(len(rows)) @ counts)}
    return dataclasses.replace(score, counts=counts, options=options)


def summed(
    columns: list[np.ndarray],
    of: Callable[..., dict[str, float]],
    recount: Recount = _nothing,
    **options: Any,
) -> Summed:
    """`Summed` of columns, each (rows,) or (rows, some); where they are many, only what is not 0 is held.

    Args:
        of, recount, options: As in `Summed`; those that `recount` gives are added.
    """
    parts: list[Any] = [part if sparse.issparse(part) else np.asarray(part, np.float64) for part in columns]
    parts = [part[:, None] if part.ndim == 1 else part for part in parts]
    counts: Any
    if sum(part.shape[1] for part in parts) <= DENSE:
        counts = np.concatenate([part.toarray() if sparse.issparse(part) else part for part in parts], axis=1)
    else:
        counts = sparse.csr_array(sparse.hstack([sparse.csr_array(part) for part in parts]))
    return Summed(counts, of, {**options, **recount(np.ones(counts.shape[0]) @ counts)}, recount)


def one_hot(places: np.ndarray, size: int) -> Any:
    """Rows with a 1 in a place each, in SciPy's compressed rows; none where the place is below 0."""
    there = np.flatnonzero(places >= 0)
    return sparse.csr_array((np.ones(len(there)), (there, places[there])), shape=(len(places), size))
