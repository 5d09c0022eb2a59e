"""Sampled softmax: what it estimates, and that nothing but training knows of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.tasks.language_model import build_language_model
from seqkit.training.objectives import classification
from seqkit.training.sampled_softmax import Head, sampled_cross_entropy, samples, without_head
from seqkit.training.trainer import Trainer

SYMBOLS, UNITS = 40, 5


def test_the_expected_sum_is_the_softmax_s(rng):
    """Z of many small draws has the mean of the exact one, which NumPy computes in float64."""
    read, table, bias = (0.7 * rng.normal(size=size) for size in ((1, 3, UNITS), (SYMBOLS, UNITS), SYMBOLS))
    targets = np.array([[1, 7, 39]])
    scores = read @ table.T + bias
    right = np.take_along_axis(scores, targets[..., None], -1)[..., 0]
    given = (tf.constant(targets), *(tf.constant(value, tf.float32) for value in (read, table, bias)))
    estimate = tf.function(lambda seed: sampled_cross_entropy(*given, 20, seed))
    sums = np.stack([np.exp(estimate(tf.constant([0, draw], tf.int64)).numpy() + right) for draw in range(3_000)])
    error = sums.std(axis=0) / len(sums) ** 0.5
    assert (np.abs(sums.mean(axis=0) - np.exp(logsumexp(scores, axis=-1))) < 4 * error).all()
    assert (error / sums.mean(axis=0) < 0.02).all()  # so that it would tell


@pytest.mark.parametrize("tied", [True, False])
def test_the_head_is_what_the_model_scores_with(rng, tied):
    stack, embedding = Stack(units=(UNITS,), dropout=0.1), Embedding(units=UNITS)
    model = build_language_model(SYMBOLS, embedding, stack, one_hot=False, tied=tied)
    below, head = without_head(model), Head.of(model)
    ids = rng.integers(1, SYMBOLS, (2, 6)).astype("int32")
    scores = below.predict(ids, verbose=0) @ head.table.numpy().T + (0 if head.bias is None else head.bias.numpy())
    np.testing.assert_allclose(scores, model.predict(ids, verbose=0), atol=1e-5)
    assert (head.bias is None) == tied
    assert [samples(model, Training(sampled=count)) for count in (0, 8, SYMBOLS)] == [False, True, False]


def test_a_model_learns_from_samples_what_it_learns_from_all(rng):
    """A chain in which each symbol follows one other: the exact loss falls nearly as low, over all symbols."""
    after = rng.permutation(np.arange(4, SYMBOLS))
    rows = [rng.integers(4, SYMBOLS, 64)]
    for _ in range(8):
        rows.append(after[rows[-1] - 4])
    ids = np.stack(rows, axis=1).astype("int32")
    losses = {}
    for sampled in (0, 8):
        keras.utils.set_random_seed(0)
        model = build_language_model(SYMBOLS, Embedding(units=16), Stack(units=(16,)), one_hot=False, tied=False)
        losses[sampled] = _trained(model, ids, sampled)
    assert losses[0] < 0.2
    assert losses[8] < 1 < np.log(SYMBOLS - 4) - 2  # far below what frequencies alone give


def _trained(model, ids, sampled):
    """The exact validation loss after a training on the rows."""

    def ragged(values):
        return Ragged.of_lengths(values.ravel(), np.full(len(values), values.shape[1]))

    rows = Pipeline({"ids": ragged(ids[:, :-1]), "targets": ragged(ids[:, 1:])}, {"ids": [8]}, 16)
    training = Training(epochs=12, learning_rate=0.03, sampled=sampled)
    history = Trainer(model, classification(training), training).fit(rows, rows)
    return history[-1]["val_loss"]
