"""Scores against scikit-learn and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from seqkit.metrics.bootstrap import bootstrap
from seqkit.metrics.classification import accuracy_by_kind, calibration_bins, classification_scorer, macro, per_class


@st.composite
def classified(draw):
    """Labels, of which the last two are none of the classifier's, and probabilities."""
    rows, classes = draw(st.integers(1, 30)), draw(st.integers(2, 4))
    logits = draw(hnp.arrays(np.float64, (rows, classes), elements=st.floats(-4, 4), unique=True))
    labels = draw(hnp.arrays(np.int32, rows, elements=st.integers(0, classes - 1 + draw(st.sampled_from([0, 2])))))
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def scores_of(labels, probabilities):
    return classification_scorer(labels, probabilities)(np.arange(len(labels)))


@settings(max_examples=40)
@given(classified(), st.data())
def test_scores_are_those_of_scikit_learn(case, data):
    """Of all rows, and of some of them, where macro F1 stays that over the classes of all."""
    labels, probabilities = case
    predictions, classes = probabilities.argmax(axis=1), probabilities.shape[1]
    scores = scores_of(labels, probabilities)
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(labels, predictions))
    assert scores["macro_f1"] == pytest.approx(sk.f1_score(labels, predictions, average="macro"))
    expected = sk.precision_recall_fscore_support(labels, predictions, average="macro", zero_division=0.0)[:3]
    assert tuple(macro(labels, predictions).values()) == pytest.approx(expected)
    if labels.max() < classes:
        assert scores["log_loss"] == pytest.approx(sk.log_loss(labels, probabilities, labels=range(classes)))
    rows = np.array(data.draw(st.lists(st.integers(0, len(labels) - 1), min_size=1, max_size=30)))
    some = classification_scorer(labels, probabilities)(rows)
    occurring = np.unique([*labels, *predictions])
    wanted = sk.f1_score(labels[rows], predictions[rows], labels=occurring, average="macro", zero_division=0.0)
    assert some["macro_f1"] == pytest.approx(wanted)
    assert some["accuracy"] == pytest.approx(sk.accuracy_score(labels[rows], predictions[rows]))


def test_the_interval_of_macro_f1_is_that_of_its_value():
    """A class of one row, which is right: a resample without it must not be one over fewer classes."""
    labels = np.array([0] * 99 + [1])
    probabilities = np.eye(3)[np.array([0] * 90 + [2] * 9 + [1])]
    found = bootstrap(classification_scorer(labels, probabilities), 100)["macro_f1"]
    rng = np.random.default_rng(0)
    drawn = [
        sk.f1_score(
            labels[rows], probabilities[rows].argmax(axis=1), labels=[0, 1, 2], average="macro", zero_division=0.0
        )
        for rows in (rng.integers(0, 100, 100) for _ in range(1000))
    ]
    assert found["value"] == pytest.approx(sk.f1_score(labels, probabilities.argmax(axis=1), average="macro"))
    assert (found["low"], found["high"]) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_calibration_error_of_a_case_worked_by_hand():
    # bins of 1/15: 0.95 and 0.96 share one (right, wrong), 0.55 is alone (right), 0.6 exactly opens its own (wrong)
    confidence = np.array([0.95, 0.96, 0.55, 0.6])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0, 1, 0, 1])
    expected = (abs(1 - (0.95 + 0.96)) + abs(1 - 0.55) + abs(0 - 0.6)) / 4
    assert scores_of(labels, probabilities)["calibration_error"] == pytest.approx(expected)
    bins = calibration_bins(labels, probabilities)
    assert bins == [
        {"low": 8 / 15, "high": 9 / 15, "rows": 1, "confidence": 0.55, "accuracy": 1.0},
        {"low": 9 / 15, "high": 10 / 15, "rows": 1, "confidence": 0.6, "accuracy": 0.0},
        {"low": 14 / 15, "high": 1.0, "rows": 2, "confidence": pytest.approx(0.955), "accuracy": 0.5},
    ]
    assert calibration_bins(np.array([0]), np.array([[1.0, 0.0]]))[0]["high"] == 1.0  # no bin of its own for certainty
    assert scores_of(np.array([0]), np.array([[1.0, 0.0]]))["calibration_error"] == 0.0


def test_labels_that_the_model_does_not_know_are_always_wrong_and_each_is_a_class():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    labels = np.array([2, 3, 1])
    scores = scores_of(labels, probabilities)
    assert scores["accuracy"] == pytest.approx(1 / 3)
    assert scores["macro_f1"] == pytest.approx((0 + 0 + 0 + 1) / 4)  # predicted in vain, twice never predicted, right
    assert scores["log_loss"] == pytest.approx((-2 * np.log(np.finfo(np.float32).eps) - np.log(0.8)) / 3)
    assert per_class(labels, probabilities.argmax(axis=1), ["a", "b", "c", "d"]) == [
        {"label": "a", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
        {"label": "b", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
        {"label": "c", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        {"label": "d", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
    ]


def test_accuracy_by_kind_begins_with_the_most_frequent():
    assert accuracy_by_kind(np.array([True, False, True, True, False, False]), ["b", "c", "c", "a", "c", "b"]) == [
        {"kind": "c", "accuracy": pytest.approx(1 / 3), "support": 3},
        {"kind": "b", "accuracy": 0.5, "support": 2},
        {"kind": "a", "accuracy": 1.0, "support": 1},
    ]
