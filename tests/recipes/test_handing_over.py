"""What recipes hand over to training, before any of it: the dropouts that were asked for, and nothing of validation rows."""

import collections
import dataclasses
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from seqkit.core.encoder import Encoder
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.recipes.captioning import captioning
from seqkit.recipes.intents_and_slots import intents_and_slots
from seqkit.recipes.language_model import language_model
from seqkit.recipes.programs import programs
from seqkit.recipes.question_answering import question_answering
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.recipes.translation import translation
from seqkit.recipes.video_frames import video_frames

LABELS = "aaaaaabbbc"
IMAGES = [np.full((4, 4, 3), 20 * row, np.uint8) for row in range(len(LABELS))]
TEXTS = [f"{label} {label} text" for label in LABELS]
SMALL = {"encoder": Encoder(filters=(2,), units=4)}


def steps(labels):
    """Each label as a row of two steps."""
    return [(label, label) for label in labels]


class HandedOver(Exception):  # noqa: N818, since nothing is wrong
    """In place of the training."""


@pytest.fixture
def handed(monkeypatch, tmp_path):
    """(recipe, data, options) -> the model and the objective that the recipe would train."""

    def take(making, task, model, splits, curriculum=None, **_):
        raise HandedOver(model, task.objective(making.training, splits.train))

    def run(recipe, data, **options):
        with pytest.raises(HandedOver) as found:
            recipe(data, out=tmp_path / "run", **options)
        return found.value.args

    monkeypatch.setattr("seqkit.runs.builder.RunBuilder.done", take)
    return run


CLASSIFYING = {
    sentiment: lambda labels: (TEXTS[: len(labels)], list(labels)),
    tagging: lambda labels: (steps(TEXTS[: len(labels)]), steps(labels)),
    video_frames: lambda labels: ([np.eye(2) + row for row in range(len(labels))], steps(labels)),
    question_answering: lambda labels: (IMAGES[: len(labels)], ["what?"] * len(labels), list(labels)),
}


@pytest.mark.parametrize("recipe", CLASSIFYING, ids=lambda recipe: recipe.__name__)
def test_a_class_weighs_as_the_training_labels_say(recipe, handed):
    """As scikit-learn balances these, whatever the labels of the validation rows."""
    rows, classes = CLASSIFYING[recipe], sorted(set(LABELS))
    expected = compute_class_weight("balanced", classes=np.array(classes), y=list(LABELS))
    assert len(set(expected)) == len(classes)
    for validation in ("abc", "ccccccbba"):
        training = Training(class_weights="balanced")
        options = SMALL if recipe is question_answering else {}
        _, objective = handed(recipe, rows(LABELS), valid=rows(validation), training=training, **options)
        targets, logits = tf.range(len(classes)), tf.eye(len(classes))
        weighed = objective.training_loss(targets, logits) / objective.loss(targets, logits)
        np.testing.assert_allclose(weighed, expected, rtol=1e-5)


PAIRS = [f"{label} {label}{label} {number}" for number, label in enumerate(LABELS)], list(LABELS)
EACH = {
    "sentiment": (sentiment, CLASSIFYING[sentiment](LABELS), {}),
    "tagging": (tagging, CLASSIFYING[tagging](LABELS), {}),
    "intents_and_slots": (intents_and_slots, (*CLASSIFYING[tagging](LABELS), list(LABELS)), {}),
    "language_model": (language_model, (TEXTS,), {"contiguous": False}),
    "video_frames": (video_frames, CLASSIFYING[video_frames](LABELS), {}),
    "translation": (translation, PAIRS, {"unit": "symbol"}),
    "programs": (programs, PAIRS, {}),
    "captioning": (captioning, (IMAGES, list(LABELS)), SMALL),
    "question_answering": (question_answering, CLASSIFYING[question_answering](LABELS), SMALL),
    "written_answers": (question_answering, CLASSIFYING[question_answering](LABELS), SMALL | {"answer_as": "text"}),
}


@pytest.mark.parametrize("name", EACH)
def test_every_dropout_that_is_asked_for_is_in_the_model(name, handed):
    """Each has a share of its own, by which it is known; a stack drops behind each of its layers, and once before them."""
    recipe, data, options = EACH[name]
    given, expected, embedded = dict(options), collections.Counter(), ()
    for argument, parameter in inspect.signature(recipe).parameters.items():
        if argument == "decoder" and recipe is question_answering and "answer_as" not in options:
            continue
        share = (len(given) + 1) / 32
        if isinstance(parameter.default, Stack):
            own = {"units": (4, 4, 4), "input_dropout": share, "dropout": share + 1 / 64}
            expected |= {share: 1, share + 1 / 64: 3}
        elif isinstance(parameter.default, Embedding):
            own = {"units": 4, "dropout": share, "word_dropout": share + 1 / 64}
            embedded = share, share + 1 / 64
        else:
            continue
        given[argument] = dataclasses.replace(parameter.default, **own)
    model, _ = handed(recipe, data, valid=data, **given)
    for share in embedded:
        expected[share] = sum(tensor.name in ("ids", "before") for tensor in model.inputs)  # on each side
    found = collections.Counter(
        layer.rate for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout)
    )
    assert found == expected
