"""Segment scores: cases worked by hand, and a slow reference written from the papers' definitions."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from seqkit.metrics.segments import OVERLAPS, edit_score, matched_segments, segment_scorer, segments

frames = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 3), min_size=n, max_size=n)] * 2)
)  # truth and prediction of a recording


def runs(labels, background=None):
    """[(label, set of frames)], by itertools."""
    found, at = [], 0
    for label, group in itertools.groupby(labels):
        size = len(list(group))
        if label != background:
            found.append((label, set(range(at, at + size))))
        at += size
    return found


def slow_distance(one, other):
    @functools.cache
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )

    return distance(len(one), len(other))


def slow_counts(truth, prediction, overlap, background=None):
    """True positives, false positives and false negatives of segments, with frames as sets."""
    true, hits, wrong = runs(truth, background), set(), 0
    for label, there in runs(prediction, background):
        shares = [len(there & other) / len(there | other) if name == label else 0.0 for name, other in true]
        best = max(range(len(shares)), key=lambda place: (shares[place], -place), default=None)
        if best is not None and shares[best] >= overlap and best not in hits:
            hits.add(best)
        else:
            wrong += 1
    return len(hits), wrong, len(true) - len(hits)


def scores(truths, predictions, background=None):
    arrays = [[np.array(labels) for labels in part] for part in (truths, predictions)]
    return segment_scorer(*arrays, background)(np.arange(len(truths)))


def labels(text):
    return ["abcd".index(letter) for letter in text]


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        # one frame wrong amid a run: 9 of 10 frames, but three segments for one
        (
            "aaaaaaaaaa",
            "aaaabaaaaa",
            {"frame_accuracy": 0.9, "edit_score": 1 / 3, "f1_at_50": 2 * 1 / (3 + 1), "macro_f1": 9 / 19},
        ),
        # the right order at the wrong time: IoU of a 2/8, of b 2/8
        ("aaaaaaaabb", "aabbbbbbbb", {"edit_score": 1.0, "f1_at_25": 1.0, "f1_at_50": 0.0, "frame_accuracy": 0.4}),
        # a twice for b's sake: the second takes the same true run and counts as wrong
        ("aaaaaabb", "aaabaabb", {"edit_score": 0.5, "f1_at_10": 2 * 2 / (4 + 2)}),
        ("aabbcc", "ccbbaa", {"edit_score": 1 / 3, "f1_at_10": 2 / 6, "frame_accuracy": 2 / 6, "macro_f1": 1 / 3}),
        ("aaaa", "bbbb", dict.fromkeys(("edit_score", "macro_f1", *OVERLAPS), 0.0)),
    ],
)
def test_scores_of_cases_worked_by_hand(truth, prediction, expected):
    found = scores([labels(truth)], [labels(prediction)])
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_background_is_no_segment_but_counts_as_frames():
    truth, prediction = labels("ddaaddbbdd"), labels("dddaddbbdd")
    found = scores([truth], [prediction], background=3)
    assert (found["frame_accuracy"], found["edit_score"], found["f1_at_50"]) == (0.9, 1.0, 1.0)
    assert scores([truth], [prediction])["f1_at_50"] == 1.0
    nothing = scores([labels("dddd")], [labels("dddd")], background=3)
    assert nothing["edit_score"] == nothing["f1_at_10"] == 1.0
    assert scores([labels("dddd")], [labels("ddad")], background=3)["f1_at_10"] == 0.0


def test_a_recording_of_no_frames_has_no_segments():
    nothing, one = (segments(np.array(labels, int)) for labels in ([], [2]))
    assert [part.tolist() for part in nothing] == [[], [], []]
    assert [part.tolist() for part in one] == [[0], [1], [2]]
    assert (edit_score(nothing, nothing), edit_score(nothing, one), matched_segments(nothing, one, 0.1)) == (
        1.0,
        0.0,
        0,
    )


def test_recordings_weigh_by_frames_segments_or_alike():
    """Accuracy goes over frames, the edit score over recordings, F1 over segments."""
    truths, predictions = [labels("aaaaaaaa"), labels("ab")], [labels("aaaaaaaa"), labels("ba")]
    found = scores(truths, predictions)
    assert found["frame_accuracy"] == pytest.approx(8 / 10)
    assert found["edit_score"] == pytest.approx((1 + 0) / 2)
    assert found["f1_at_50"] == pytest.approx(2 * 1 / 6)


def test_labels_that_the_model_does_not_know_are_always_wrong_and_each_is_a_class():
    found = scores([[0, 0, 8, 9]], [[0, 0, 1, 1]])
    assert found["frame_accuracy"] == 0.5
    assert found["edit_score"] == pytest.approx(1 / 3)
    assert found["macro_f1"] == pytest.approx((1 + 0 + 0 + 0) / 4)  # right, predicted in vain, and two never predicted


@given(st.lists(frames, min_size=1, max_size=4), st.sampled_from([None, 0]))
def test_scores_agree_with_a_slow_reference(recordings, background):
    truths, predictions = zip(*recordings, strict=True)
    found = scores(truths, predictions, background)
    edits = []
    for truth, prediction in recordings:
        ours, theirs = ([label for label, _ in runs(part, background)] for part in (prediction, truth))
        longest = max(len(ours), len(theirs))
        edits.append(1 - slow_distance(ours, theirs) / longest if longest else 1.0)
    assert found["edit_score"] == pytest.approx(np.mean(edits))
    for name, overlap in OVERLAPS.items():
        counts = [slow_counts(*pair, overlap, background) for pair in recordings]
        right, wrong, missed = np.sum(counts, axis=0)
        assert found[name] == pytest.approx(2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1)
    truth, prediction = np.concatenate(truths), np.concatenate(predictions)
    assert found["frame_accuracy"] == pytest.approx(sk.accuracy_score(truth, prediction))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, prediction, average="macro"))


@given(frames, st.sampled_from([None, 0]))
def test_what_must_hold_of_any_labels(pair, background):
    truth, prediction = map(np.array, pair)
    assert set(scores([truth], [truth], background).values()) == {1.0}
    one, other = segments(truth, background), segments(prediction, background)
    assert edit_score(one, other) == pytest.approx(edit_score(other, one))
    matches = [matched_segments(one, other, overlap) for overlap in OVERLAPS.values()]
    assert matches == sorted(matches, reverse=True)
    assert matches[0] <= min(len(one[2]), len(other[2]))
    starts, ends, names = segments(truth)
    np.testing.assert_array_equal(np.repeat(names, ends - starts), truth)


@given(st.lists(frames, min_size=1, max_size=3))
def test_how_many_labels_there_might_be_is_no_matter(recordings):
    """Of 20 and more, counts are held without those that are 0."""
    few, many = (
        [[times * np.array(labels) for labels in part] for part in zip(*recordings, strict=True)] for times in (1, 20)
    )
    assert scores(*many) == pytest.approx(scores(*few))


@given(st.lists(frames, min_size=2, max_size=5), st.data())
def test_macro_f1_of_some_recordings_is_over_the_classes_of_all(recordings, data):
    truths, predictions = [[np.array(labels) for labels in part] for part in zip(*recordings, strict=True)]
    rows = np.array(data.draw(st.lists(st.integers(0, len(recordings) - 1), min_size=1, max_size=5)))
    found = segment_scorer(truths, predictions)(rows)["macro_f1"]
    occurring = np.unique(np.concatenate([*truths, *predictions]))
    drawn = [np.concatenate([side[row] for row in rows]) for side in (truths, predictions)]
    assert found == pytest.approx(sk.f1_score(*drawn, labels=occurring, average="macro", zero_division=0.0))
