"""Scores that follow from sums: those of a part are what the part scores by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.metrics.classification import classification_scorer
from seqkit.metrics.pairs import pair_scorer
from seqkit.metrics.segments import segment_scorer
from seqkit.metrics.sums import part_of, summed
from seqkit.metrics.tags import tag_scores


def of_labels(labels, probabilities):
    return classification_scorer(labels, probabilities)


def of_frames(labels, probabilities):
    """Recordings of two frames each."""
    answers = probabilities.argmax(axis=1)
    return segment_scorer([np.array([one, 0]) for one in labels], [np.array([one, one]) for one in answers])


def of_pairs(labels, probabilities):
    right = labels == probabilities.argmax(axis=1)
    counts = np.stack([np.full(len(labels), 3), 1 + right, np.ones(len(labels)), right], axis=1)
    return pair_scorer(right, of_labels(labels, probabilities), summed([counts], tag_scores, unknown=True))


@pytest.mark.parametrize("scorer", [of_labels, of_frames, of_pairs])
@pytest.mark.parametrize("classes", [3, 30])  # counts of a row that are held whole, and without what is 0
@given(seed=st.integers(0, 999), data=st.data())
def test_a_part_scores_what_it_scores_by_itself(scorer, classes, seed, data):
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, classes + 2, 12), rng.dirichlet(np.ones(classes), 12)
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, 11), min_size=1))))
    part, alone = part_of(scorer(labels, probabilities), rows), scorer(labels[rows], probabilities[rows])
    for drawn in (np.arange(len(rows)), rng.integers(0, len(rows), len(rows))):
        assert part(drawn) == pytest.approx(alone(drawn))


def test_a_part_of_what_follows_from_no_sums_is_these_rows():
    values = np.arange(5.0)
    part = part_of(lambda rows: {"mean": values[rows].mean()}, np.array([1, 4]))
    assert part(np.array([0, 1, 1])) == {"mean": 3.0}
