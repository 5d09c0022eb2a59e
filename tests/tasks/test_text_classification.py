"""A recurrent path and a wide one of a text classifier, and the weights of each in their sum."""

import keras
import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.core.wide import Wide
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.wide import RATIOS, paths_of
from seqkit.sources.examples import Examples
from seqkit.tasks.text_classification import WIDE_CLASSES, TextClassification
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import SPECIAL, Vocabulary
from seqkit.topologies.many_to_one import many_to_one

WORDS = ("good", "bad", "film", "so", "not")


def text_task(classes):
    return TextClassification({}, Vocabulary(SPECIAL + WORDS, Tokenizer()), classes, 20)


def examples(rng, count=60):
    """Rows of which the word "good" decides, mostly."""
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 8))) for _ in range(count)]
    labels = ["b" if ("good" in text) != (rng.random() < 0.2) else "a" for text in texts]
    return Examples({"text": texts, "label": labels}, "here")


def two_paths(task, train, wide):
    ids, features, mask = embed_tokens(len(task.vocabulary), Embedding(units=4))
    model = many_to_one(
        ids, features, mask, outputs=len(task.classes), stack=Stack(units=(4,)), wide=task.wide_path(ids, wide)
    )
    task.start_wide(model, train, wide)
    return model


def test_a_sum_of_paths_has_the_weights_of_least_loss_on_the_validation_rows(rng):
    task = text_task(("a", "b"))
    train, valid = examples(rng), examples(rng)
    model = two_paths(task, train, Wide(ngrams=2))
    head = model.get_layer("logits")
    head.set_weights([3.0 * weights for weights in head.get_weights()])  # untrained, and sure of itself
    batch = np.array(task.encode(valid, len(valid))[0].columns["ids"].lengths)
    ids = np.zeros((len(valid), batch.max()), np.int32)
    for row, own in enumerate(task.encode(valid, 8)[0].columns["ids"][row] for row in range(len(valid))):
        ids[row, : len(own)] = own
    paths = keras.Model(model.input, paths_of(model))
    before = [np.asarray(path, np.float64) for path in paths(ids)]
    labels = task.labels(valid)

    def loss(weights):
        logits = sum(weight * path for weight, path in zip(weights, before, strict=True))
        nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        return nats.sum() + sum((weight - 1) ** 2 for weight in weights) / 2

    said = task.weigh_paths(model, valid)["paths"]
    weights = [
        float(np.sum(np.asarray(after) * own) / np.sum(own * own))
        for after, own in zip(paths(ids), before, strict=True)
    ]
    np.testing.assert_allclose([said["recurrent"], said["wide"]], weights, atol=1e-4)
    np.testing.assert_allclose(model(ids), sum(w * own for w, own in zip(weights, before, strict=True)), atol=1e-4)
    assert loss(weights) < loss([1, 1]) - 1
    for place, weight in enumerate(weights):
        for change in (-0.05, 0.05):
            moved = [*weights]
            moved[place] = weight + change
            assert min(moved) < 0 or loss(moved) > loss(weights) - 1e-6


def test_of_very_many_validation_rows_some_are_asked(rng, monkeypatch):
    task, train, valid = text_task(("a", "b")), examples(rng), examples(rng)
    model = two_paths(task, train, Wide())
    start = model.get_weights()
    monkeypatch.setattr("seqkit.tasks.text_classification.WEIGHED", 20)
    found = []
    for rows in (valid, valid.take(range(0, 60, 3), "a third")):
        model.set_weights(start)
        task.weigh_paths(model, rows)
        found.append(model.get_layer("logits").get_weights()[0])
    np.testing.assert_array_equal(*found)


def test_a_model_of_one_path_is_left_as_it_is(rng):
    task, rows = text_task(("a", "b")), examples(rng)
    model = two_paths(task, rows, Wide(ngrams=0))
    before = model.get_weights()
    task.start_wide(model, rows, Wide(ngrams=0))
    assert not task.weigh_paths(model, rows)
    np.testing.assert_equal(model.get_weights(), before)


def test_very_many_classes_have_no_wide_path_and_asking_for_one_is_refused(monkeypatch):
    task = text_task(tuple(f"{number:04}" for number in range(WIDE_CLASSES + 1)))
    ids = keras.Input((None,), dtype="int32")
    assert task.wide_path(ids, Wide()) is None
    with pytest.raises(InputError, match=r"wide.ngrams is 2, but .* 257 classes, and 256 are the most"):
        task.wide_path(ids, Wide(ngrams=2))
    monkeypatch.setattr("seqkit.tasks.text_classification.WEIGHTS", 1 << 10)
    some = text_task(tuple(f"{number:04}" for number in range(100)))
    assert keras.Model(ids, some.wide_path(ids, Wide())).get_layer(RATIOS).input_dim - len(some.vocabulary) == 8
    few = text_task(("a", "b"))
    table = keras.Model(ids, few.wide_path(ids, Wide(buckets=100))).get_layer(RATIOS)
    assert (table.input_dim - len(few.vocabulary)) == 64  # a power of two, and no more than asked for
