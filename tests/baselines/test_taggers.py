"""Baselines of taggers: what they learn, and that saving changes nothing."""

import numpy as np
import pytest

from seqkit.baselines.taggers import LinearTagger, MostFrequentTag, shape

CLASSES = ("D", "N", "V", "unseen")
TOKENS = [("the", "watch"), ("the", "watch"), ("they", "watch"), ("A-1", "Zoe", "ran"), ("she", "ran")]
TAGS = [("D", "N"), ("D", "N"), ("N", "V"), ("N", "N", "V"), ("N", "V")]


def named(answers):
    return [[CLASSES[place] for place in answers[row]] for row in range(len(answers))]


def test_most_frequent_tag_by_hand():
    baseline = MostFrequentTag.fit(TOKENS, TAGS, CLASSES)
    assert named(baseline.predict([("watch", "the", "ran"), ("unheard",), ()])) == [["N", "D", "V"], ["N"], []]
    # "V" is the tag of most words, but of none that occurs once
    assert MostFrequentTag.fit([("a", "a", "b", "b", "c")], [("V", "V", "V", "V", "N")], CLASSES).unknown == 1
    assert MostFrequentTag.fit([("a", "a")], [("V", "V")], CLASSES).unknown == 2


def test_linear_tagger_reads_neighbours_and_shapes():
    tokens = [("the", "watch"), ("they", "watch")] * 5 + [("X7", "glowed"), ("Y8", "shone")] * 5
    tags = [("D", "N"), ("N", "V")] * 5 + [("N", "V"), ("N", "V")] * 5
    baseline = LinearTagger.fit(tokens, tags, CLASSES)
    probe = [("the", "watch"), ("they", "watch"), ("Z9", "glow-ed"), ()]
    assert named(baseline.predict(probe)) == [["D", "N"], ["N", "V"], ["N", "V"], []]


def test_shapes_by_hand():
    assert [shape(word) for word in ("McDonald's", "USA", "3.5m", "Ünal", "_", "")] == [
        *("XxXx'x", "X", "9.9x", "Xx", "_", "")
    ]


@pytest.mark.parametrize("kind", [MostFrequentTag, LinearTagger])
@pytest.mark.parametrize(
    "tags", [TAGS, [["N"] * 2] * 3 + [["N", "N", "V"], ["N", "V"]]], ids=["three tags", "two tags"]
)
def test_a_baseline_answers_the_same_when_read_back(tmp_path, kind, tags):
    baseline = kind.fit(TOKENS, tags, CLASSES)
    baseline.save(tmp_path / "kept.npz")
    probe = [*TOKENS, ("new", "words", "\n", "☃"), (), ("ran",)]
    expected = baseline.predict(probe)
    again = kind.load(tmp_path / "kept.npz").predict(probe)
    np.testing.assert_array_equal(again.values, expected.values)
    np.testing.assert_array_equal(again.lengths, list(map(len, probe)))
    assert set(expected.values.tolist()) <= {0, 1, 2}
    assert len(kind.load(tmp_path / "kept.npz").predict([()])) == 1


@pytest.mark.parametrize(
    "tags", [TAGS, [["N"] * 2] * 3 + [["N", "N", "V"], ["N", "V"]]], ids=["three tags", "two tags"]
)
def test_linear_tagger_answers_its_training_data(tags):
    baseline = LinearTagger.fit(TOKENS * 3, tags * 3, CLASSES)
    assert named(baseline.predict(TOKENS)) == [list(labels) for labels in tags]
