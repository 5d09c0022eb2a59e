"""Which labels are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

NUMBERED, MATRIX = 20, 100  # labels of a matrix whose numbers people can read, and of one whose colours they can
SHOWN = 5  # rows of a confusion
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


def confused_rows(
    truth: np.ndarray, predicted: np.ndarray, names: Sequence[str], texts: Sequence[str], sure: np.ndarray
) -> list[dict[str, Any]]:
    """The largest confusions with some of their rows, those first of which the model was most sure.

    Args:
        truth, predicted: int, (rows,), places among the names.
        texts: Of the rows.
        sure: float, (rows,), the probability of what was predicted.
    Returns:
        Of each "label", "predicted", "count" and "examples": "text" and "confidence" each.
    """
    wrong = np.flatnonzero(truth != predicted)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    pairs: dict[tuple[int, int], list[int]] = {}
    for row in wrong.tolist():
        pairs.setdefault((int(truth[row]), int(predicted[row])), []).append(row)
    most = sorted(pairs, key=lambda pair: (-len(pairs[pair]), pair))[:LARGEST]
    return [
        {
            "label": names[pair[0]],
            "predicted": names[pair[1]],
            "count": len(pairs[pair]),
            "examples": [{"text": texts[row], "confidence": float(sure[row])} for row in pairs[pair][:SHOWN]],
        }
        for pair in most
    ]


def clustered(counts: np.ndarray) -> np.ndarray:
    """An order of labels in which those that are taken for each other stand side by side: int, (labels,).

    That of the leaves of a tree that joins the most confused labels first (average linkage, optimal leaf ordering of
    Bar-Joseph et al. 2001).

    Args:
        counts: int, (labels, labels), rows the truth.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    apart = 1.0 - np.minimum((share + share.T) / 2, 1.0)
    np.fill_diagonal(apart, 0.0)
    order: np.ndarray = leaves_list(linkage(squareform(apart), "average", optimal_ordering=True))
    return order
