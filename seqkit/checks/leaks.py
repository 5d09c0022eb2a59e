"""Rows that a model has learned from and is scored on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqkit.checks.rows import Prints
from seqkit.core.findings import Finding, Harm
from seqkit.sources.examples import Examples

SHARE = 0.01  # of the test rows, from which a figure moves by more than rounding


class Seen:
    """What a model was trained on, as fingerprints: enough to know it again, and nothing of the text.

    Attributes:
        plain: uint64, sorted: up to case and blanks.
        exact: uint64, sorted: to the letter.
        every: Of very much running text one of so many lines is known.
    """

    def __init__(self, plain: np.ndarray, exact: np.ndarray, every: int = 1):
        self.plain, self.exact, self.every = plain, exact, every

    @classmethod
    def of(cls, parts: Sequence[Prints]) -> "Seen":
        """Of training rows, and those that chose the epoch."""
        plain, exact = ([getattr(part, name) for part in parts] for name in ("plain", "exact"))
        return cls(
            np.unique(np.concatenate(plain)), np.unique(np.concatenate(exact)), max(part.every for part in parts)
        )

    def rows(self, prints: Prints, *, exact: bool = False) -> np.ndarray:
        """The rows that were seen: int64, in order."""
        known = np.isin(prints.exact, self.exact) if exact else np.isin(prints.plain, self.plain)
        return np.unique(prints.rows[known])

    def save(self, path: Path) -> None:
        """Write an .npz file: 16 bytes a row."""
        np.savez(path, plain=self.plain, exact=self.exact, every=self.every)

    @classmethod
    def load(cls, path: Path) -> "Seen":
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["plain"], kept["exact"], int(kept["every"]) if "every" in kept else 1)


def check_leak(seen: Seen, examples: Examples, prints: Prints, name: str) -> list[Finding]:
    """Rows of other data that stand in the training data.

    Args:
        name: Of the data, as a sentence has it: "test".
    """
    rows = seen.rows(prints)
    if not len(rows):
        return []
    exact = len(seen.rows(prints, exact=True))
    unit = "pieces" if "stretch" in examples.columns else "rows"
    holds = "hold a line of" if unit == "pieces" else "stand in"
    data = "training or validation" if name == "test" else "training"
    what = f"{len(rows):,} of {len(examples):,} {name} {unit} {holds} the {data} data ({exact:,} of them to the letter)"
    what += f", of whose lines one in {seen.every:,} was looked at" if seen.every > 1 else ""
    advice = (
        "The report has the score on the others beside the score on all: trust that one, or remove them."
        if name == "test"
        else "Remove them: the epoch that is kept, and its figures, are chosen on what was learned by heart."
    )
    harm: Harm = "error" if name == "test" and len(rows) >= SHARE * len(examples) else "warning"
    return [Finding.at("leak", harm, what, examples.places(rows.tolist()), advice)]
