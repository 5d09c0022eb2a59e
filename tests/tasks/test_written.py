"""Tasks that write: what is scored is what can be written."""

import dataclasses
import unicodedata

import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.core.settings import Search
from seqkit.runs.searching import searching
from seqkit.sources.examples import Examples
from seqkit.tasks.captioning import Captioning
from seqkit.tasks.translation import Translation
from seqkit.tasks.written_answers import WrittenAnswers
from seqkit.text.vocabulary import learn_vocabulary

ANSWERS = ["ein Café am Fenster .", "zwei Männer", "drei grüne Häuser stehen da"]
READ = [unicodedata.normalize("NFD", text).replace(" ", "  ") + " " for text in ANSWERS]  # as a file may have them


def tasks(unit):
    """Each with the columns of its references."""
    vocabulary, shape = learn_vocabulary([*ANSWERS, *READ], unit=unit), (8, 8, 3)
    yield Translation({}, vocabulary, vocabulary, Search(), 9), {"target": READ}
    yield Captioning({}, vocabulary, Search(), 9, shape, "stop"), {"caption": [("nothing", text) for text in READ]}
    yield WrittenAnswers({}, vocabulary, vocabulary, Search(), shape, (), "stop"), {"answer": READ}


def test_several_answers_are_looked_for_where_there_is_a_place_for_them():
    for task, _ in tasks("symbol"):
        if task.recipe == "translation":
            assert searching(task, None, {"n_best": 2}, "run").search.n_best == 2
            continue
        with pytest.raises(
            InputError, match=f"n_best is 2, but the recipe {task.recipe} doesn't read it: leave it out"
        ):
            searching(task, None, {"n_best": 2}, "run")
        several = dataclasses.replace(task, search=Search(n_best=2))  # as an earlier version trained it
        assert searching(several, None, {"beam": 3}, "run").search == Search(beam=3, n_best=2)


@pytest.mark.parametrize("unit", ["whitespace", "marked_word", "symbol"])
def test_an_answer_that_is_its_reference_as_far_as_it_can_be_written_is_right(unit):
    """Whoever gives it: a model, or a baseline that knows texts as they are read. Symbols write any text."""
    for task, columns in tasks(unit):
        for answers, right in ((READ, True), (ANSWERS, unit != "symbol")):
            scores = task.scorer(Examples(columns, "here"), answers)(np.arange(len(READ)))
            assert (scores["exact_match"] == 1.0) == right, task.recipe
            named = [scores[name] for name in ("bleu", "chrf") if name in scores]
            assert (named == pytest.approx([100.0] * len(named))) or not right
        assert (task.chrf(ANSWERS[0], READ[0]) == pytest.approx(100.0)) == (unit != "symbol")
