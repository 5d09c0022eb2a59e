"""Scores of texts: the corpus scores of sacreBLEU, from counts that are made once for each row."""

import numpy as np
import pytest
import sacrebleu

from seqkit.baselines.writers import CopySource, Nearest
from seqkit.metrics.texts import character_scorer, sentence_chrf, signature, text_scorer

TEXTS = ["The cat sat on the mat.", "A dog", "", "Zwei Männer stehen am Fenster."]
REFERENCES = ["The cat is on the mat.", "A dog", "nothing", "Zwei Frauen stehen an einem Fenster."]


def check_scores(texts, references, score, rows, lowercase=False):
    texts, references = [texts[row] for row in rows], [references[row] for row in rows]
    scores = score(np.array(rows))
    bleu, chrf = sacrebleu.BLEU(lowercase=lowercase), sacrebleu.CHRF(lowercase=lowercase)
    assert scores["bleu"] == pytest.approx(bleu.corpus_score(texts, [references]).score)
    assert scores["chrf"] == pytest.approx(chrf.corpus_score(texts, [references]).score)
    assert signature(lowercase=lowercase) == {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}
    fold = str.lower if lowercase else str
    assert scores["exact_match"] == np.mean([fold(a) == fold(b) for a, b in zip(texts, references, strict=True)])
    assert scores["length_ratio"] == pytest.approx(len("".join(texts)) / len("".join(references)))


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 3, 0], [2], [1, 1]])
def test_scores_of_any_rows_are_those_of_sacrebleu(rows):
    check_scores(TEXTS, REFERENCES, text_scorer(TEXTS, REFERENCES), rows)
    folded = [text.lower() for text in TEXTS]  # as a model writes that was trained on folded text
    check_scores(folded, REFERENCES, text_scorer(folded, REFERENCES, lowercase=True), rows, lowercase=True)


def test_score_check_catches_the_mean_over_rows():
    """Corpus BLEU is no mean of the rows' own."""
    rows = [text_scorer(TEXTS, REFERENCES)(np.array([row])) for row in range(4)]
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    with pytest.raises(AssertionError):
        check_scores(TEXTS, REFERENCES, lambda rows: means, [0, 1, 2, 3])


def test_texts_without_a_character_to_write_have_a_length_ratio():
    assert text_scorer(["abc", ""], ["", ""])(np.array([0, 1]))["length_ratio"] == 3.0


def test_characters_are_counted_at_their_places():
    texts, references = ["12", "120", "21", ""], ["12", "12", "125", "7"]
    score = character_scorer(texts, references)
    assert score(np.arange(4)) == {"exact_match": 1 / 4, "character_accuracy": 4 / 8}
    assert score(np.array([2, 2, 1])) == {"exact_match": 0.0, "character_accuracy": 2 / 8}
    stopped = [[f"{text}." for text in side] for side in (texts, references)]
    assert character_scorer(*stopped)(np.arange(4)) == score(np.arange(4)), "the closing full stop counts for nothing"
    assert character_scorer([""], [""])(np.array([0])) == {"exact_match": 1.0, "character_accuracy": 0.0}


def test_chrf_of_a_sentence_is_that_of_sacrebleu():
    assert sentence_chrf(TEXTS[0], REFERENCES[0]) == sacrebleu.sentence_chrf(TEXTS[0], [REFERENCES[0]]).score


def test_signatures_name_what_a_score_depends_on():
    assert signature()["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert signature()["chrf"].startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")


def test_baselines_answer_with_what_is_there(tmp_path):
    nearest = Nearest(["a red house", "two dogs", "a red dog"], ["ein rotes Haus", "zwei Hunde", "ein roter Hund"])
    asked = ["red house !", "dogs", "nothing of it"]
    assert nearest.answer(asked) == ["ein rotes Haus", "zwei Hunde", "ein rotes Haus"]
    for baseline in (nearest, CopySource()):
        baseline.save(tmp_path / "baseline.npz")
        assert type(baseline).load(tmp_path / "baseline.npz").answer(asked) == baseline.answer(asked)
    assert CopySource().answer(asked) == asked
