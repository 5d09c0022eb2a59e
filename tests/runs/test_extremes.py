"""Very many classes, tags and scores: done in time that grows with them, not with their square, or refused by a sentence."""

import time

import keras
import numpy as np
import pytest

from seqkit.baselines.classifiers import LinearTfidf, NaiveBayesLinear
from seqkit.baselines.taggers import LinearTagger
from seqkit.batches.pipeline import Pipeline
from seqkit.checks.classes import check_classes
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Training
from seqkit.metrics.classification import classification_scorer, macro, per_class
from seqkit.metrics.confusion import confusion
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.sources.examples import Examples
from seqkit.tasks.tagging import Tagging
from seqkit.text.labels import count_labels, encode_labels, with_unseen
from seqkit.text.lexicon import Lexicon, split_tokens
from seqkit.training.objectives import classification
from seqkit.training.trainer import Trainer

MANY = 30_000
SECONDS = 20  # of the processor; by the square of the classes it would be many minutes


@pytest.fixture
def labels():
    """Of two rows a class."""
    return [f"class {number % MANY}" for number in range(2 * MANY)]


@pytest.fixture
def classes(labels):
    return tuple(sorted(set(labels)))


def test_counting_checking_and_scoring_very_many_classes_takes_seconds(labels, classes):
    rows = Examples({"text": ["a text"] * len(labels), "label": labels}, "here")
    started = time.process_time()
    assert count_labels(labels, classes) == [2] * MANY
    check_classes({"train": rows, "valid": rows}, {"train": labels, "valid": labels})
    assert with_unseen(labels, classes) == classes
    truth = encode_labels(labels, classes)
    guessed = np.roll(truth, 1)
    assert confusion(truth, guessed, classes)["pairs"] == len(set(zip(truth.tolist(), guessed.tolist(), strict=True)))
    assert len(per_class(truth, guessed, classes)) == MANY
    assert macro(truth, truth) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    scored = classification_scorer(truth[:100], np.eye(100, MANY, dtype=np.float32))
    assert 0.0 <= scored(np.arange(100))["accuracy"] <= 1.0
    assert time.process_time() - started < SECONDS


def test_encoding_and_scoring_very_many_tags_takes_seconds(classes):
    rows = [classes[start : start + 3] for start in range(0, MANY, 3)]
    examples = Examples({"tokens": [("a", "b", "c")] * len(rows), "tags": rows}, "here")
    lexicon = Lexicon.build(split_tokens(examples["tokens"]), lowercase=True, size=10, min_count=1, longest=None)
    task = Tagging({}, lexicon, classes, None, "softmax")
    started = time.process_time()
    columns = task.encode(examples, 32)[0].columns
    np.testing.assert_array_equal(columns["targets"].values[columns["weights"].values == 1], np.arange(MANY))
    task.objective(Training(class_weights="balanced"), examples)
    outputs = Ragged.of_lengths(np.arange(MANY), np.full(len(rows), 3))
    assert task.scorer(examples, outputs)(np.arange(len(rows)))["token_accuracy"] == 1.0
    assert len(task.sections(None, examples, outputs)["per_class"]) == MANY
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("kind", [LinearTfidf, NaiveBayesLinear])
def test_linear_baselines_see_a_part_of_very_many_classes(kind, monkeypatch):
    """Of so many rows that the scores of all of them can be held."""
    texts = [f"word{number % 50} word{number // 50}" for number in range(400)]
    names = [f"{number % 200}" for number in range(400)]
    monkeypatch.setattr("seqkit.baselines.classifiers.SCORES", 40 * 200)
    fitted = kind.fit(texts, names, sorted(set(names)))
    assert fitted.bounds == "fitted on 40 of 400 texts, drawn at random"
    assert fitted.probabilities(texts).shape == (400, 200)
    alone = [f"word{number}" for number in range(1000)]  # of which no two have a word in common
    fitted = kind.fit(alone, ["a", "b"] * 500, ["a", "b"], most=10**6)
    assert fitted.probabilities(alone[:2]).argmax(axis=1).tolist() == [0, 1]
    with pytest.raises(InputError, match="no text has a word"):
        kind.fit([" "] * 1000, ["a", "b"] * 500, ["a", "b"], most=10**6)
    monkeypatch.setattr("seqkit.baselines.taggers.SCORES", 80 * 200)
    tagger = LinearTagger.fit([text.split() for text in texts], [(name, name) for name in names], sorted(set(names)))
    assert tagger.bounds == "fitted on 40 of 400 sentences, drawn at random"


@pytest.mark.parametrize("options", [{"output": "crf"}, {"scheme": "bio"}], ids=["a chain", "spans"])
def test_pairs_of_very_many_tags_are_refused(options, tmp_path):
    tags = [(f"B-{number}", f"I-{number}") for number in range(1500)]
    rows = [("a", "b")] * len(tags), tags
    with pytest.raises(InputError, match=r"3,000 different tags.*2,000 at most"):
        tagging(rows, valid=rows, out=tmp_path / "run", characters="none", **options)


def test_scores_of_very_many_classes_are_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr("seqkit.tasks.classes.SCORED", 199)
    rows = [f"text {number}" for number in range(20)], [f"{number % 10}" for number in range(20)]
    with pytest.raises(InputError, match=r"has 20 rows to score, each over 10 classes.*give at most 19"):
        sentiment(rows, valid=rows, out=tmp_path / "run", min_count=1)


def test_a_batch_whose_scores_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(
        "seqkit.training.step.os.sysconf", lambda name: {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}[name]
    )
    inputs = keras.Input((None, 2), name="x")
    model = keras.Model(inputs, keras.layers.Dense(1000)(inputs))
    x = Ragged.of_lengths(np.zeros((80, 2), np.float32), np.full(8, 10))
    targets = Ragged.of_lengths(np.zeros(80, np.int32), np.full(8, 10))
    read = Ragged.of_lengths(np.zeros(8 * 500, np.int32), np.full(8, 500))  # in which nothing is scored
    rows = Pipeline({"ids": read, "x": x, "targets": targets}, {"ids": (500,), "x": (12,)}, 8)
    training = Training(epochs=1, batch_size=8)
    trainer = Trainer(model, classification(training, [1] * 1000), training)
    monkeypatch.setattr("seqkit.training.step.SCORED", 10)  # 8 rows of 12 steps with 1,000 floats
    trainer.fit(rows, rows)
    monkeypatch.setattr("seqkit.training.step.SCORED", 11)
    with pytest.raises(InputError, match="A batch of 8 rows has 12,000 scores a row of 12 steps"):
        trainer.fit(rows, rows)
