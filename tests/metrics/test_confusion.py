"""Confusions against scikit-learn's matrix, and, of many labels, the largest of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from seqkit.metrics.confusion import LARGEST, MATRIX, NUMBERED, confusion


@settings(max_examples=30)
@given(st.sampled_from([2, NUMBERED, NUMBERED + 1, MATRIX, MATRIX + 1, 130]), st.integers(1, 400), st.integers(0, 99))
def test_confusions_are_those_of_scikit_learn(labels, items, seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, items)
    predicted = np.where(rng.random(items) < 0.3, truth, rng.integers(0, labels, items) // 4)
    names = [f"label {place}" for place in range(labels)]
    found, matrix = confusion(truth, predicted, names), confusion_matrix(truth, predicted, labels=range(labels))
    whole = {"labels": names, "counts": matrix.tolist()} if labels <= MATRIX else {}
    listed = {name: found.pop(name) for name in ("largest", "pairs")} if labels > NUMBERED else {}
    assert found == whole
    if not listed:
        return
    wrong = matrix - np.diag(np.diag(matrix))
    assert listed["pairs"] == np.count_nonzero(wrong)
    counts = [row["count"] for row in listed["largest"]]
    assert counts == sorted(wrong[wrong > 0].tolist(), reverse=True)[:LARGEST]
    for row in listed["largest"]:
        y, p = names.index(row["label"]), names.index(row["predicted"])
        assert row["count"] == wrong[y, p]
        assert row["share"] == pytest.approx(wrong[y, p] / matrix[y].sum())
