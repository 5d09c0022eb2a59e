"""Scores of tagged sentences, by hand."""

import numpy as np
import pytest

from seqkit.metrics.bootstrap import bootstrap
from seqkit.metrics.tags import scores_by_tag, sentence_sums, tag_confusion, tag_mistakes, tag_scores

TOKENS = [("to", "New", "York"), ("Paris",), ("or", "Rome")]
TRUTH = [("O", "B-X", "I-X"), ("B-X",), ("O", "B-Y")]
GUESS = [("O", "B-X", "O"), ("B-X",), ("B-Y", "B-Y")]
KNOWN = [np.array([True, True, False]), np.array([False]), np.array([True, True])]


def test_sums_and_scores_by_hand():
    sums = sentence_sums(TRUTH, GUESS, KNOWN, marks_spans=True)
    assert sums.tolist() == [[3, 2, 1, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1, 1], [2, 1, 0, 0, 1, 2, 1]]
    expected = {
        **{"span_f1": 2 * 2 / (4 + 3), "span_precision": 2 / 4, "span_recall": 2 / 3},
        **{"token_accuracy": 4 / 6, "known_token_accuracy": 3 / 4, "unknown_token_accuracy": 1 / 2},
    }
    assert tag_scores(sums.sum(axis=0), unknown=True) == pytest.approx(expected)
    plain = sentence_sums(TRUTH, GUESS, KNOWN, marks_spans=False)
    assert tag_scores(plain.sum(axis=0), unknown=False) == {"token_accuracy": 4 / 6}
    intervals = bootstrap(lambda rows: tag_scores(sums[rows].sum(axis=0), unknown=True), 3, resamples=50)
    assert intervals["span_f1"]["value"] == pytest.approx(4 / 7)
    assert intervals["unknown_token_accuracy"]["low"] == 0.0


def test_tags_and_their_confusion_by_hand():
    assert scores_by_tag(TRUTH, GUESS)[:2] == [
        {"label": "B-X", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2},
        {"label": "B-Y", "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1},
    ]
    confusion = tag_confusion(TRUTH, GUESS)
    assert confusion["labels"] == ["B-X", "B-Y", "I-X", "O"]
    assert confusion["counts"] == [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]]
    many = [tuple(f"t{number:02d}" for number in range(40))], [tuple(f"t{39 - number:02d}" for number in range(40))]
    assert len(tag_confusion(*many)["labels"]) == 20


def test_mistakes_are_shown_in_context():
    assert tag_mistakes(TOKENS, TRUTH, GUESS) == [
        {
            **{"label": "I-X", "predicted": "O", "count": 1},
            "examples": [{"before": "to New", "token": "York", "after": ""}],
        },
        {
            **{"label": "O", "predicted": "B-Y", "count": 1},
            "examples": [{"before": "", "token": "or", "after": "Rome"}],
        },
    ]
    often = tag_mistakes([("a",)] * 5, [("X",)] * 5, [("Y",)] * 5)
    assert (often[0]["count"], len(often[0]["examples"])) == (5, 3)
