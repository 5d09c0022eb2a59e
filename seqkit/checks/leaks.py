"""Rows that a model has learned from and is scored on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqkit.checks.rows import fingerprints
from seqkit.core.findings import Finding, Harm
from seqkit.sources.examples import Examples

SHARE = 0.01  # of the test rows, from which a figure moves by more than rounding


class Seen:
    """What a model was trained on, as fingerprints: enough to know it again, and nothing of the text.

    Attributes:
        plain: uint64, sorted: up to case and blanks.
        exact: uint64, sorted: to the letter.
    """

    def __init__(self, plain: np.ndarray, exact: np.ndarray):
        self.plain, self.exact = plain, exact

    @classmethod
    def of(cls, parts: Sequence[Examples], fields: Sequence[str]) -> "Seen":
        """Of training rows, and those that chose the epoch, by the fields that a model is asked by."""
        return cls(
            *(
                np.unique(np.concatenate([fingerprints(examples, fields, exact=exact)[1] for examples in parts]))
                for exact in (False, True)
            )
        )

    def rows(self, examples: Examples, fields: Sequence[str], *, exact: bool = False) -> np.ndarray:
        """Which rows were seen: bool, (rows,)."""
        rows, digests = fingerprints(examples, fields, exact=exact)
        known = np.isin(digests, self.exact if exact else self.plain)
        return np.bincount(rows[known], minlength=len(examples)) > 0

    def save(self, path: Path) -> None:
        """Write an .npz file: 16 bytes a row."""
        np.savez(path, plain=self.plain, exact=self.exact)

    @classmethod
    def load(cls, path: Path) -> "Seen":
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["plain"], kept["exact"])


def check_leak(seen: Seen, examples: Examples, fields: Sequence[str], name: str) -> list[Finding]:
    """Rows of other data that stand in the training data.

    Args:
        name: Of the data, as a sentence has it: "test".
    """
    rows = np.flatnonzero(seen.rows(examples, fields))
    if not len(rows):
        return []
    exact = int(seen.rows(examples, fields, exact=True).sum())
    unit = "pieces" if "stretch" in examples.columns else "rows"
    holds = "hold a line of" if unit == "pieces" else "stand in"
    data = "training or validation" if name == "test" else "training"
    what = f"{len(rows):,} of {len(examples):,} {name} {unit} {holds} the {data} data ({exact:,} of them to the letter)"
    advice = (
        "The report has the score on the others beside the score on all: trust that one, or remove them."
        if name == "test"
        else "Remove them: the epoch that is kept, and its figures, are chosen on what was learned by heart."
    )
    harm: Harm = "error" if name == "test" and len(rows) >= SHARE * len(examples) else "warning"
    return [Finding.at("leak", harm, what, [examples.place(row) for row in rows.tolist()], advice)]
