"""Which labels are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

MATRIX = 100  # labels of a matrix that people can read
LARGEST = 50  # confusions that are listed where there are more labels


def confusion(truth: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Counts by truth and prediction.

    Args:
        truth, predicted: int, (items,), places among the names.
    Returns:
        "labels" and their "counts", (labels, labels), rows the truth; of more than MATRIX names the "largest" confusions
        instead, each with its "label", "predicted", "count" and "share" of the label's items, and "pairs", how many
        different ones there are.
    """
    pairs, counts = np.unique(truth.astype(np.int64) * len(names) + predicted, return_counts=True)
    rows, columns = np.divmod(pairs, len(names))
    if len(names) <= MATRIX:
        matrix = np.zeros((len(names), len(names)), np.int64)
        matrix[rows, columns] = counts
        return {"labels": list(names), "counts": matrix.tolist()}
    items = np.bincount(truth, minlength=len(names))
    wrong = np.flatnonzero(rows != columns)
    most = wrong[np.argsort(-counts[wrong], kind="stable")][:LARGEST]
    return {
        "largest": [
            {
                "label": names[rows[one]],
                "predicted": names[columns[one]],
                "count": int(counts[one]),
                "share": float(counts[one] / items[rows[one]]),
            }
            for one in most
        ],
        "pairs": len(wrong),
    }
