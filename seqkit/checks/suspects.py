"""Training rows whose label a model that never saw it contradicts (confident learning; Northcutt et al. 2021)."""

from collections.abc import Callable

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.examples import Examples

FOLDS = 5
MOST = 100  # that are named, the most suspicious first

Fit = Callable[[Examples], Callable[[Examples], np.ndarray]]


def out_of_fold(examples: Examples, labels: np.ndarray, fit: Fit, *, seed: int = 0) -> np.ndarray:
    """Each row's probabilities by a model that was fitted on the other folds.

    Args:
        labels: int, (rows,), by which folds are stratified.
        fit: From rows to what gives further rows their probabilities, (rows, classes).
    Returns:
        float, (rows, classes).
    """
    order = np.random.default_rng(seed).permutation(len(examples))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(examples), np.int64)
    fold[order] = np.arange(len(order)) % FOLDS  # each class is dealt out in turn
    parts = [np.flatnonzero(fold == number) for number in range(FOLDS)]
    found = [
        fit(examples.take(np.flatnonzero(fold != number).tolist(), examples.origin))(
            examples.take(part.tolist(), examples.origin)
        )
        for number, part in enumerate(parts)
    ]
    result = np.empty((len(examples), found[0].shape[1]))
    for part, probabilities in zip(parts, found, strict=True):
        result[part] = probabilities
    return result


def suspects(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Rows whose likeliest class is another, by how much likelier it is: int, the most suspicious first."""
    rows = np.arange(len(labels))
    given = probabilities[rows, labels]
    margin = probabilities.max(axis=1) - given
    order = np.argsort(-margin, kind="stable")
    found: np.ndarray = order[margin[order] > 0]
    return found


def check_suspects(examples: Examples, labels: np.ndarray, classes: tuple[str, ...], fit: Fit) -> list[Finding]:
    """Name the training rows whose labels out-of-fold probabilities contradict most, at most `MOST`.

    Raises:
        InputError: There are fewer rows than folds.
    """
    if len(examples) < 2 * FOLDS:
        raise InputError(f"{examples.origin} has {len(examples)} rows: {FOLDS} folds need at least {2 * FOLDS}.")
    probabilities = out_of_fold(examples, labels, fit)
    rows = suspects(labels, probabilities)[:MOST]
    places = tuple(
        f"{examples.place(row)}: {classes[labels[row]]!r}, rather {classes[probabilities[row].argmax()]!r}"
        for row in rows.tolist()
    )
    if not places:
        return []
    what = f"{len(places)} training labels are contradicted by a model that was fitted on the other rows"
    advice = "Look at them, the most suspicious first: some will be wrong, others only rare."
    return [Finding("suspect", "note", what, places, len(places), advice)]
