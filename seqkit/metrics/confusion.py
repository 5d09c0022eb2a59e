"""Which labels are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

NUMBERED, MATRIX = 20, 100  # labels of a matrix whose numbers people can read, and of one whose colours they can
LARGEST = 50  # confusions that are listed where there are more labels than numbers can be read of


def confusion(truth: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Counts by truth and prediction.

    Args:
        truth, predicted: int, (items,), places among the names.
    Returns:
        Up to MATRIX names "labels" and their "counts", (labels, labels), rows the truth; beyond NUMBERED names the
        "largest" confusions, each with its "label", "predicted", "count" and "share" of the label's items, and "pairs",
        how many different ones there are.
    """
    pairs, counts = np.unique(truth.astype(np.int64) * len(names) + predicted, return_counts=True)
    rows, columns = np.divmod(pairs, len(names))
    found: dict[str, Any] = {}
    if len(names) <= MATRIX:
        matrix = np.zeros((len(names), len(names)), np.int64)
        matrix[rows, columns] = counts
        found = {"labels": list(names), "counts": matrix.tolist()}
    if len(names) <= NUMBERED:
        return found
    items = np.bincount(truth, minlength=len(names))
    wrong = np.flatnonzero(rows != columns)
    most = wrong[np.argsort(-counts[wrong], kind="stable")][:LARGEST]
    largest = [
        {
            "label": names[rows[one]],
            "predicted": names[columns[one]],
            "count": int(counts[one]),
            "share": float(counts[one] / items[rows[one]]),
        }
        for one in most
    ]
    return found | {"largest": largest, "pairs": len(wrong)}
