"""Models that go on from a language model: what each layer moves by, and the language model's loss."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.rows import WHOLE, Part
from seqkit.core.fine_tuning import FineTuning
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.objectives import classification
from seqkit.training.started import Started
from seqkit.training.trainer import Trainer

TOKENS, UNITS = 12, 3
STACK = Stack(cell="gru", units=(UNITS,), bidirectional=True)


def made(tuning):
    """A small model of given weights, and what it goes on from."""
    keras.utils.set_random_seed(0)
    model = many_to_one(*embed_tokens(TOKENS, Embedding(units=UNITS)), outputs=2, stack=STACK)
    layers = [[model.get_layer("embedding")], [model.get_layer("bidirectional_1").forward_layer]]
    return model, Started(tuning, layers, UNITS, {})


class Weights(keras.callbacks.Callback):
    """The weights of each variable by its path, before the first step and after each."""

    def on_train_begin(self, logs=None):
        self.steps = [self._now()]

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self._now())

    def _now(self):
        return {variable.path: variable.numpy() for variable in self.model.trainable_variables}


def rows(rng):
    ids = rng.integers(4, TOKENS, (8, 5)).astype("int32")
    columns = {"ids": Ragged.of_lengths(ids.ravel(), np.full(8, 5)), "targets": rng.integers(0, 2, 8).astype("int32")}
    return Pipeline(columns, {"ids": [5]}, 4)


def steps_of(tuning, rng, **training):
    model, started = made(tuning)
    seen, data = Weights(), rows(rng)
    settings = Training(optimizer="sgd", learning_rate=0.5, global_clipnorm=0, **training)
    Trainer(model, classification(settings), settings, started=started).fit(data, data, callbacks=[seen])
    return seen.steps


def moved(steps, number):
    return {path: value - steps[number][path] for path, value in steps[number + 1].items()}


def test_what_is_below_moves_less_and_what_is_new_does_not():
    """The first step of gradient descent, against the same one at one rate."""
    plain, slowed = (
        moved(steps_of(tuning, np.random.default_rng(0), epochs=1), 0)
        for tuning in (FineTuning(), FineTuning(layer_decay=0.25))
    )
    for path, change in plain.items():
        share = 0.0625 if "embedding" in path else 0.25 if "forward" in path else 1
        np.testing.assert_allclose(slowed[path], share * change, atol=1e-7)
        assert np.abs(change).max() > 1e-5


def test_layers_thaw_from_the_top(rng):
    steps = steps_of(FineTuning(unfreeze_epochs=1), rng, epochs=3)  # of two steps each
    for number in range(6):
        for path, change in moved(steps, number).items():
            thawed = number >= (4 if "embedding" in path else 2 if "forward" in path else 0)
            assert change.any() == thawed, (number, path)


def test_the_second_loss_is_the_language_model_s(rng):
    """Against the exact one, in NumPy; the mean of some draws, each of many more symbols than there are."""
    model, started = made(FineTuning(language_model=0.5))
    model.get_layer("embedding").set_weights([rng.normal(size=(TOKENS, UNITS))])
    ids = np.array([[4, 5, 6, 3], [7, 3, 0, 0]])
    said = rng.normal(size=(2, 4, 2 * UNITS)).astype("float32")
    scores = log_softmax(said[..., :UNITS] @ model.get_layer("embedding").get_weights()[0].T, axis=-1)
    expected = -np.mean([scores[0, 0, 5], scores[0, 1, 6], scores[0, 2, 3], scores[1, 0, 3]])
    batch = {"ids": tf.constant(ids), "counts": tf.constant(1.0)}
    losses = [
        started.language_model_loss(batch, tf.constant(said), tf.constant([draw, 0], tf.int64)).numpy()
        for draw in range(10)
    ]
    assert np.mean(losses) == pytest.approx(0.5 * expected, rel=0.02)


def test_the_second_loss_of_two_workers_is_that_of_one(rng):
    """Also where the second one has no row of a batch, and is shown one of the first."""
    _, started = made(FineTuning(language_model=0.5))
    ids = Ragged.of_lengths(rng.integers(4, TOKENS, 5).astype("int32"), np.array([5]))
    data = Pipeline({"ids": ids, "targets": np.zeros(1, "int32")}, {"ids": [5]}, 4)
    said, seed, counted = tf.constant(rng.normal(size=(1, 5, UNITS)), tf.float32), tf.constant([0, 0], tf.int64), []

    def loss(part):
        (batch,) = data.batches(part=part)
        peers = types.SimpleNamespace(sum=lambda counts: counted.extend(counts) or [tf.constant(4.0)])
        return float(started.language_model_loss(batch, said, seed, peers))

    assert loss(Part(0, 2)) + loss(Part(1, 2)) == pytest.approx(loss(WHOLE))
    assert list(map(float, counted)) == [4, 0, 4]


def test_the_second_loss_trains_the_forward_direction(rng):
    """With as good as no other loss: what an LSTM says of a chain of tokens comes to score the next one."""
    model, started = made(FineTuning(language_model=1000.0))
    chain = np.tile(np.arange(4, TOKENS), 2)
    columns = {"ids": Ragged.of_lengths(np.tile(chain, 8), np.full(8, 16)), "targets": np.zeros(8, "int32")}
    data = Pipeline(columns, {"ids": [16]}, 4)
    training = Training(epochs=20, learning_rate=0.1, global_clipnorm=0)
    Trainer(model, classification(training), training, started=started).fit(data, data)
    said = keras.Model(model.inputs, model.get_layer("bidirectional_1").output).predict(chain[None], verbose=0)
    scores = said[0, :-1, :UNITS] @ model.get_layer("embedding").get_weights()[0].T
    nats = -np.take_along_axis(log_softmax(scores, axis=-1), chain[1:, None], -1).mean()
    assert nats < 1.6 < np.log(TOKENS - 4) - 0.4  # which frequencies alone would give
