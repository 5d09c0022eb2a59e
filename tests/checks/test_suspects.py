"""Labels that were turned on purpose are found, by rows that did not see them."""

import numpy as np
import pytest

from seqkit.baselines.classifiers import LinearTfidf
from seqkit.checks.suspects import FOLDS, check_suspects, out_of_fold, suspects
from seqkit.core.errors import InputError
from seqkit.runs.checking import _suspects
from seqkit.sources.examples import Examples
from seqkit.tasks.text_classification import TextClassification
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import SPECIAL, Vocabulary

CLASSES = ("down", "up")


def texts_of(labels, rng):
    """Words of which a third tell the label."""
    told = {0: ["fall", "sink", "drop", "low"], 1: ["rise", "climb", "soar", "high"]}
    common = [f"word{number}" for number in range(40)]
    return [" ".join(rng.permutation([*rng.choice(told[label], 3), *rng.choice(common, 6)])) for label in labels]


def linear(train):
    return LinearTfidf.fit(train["text"], train["label"], CLASSES)


def test_turned_labels_come_first_with_their_places(rng):
    truth = rng.integers(0, 2, 400)
    labels = truth.copy()
    turned = rng.choice(400, 20, replace=False)
    labels[turned] = 1 - labels[turned]
    columns = {"text": texts_of(truth, rng), "label": [CLASSES[label] for label in labels]}
    examples = Examples(columns, "train.tsv", lines=range(2, 402))
    fit = lambda train: lambda rest: linear(train).probabilities(rest["text"])  # noqa: E731
    [found] = check_suspects(examples, labels, CLASSES, fit)
    named = [int(place.split("line ")[1].split(":")[0]) - 2 for place in found.places]
    assert set(turned.tolist()) <= set(named[:25])
    first = named[0]
    assert found.places[0].endswith(f"{CLASSES[labels[first]]!r}, rather {CLASSES[1 - labels[first]]!r}")


def test_rows_come_by_how_much_likelier_another_class_is_and_the_others_not_at_all():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.45, 0.55]])
    assert suspects(np.array([1, 1, 1, 0]), probabilities).tolist() == [1, 0, 3]


def test_no_row_is_judged_by_a_model_that_saw_it(rng):
    labels = np.repeat([0, 1], 20)
    examples = Examples({"text": [f"row{row}" for row in range(40)]}, "x")
    seen = []

    def fit(train):
        def probabilities(rest):
            assert not set(train["text"]) & set(rest["text"])
            seen.extend(rest["text"])
            return np.array([[int(text[3:]), 0.0] for text in rest["text"]])

        return probabilities

    assert out_of_fold(examples, labels, fit)[:, 0].tolist() == list(range(40))
    assert sorted(seen) == sorted(examples["text"])


def test_a_row_alone_in_its_class_is_answered_with_the_only_other_class(rng):
    labels = np.repeat([0, 1], [39, 1])
    columns = {"text": texts_of(labels, rng), "label": [CLASSES[label] for label in labels]}
    task = TextClassification({}, Vocabulary((*SPECIAL, "low"), Tokenizer()), CLASSES, 20)
    found = _suspects(task, Examples(columns, "train.tsv", lines=range(2, 42)))
    assert [finding.places[0] for finding in found] == ["train.tsv, line 41: 'up', rather 'down'"]


def test_too_few_rows_are_refused():
    examples = Examples({"text": ["a"] * (2 * FOLDS - 1)}, "x.tsv")
    with pytest.raises(InputError, match=r"x\.tsv has 9 rows"):
        check_suspects(examples, np.zeros(9, int), CLASSES, linear)
