"""Scores against scikit-learn and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from seqkit.metrics.classification import (
    accuracy_by_kind,
    calibration_bins,
    classification_scores,
    confusion,
    macro,
    per_class,
)


@st.composite
def classified(draw):
    rows, classes = draw(st.integers(1, 30)), draw(st.integers(2, 4))
    logits = draw(hnp.arrays(np.float64, (rows, classes), elements=st.floats(-4, 4), unique=True))
    labels = draw(hnp.arrays(np.int32, rows, elements=st.integers(0, classes - 1)))
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@settings(max_examples=40)
@given(classified())
def test_scores_are_those_of_scikit_learn(case):
    labels, probabilities = case
    predictions, classes = probabilities.argmax(axis=1), range(probabilities.shape[1])
    scores = classification_scores(labels, probabilities)
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(labels, predictions))
    assert scores["macro_f1"] == pytest.approx(sk.f1_score(labels, predictions, average="macro"))
    expected = sk.precision_recall_fscore_support(labels, predictions, average="macro", zero_division=0.0)[:3]
    assert tuple(macro(labels, probabilities).values()) == pytest.approx(expected)
    assert scores["log_loss"] == pytest.approx(sk.log_loss(labels, probabilities, labels=classes))
    assert (
        confusion(labels, predictions, len(classes))
        == sk.confusion_matrix(labels, predictions, labels=classes).tolist()
    )


def test_calibration_error_of_a_case_worked_by_hand():
    # bins of 1/15: 0.95 and 0.96 share one (right, wrong), 0.55 is alone (right), 0.6 exactly opens its own (wrong)
    confidence = np.array([0.95, 0.96, 0.55, 0.6])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0, 1, 0, 1])
    expected = (abs(1 - (0.95 + 0.96)) + abs(1 - 0.55) + abs(0 - 0.6)) / 4
    assert classification_scores(labels, probabilities)["calibration_error"] == pytest.approx(expected)
    bins = calibration_bins(labels, probabilities)
    assert bins == [
        {"low": 8 / 15, "high": 9 / 15, "rows": 1, "confidence": 0.55, "accuracy": 1.0},
        {"low": 9 / 15, "high": 10 / 15, "rows": 1, "confidence": 0.6, "accuracy": 0.0},
        {"low": 14 / 15, "high": 1.0, "rows": 2, "confidence": pytest.approx(0.955), "accuracy": 0.5},
    ]
    assert calibration_bins(np.array([0]), np.array([[1.0, 0.0]]))[0]["high"] == 1.0  # no bin of its own for certainty
    assert classification_scores(np.array([0]), np.array([[1.0, 0.0]]))["calibration_error"] == 0.0


def test_a_label_that_the_model_does_not_know_is_always_wrong():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    scores = classification_scores(np.array([-1, 1]), probabilities)
    assert scores["accuracy"] == 0.5
    assert scores["macro_f1"] == pytest.approx((0 + 0 + 1) / 3)  # predicted in vain, never predicted, right
    assert scores["log_loss"] == pytest.approx((-np.log(np.finfo(np.float32).eps) - np.log(0.8)) / 2)
    assert confusion(np.array([-1, 1]), np.array([0, 1]), 2) == [[0, 0], [0, 1]]
    assert confusion(np.array([-1]), np.array([0]), 2) == [[0, 0], [0, 0]]
    assert per_class(np.array([-1, 1]), probabilities, ["a", "b"]) == [
        {"label": "a", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
        {"label": "b", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
    ]


def test_accuracy_by_kind_begins_with_the_most_frequent():
    assert accuracy_by_kind(np.array([True, False, True, True, False, False]), ["b", "c", "c", "a", "c", "b"]) == [
        {"kind": "c", "accuracy": pytest.approx(1 / 3), "support": 3},
        {"kind": "b", "accuracy": 0.5, "support": 2},
        {"kind": "a", "accuracy": 1.0, "support": 1},
    ]
