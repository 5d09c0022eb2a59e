"""Scores of answers that are right or wrong, and what they are compared with."""

import numpy as np
import pytest

from seqkit.baselines.writers import MostFrequentAnswer, Nearest
from seqkit.metrics.texts import character_scorer

REFERENCES = ["12.", "-7.", "105.", "9."]
TEXTS = ["12.", "-8.", "15.", "10."]


def test_scores_are_shares_of_rows_and_of_characters():
    score = character_scorer(TEXTS, REFERENCES)
    #   right at the same place, the full stop aside: 2 of 2, 1 of 2, 1 of 3 ("1" alone), 0 of 1
    assert score(np.arange(4)) == pytest.approx({"exact_match": 1 / 4, "character_accuracy": 4 / 8})
    assert score(np.array([0, 0, 1])) == pytest.approx({"exact_match": 2 / 3, "character_accuracy": 5 / 6})


def test_a_longer_text_gains_nothing_by_its_end():
    score = character_scorer(["12.12."], ["12."])
    assert score(np.array([0])) == {"exact_match": 0.0, "character_accuracy": 1.0}


@pytest.mark.parametrize(
    ("baseline", "asked", "expected"),
    [
        (MostFrequentAnswer.fit(["3.", "2.", "2.", "3.", "1."]), ["anything", ""], ["2.", "2."]),
        (Nearest(["print(12+34)", "print(77-5)"], ["46.", "72."], characters=True), ["print(12+35)"], ["46."]),
        (Nearest(["one dog", "two cats"], ["ein Hund", "zwei Katzen"]), ["two dogs"], ["zwei Katzen"]),
    ],
)
def test_a_baseline_answers_the_same_once_it_was_saved(tmp_path, baseline, asked, expected):
    baseline.save(tmp_path / "baseline.npz")
    for one in (baseline, type(baseline).load(tmp_path / "baseline.npz")):
        assert one.answer(asked) == expected
