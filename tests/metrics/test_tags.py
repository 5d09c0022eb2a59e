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
    spans = [[("X", 1, 3)], [("X", 0, 1)], [("Y", 1, 2)]], [[("X", 1, 2)], [("X", 0, 1)], [("Y", 0, 1), ("Y", 1, 2)]]
    sums = sentence_sums(TRUTH, GUESS, KNOWN, spans)
    assert sums.tolist() == [[3, 2, 1, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1, 1], [2, 1, 0, 0, 1, 2, 1]]
    expected = {
        **{"span_f1": 2 * 2 / (4 + 3), "span_precision": 2 / 4, "span_recall": 2 / 3},
        **{"token_accuracy": 4 / 6, "known_token_accuracy": 3 / 4, "unknown_token_accuracy": 1 / 2},
    }
    assert tag_scores(sums.sum(axis=0), unknown=True) == pytest.approx(expected)
    plain = sentence_sums(TRUTH, GUESS, KNOWN)
    assert tag_scores(plain.sum(axis=0), unknown=False) == {"token_accuracy": 4 / 6}
    assert tag_scores(np.array([2, 1, 2, 1]), unknown=True) == {
        **{"token_accuracy": 0.5, "known_token_accuracy": 0.0, "unknown_token_accuracy": 0.5}
    }
    assert tag_scores(np.array([3, 2, 2, 1]), unknown=True)["known_token_accuracy"] == 1.0
    assert set(tag_scores(np.array([1, 1, 1, 1]), unknown=True).values()) == {0.0, 1.0}
    nothing = tag_scores(np.zeros(4, int), unknown=True)
    assert nothing == {"token_accuracy": 0.0, "known_token_accuracy": 0.0, "unknown_token_accuracy": 0.0}
    often = np.tile(sums, (4, 1))
    intervals = bootstrap(lambda rows: tag_scores(often[rows].sum(axis=0), unknown=True), 12, resamples=50)
    assert intervals["span_f1"]["value"] == pytest.approx(4 / 7)
    assert 0.0 <= intervals["unknown_token_accuracy"]["low"] < 0.5


def test_tags_and_their_confusion_by_hand():
    assert scores_by_tag(TRUTH, GUESS) == [
        {"label": "B-X", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2},
        {"label": "B-Y", "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1},
        {"label": "I-X", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        {"label": "O", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
    ]
    assert [row["label"] for row in scores_by_tag([["X"]], [["Y"]])] == ["X", "Y"]  # though Y is there in vain
    confusion = tag_confusion(TRUTH, GUESS)
    assert confusion["labels"] == ["B-X", "B-Y", "I-X", "O"]
    assert confusion["counts"] == [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]]


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


def test_the_twelve_most_frequent_mistakes_are_shown_amid_eight_words():
    words = tuple(map(str, range(120)))
    guesses = [name for number, name in enumerate("abcdefghijklmn", start=1) for _ in range(number)]  # 105 mistakes
    found = tag_mistakes([words], [("X",) * 120], [("X", *guesses, *["X"] * 14)])
    assert [(row["predicted"], row["count"]) for row in found] == list(
        zip("nmlkjihgfedc", range(14, 2, -1), strict=True)
    )
    assert found[-1]["examples"][0] == {"before": "0 1 2 3", "token": "4", "after": "5 6 7 8 9 10 11 12"}
    assert [row["token"] for row in found[0]["examples"]] == ["92", "93", "94"]
    assert found[0]["examples"][0]["before"] == "84 85 86 87 88 89 90 91"
