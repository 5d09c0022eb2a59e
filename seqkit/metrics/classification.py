"""Scores and how far to trust them: metrics of classifiers, bootstrap intervals, a paired test."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

FLOOR = float(np.finfo(np.float32).eps)  # a probability of 0 would cost an infinite log loss
BINS = 15  # of the calibration error, as Guo et al. 2017


def classification_scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Scores of a classifier.

    Args:
        labels: int, (rows,); -1 for a label that the classifier doesn't know, which is always wrong.
        probabilities: float, (rows, classes).
    Returns:
        accuracy; macro_f1, over the classes that occur among labels or predictions; log_loss in nats, with probabilities
        no smaller than 1.2e-7; calibration_error, the expected one over 15 equally wide bins (Guo et al. 2017).
    """
    predictions, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = predictions == labels
    known = np.maximum(labels, 0)
    given = np.where(labels >= 0, probabilities[np.arange(len(labels)), known], 0.0)
    # Counts by class, the unknown label in a place of its own behind the others.
    classes = probabilities.shape[1]
    truths = np.bincount(np.where(labels >= 0, labels, classes), minlength=classes + 1)
    guesses = np.bincount(predictions, minlength=classes + 1)
    hits = np.bincount(predictions[right], minlength=classes + 1)
    occurring = truths + guesses > 0
    f1 = 2.0 * hits[occurring] / (truths + guesses)[occurring]
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(f1.mean()),
        "log_loss": float(-np.log(np.maximum(given, FLOOR)).mean()),
        "calibration_error": _calibration_error(right, confidence),
    }


def _calibration_error(right: np.ndarray, confidence: np.ndarray) -> float:
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(place, weights=right - confidence.astype(np.float64), minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float]]:
    """What the calibration error sums up: for each bin with rows its bounds, rows, mean confidence and accuracy."""
    predictions, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "low": bin / BINS,
            "high": (bin + 1) / BINS,
            "rows": int((place == bin).sum()),
            "confidence": float(confidence[place == bin].mean()),
            "accuracy": float((predictions == labels)[place == bin].mean()),
        }
        for bin in np.unique(place).tolist()
    ]


def per_class(labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support of each class; 0 where a class was never predicted or never there."""
    columns = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=range(len(names)), zero_division=0.0
    )
    return [
        {"label": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for name, p, r, f, n in zip(names, *columns, strict=True)
    ]


def macro(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Unweighted means of precision, recall and F1 over the classes that occur among labels or predictions."""
    figures = precision_recall_fscore_support(labels, probabilities.argmax(axis=1), average="macro", zero_division=0.0)
    return dict(zip(("precision", "recall", "f1"), map(float, figures[:3]), strict=True))


def accuracy_by_kind(right: np.ndarray, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Accuracy and support of each kind of row, the most frequent first.

    Args:
        right: bool, (rows,).
        kinds: Of each row.
    """
    names, places, counts = np.unique(np.array(kinds, str), return_inverse=True, return_counts=True)
    shares = np.bincount(places, weights=right) / counts
    return [
        {"kind": str(names[place]), "accuracy": float(shares[place]), "support": int(counts[place])}
        for place in np.argsort(-counts, kind="stable")
    ]


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> list[list[int]]:
    """Counts by (label, prediction); rows of unknown labels are left out."""
    known = labels >= 0
    if not known.any():
        return np.zeros((classes, classes), int).tolist()
    counts: list[list[int]] = confusion_matrix(labels[known], predictions[known], labels=range(classes)).tolist()
    return counts
