"""Confusions against scikit-learn's matrix, and, of many labels, the largest of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from seqkit.metrics.confusion import LARGEST, MATRIX, NUMBERED, SHOWN, clustered, confused_rows, confusion


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


@settings(max_examples=20)
@given(st.integers(2, 9), st.integers(0, 200), st.integers(0, 99))
def test_confused_rows_are_rows_of_their_pair_the_surest_first(labels, items, seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, labels, items), rng.integers(0, labels, items)
    names, texts, sure = [*map(str, range(labels))], [f"row {row}" for row in range(items)], rng.random(items)
    found = confused_rows(truth, predicted, names, texts, sure)
    counts = confusion_matrix(truth, predicted, labels=range(labels)) if items else np.zeros((labels, labels), int)
    np.fill_diagonal(counts, 0)
    assert [pair["count"] for pair in found] == sorted(counts[counts > 0].tolist(), reverse=True)[:LARGEST]
    for pair in found:
        rows = [int(one["text"].removeprefix("row ")) for one in pair["examples"]]
        own = np.flatnonzero((truth == int(pair["label"])) & (predicted == int(pair["predicted"])))
        assert rows == own[np.argsort(-sure[own], kind="stable")][:SHOWN].tolist()
        assert [one["confidence"] for one in pair["examples"]] == sure[rows].tolist()


def test_labels_that_are_taken_for_each_other_stand_side_by_side(rng):
    """Groups of labels, shuffled: each is in one piece again."""
    groups = np.repeat(np.arange(6), 4)
    shuffled = rng.permutation(groups)
    counts = np.where(shuffled[:, None] == shuffled[None], rng.integers(2, 9, (24, 24)), rng.integers(0, 2, (24, 24)))
    sorted_groups = shuffled[clustered(counts)]
    assert sorted(clustered(counts)) == list(range(24))
    assert np.count_nonzero(np.diff(sorted_groups)) == 5


def test_labels_that_never_occur_have_a_place_too():
    counts = np.zeros((4, 4), int)
    counts[0, 1] = 3
    assert sorted(clustered(counts)) == [0, 1, 2, 3]
