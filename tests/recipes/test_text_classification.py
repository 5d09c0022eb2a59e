"""text_classification and sentiment: one recipe by two names."""

import inspect
import itertools
import json

import numpy as np
import pytest

import seqkit_runner
from seqkit import Embedding, InputError, Stack, Training, load
from seqkit.recipes import sentiment, text_classification
from seqkit.recipes.text_classification import text_classification as module_one
from seqkit.runs.checking import rows_of
from seqkit.runs.parts import without_report
from tests.cases import ROWS

TEXTS, LABELS = [text for _, text in ROWS] * 3, [label for label, _ in ROWS] * 3
TINY = {"embedding": Embedding(units=4), "stack": Stack(units=(4,)), "training": Training(epochs=1)}


def test_both_take_the_same_arguments_with_the_same_defaults():
    ours, theirs = (dict(inspect.signature(recipe).parameters) for recipe in (text_classification, sentiment))
    assert str(ours.pop("out").default) == "saved_models/text_classification"
    assert str(theirs.pop("out").default) == "saved_models/sentiment"
    assert ours == theirs
    for said in (text_classification.__doc__, sentiment.__doc__):
        assert "max_length: Tokens of a text" in said
        assert "seed: Seed of everything random." in said
    assert module_one is text_classification


def test_they_make_the_same_run_each_by_its_name(tmp_path):
    with without_report():
        runs = [
            recipe((TEXTS, LABELS), out=tmp_path / recipe.__name__, **TINY)
            for recipe in (text_classification, sentiment)
        ]
    opened = [load(run.path) for run in runs]
    assert [run.task.recipe for run in opened] == ["text_classification", "sentiment"]
    asked = [run.predict(TEXTS) for run in (*runs, *opened)]
    assert all(answers == asked[0] for answers in asked)
    for one, other in zip(*(run.model.get_weights() for run in opened), strict=True):
        np.testing.assert_array_equal(one, other)
    infos = [json.loads((run.path / "run.json").read_text()) for run in runs]
    assert infos[0]["settings"] == infos[1]["settings"]


@pytest.mark.parametrize("unit", ["subword", pytest.param("unigram", marks=pytest.mark.slow)])
def test_words_that_training_lacks_are_read_by_their_pieces(unit, tmp_path):
    with without_report():
        run = text_classification((TEXTS, LABELS), unit=unit, vocabulary_size=60, out=tmp_path / "run", **TINY)
    words = sorted(set(" ".join(TEXTS).lower().split()))
    made_up = [one + other for one, other in itertools.pairwise(words)]
    answers = run.predict(made_up)
    _, facts = run.task.encode(run.task.read((made_up,), {"text": "text"}, role="asked"), 8)
    assert facts["unknown_token_share"] == 0
    assert len({str(answer["probabilities"]) for answer in answers}) > len(words) / 2, (
        "they are not one word to the model"
    )
    served = seqkit_runner.load(run.export("onnx")).predict(made_up)
    for answer, same in zip(answers, served, strict=True):
        assert answer["probabilities"] == pytest.approx(same["probabilities"], abs=1e-5)


def test_reviews_are_those_of_sentiment_alone(tmp_path):
    with pytest.raises(InputError, match="has none built in: give --data"):
        text_classification(out=tmp_path / "run")
    assert rows_of(sentiment, {}).train.origin == "built-in (train)"
