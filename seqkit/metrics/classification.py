"""Scores of classifiers, and how far to trust their confidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from seqkit.metrics.sums import Summed, one_hot, summed

FLOOR = float(np.finfo(np.float32).eps)  # a probability of 0 would cost an infinite log loss
BINS = 15  # of the calibration error, as Guo et al. 2017


def classification_scorer(labels: np.ndarray, probabilities: np.ndarray) -> Summed:
    """Scores of a classifier as a function of the rows.

    Args:
        labels: int, (rows,); from `classes` on those that the classifier doesn't know, each a number of its own: they are
            always wrong.
        probabilities: float, (rows, classes).
    Returns:
        Row numbers -> accuracy; macro_f1, see `macro_f1`; log_loss in nats, with probabilities no smaller than 1.2e-7;
        calibration_error, the expected one over 15 equally wide bins (Guo et al. 2017).
    """
    predictions, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = predictions == labels
    known = labels < probabilities.shape[1]
    given = np.where(known, probabilities[np.arange(len(labels)), np.where(known, labels, 0)], 0.0)
    nats = -np.log(np.maximum(given, FLOOR))
    size = max(probabilities.shape[1], int(labels.max(initial=0)) + 1)
    gaps = one_hot(_bins(confidence), BINS).multiply((right - confidence.astype(np.float64))[:, None])
    counted = [one_hot(np.where(right, labels, -1), size), one_hot(labels, size), one_hot(predictions, size)]
    columns = [np.ones(len(labels)), right, nats, gaps, *counted]
    return summed(columns, class_scores, lambda sums: occurring_classes(sums[3 + BINS :]))


def class_scores(sums: np.ndarray, *, occurring: int | None) -> dict[str, float]:
    """Scores of summed counts.

    Args:
        sums: float, (3 + BINS + 3 classes,): rows, those that are right, nats; of each bin of confidence what is right less
            what was expected to be; then of each class how many are right, have it, are said to have it.
        occurring: How many classes are among the labels and predictions of all the data; None where the sums are of all.
    """
    rows, right, nats = sums[:3]
    hits, truths, guesses = sums[3 + BINS :].reshape(3, -1)
    return {
        "accuracy": float(right / rows),
        "macro_f1": macro_f1(hits, truths, guesses, occurring),
        "log_loss": float(nats / rows),
        "calibration_error": float(np.abs(sums[3 : 3 + BINS]).sum() / rows),
    }


def occurring_classes(counts: np.ndarray) -> dict[str, int]:
    """How many classes occur in a data set, of its summed `hits`, `truths` and `guesses` (`macro_f1`): as "occurring"."""
    _, truths, guesses = counts.reshape(3, -1)
    return {"occurring": int(np.count_nonzero(truths + guesses))}


def macro_f1(hits: np.ndarray, truths: np.ndarray, guesses: np.ndarray, occurring: int | None) -> float:
    """The unweighted mean of the classes' F1.

    The classes are those that occur among labels or predictions of all the data, as scikit-learn has them by default. Where
    a part of the data is scored they stay the same, so that all parts estimate one quantity; one that doesn't occur there
    counts 0, as with scikit-learn's `zero_division`.

    Args:
        hits, truths, guesses: int, (classes,): of each how many items are right, have it, are said to have it.
        occurring: How many classes occur; None where the items are all, and tell.
    """
    either = truths + guesses
    there = either > 0
    return float((2.0 * hits / np.where(there, either, 1)).sum() / (occurring or np.count_nonzero(there)))


def _bins(confidence: np.ndarray) -> np.ndarray:
    places: np.ndarray = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return places


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float]]:
    """What the calibration error sums up: for each bin with rows its bounds, rows, mean confidence and accuracy."""
    predictions, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    place = _bins(confidence)
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


def per_class(labels: np.ndarray, predictions: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support of each class; 0 where a class was never predicted or never there.

    Args:
        labels, predictions: int, (rows,), places among the names.
    """
    columns = precision_recall_fscore_support(labels, predictions, labels=range(len(names)), zero_division=0.0)
    return [
        {"label": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for name, p, r, f, n in zip(names, *columns, strict=True)
    ]


def macro(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Unweighted means of precision, recall and F1 over the classes that occur among labels or predictions."""
    figures = precision_recall_fscore_support(labels, predictions, average="macro", zero_division=0.0)
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
