"""Items by their traits."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from seqkit.metrics.judged import Items, Judged, Trait, by_length, of_sizes


def test_scores_by_length_are_those_of_the_rows_of_that_length(rng):
    lengths, truth, said = rng.integers(1, 40, 300), rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    items = Items(np.arange(300), {"length": of_sizes(lengths)})
    found = by_length(items, Judged((truth == said).astype(float)), "accuracy")
    assert found["metric"] == "accuracy"
    assert sum(group["items"] for group in found["groups"]) == 300
    for group in found["groups"]:
        low, high = (int(end) for end in group["length"].split(" to "))
        own = (lengths >= low) & (lengths <= high)
        assert group["items"] == own.sum()
        assert group["value"] == pytest.approx(accuracy_score(truth[own], said[own]))


def test_what_is_better_the_lower_is_told_as_it_is():
    items = Items(np.arange(4), {"length": Trait(("1", "2"), np.array([0, 0, 1, 1]))})
    found = by_length(items, Judged(np.array([-1.0, -3.0, -2.0, -6.0])), "nats_per_symbol")
    assert [group["value"] for group in found["groups"]] == [2.0, 4.0]


@pytest.mark.parametrize("traits", [{}, {"length": Trait(("3",), np.zeros(4, int))}])
def test_rows_of_one_length_or_of_none_are_not_told_apart(traits):
    assert by_length(Items(np.arange(4), traits), Judged(np.ones(4)), "accuracy") == {}
