"""Gradients reach every weight, and the norm that is logged is the true one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit import Stack, Training
from seqkit.data import Pipeline, Ragged
from seqkit.objectives import classification
from seqkit.training import make_train_step

REPEATS = np.array([[5, 5, 5, 6], [7, 5, 6, 6]], np.int32)  # repeated tokens: where a norm over slices goes wrong


def dense_gradients(model):
    """Path of each weight -> its gradient, repeated tokens added up."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits([0, 1], model(REPEATS)))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    paths = [variable.path for variable in model.trainable_variables]
    return {path: tf.convert_to_tensor(gradient).numpy() for path, gradient in zip(paths, gradients, strict=True)}


def check_gradients_reach_every_weight(model):
    for path, gradient in dense_gradients(model).items():
        assert np.abs(gradient).max() > 0, path


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_gradients_reach_every_weight(case, cell):
    check_gradients_reach_every_weight(case.build(Stack(cell=cell, units=(4, 4), bidirectional=True, layer_norm=True)))


def test_gradient_check_catches_a_dead_branch(case):
    model = case.build(Stack(units=(4,)))
    dead = keras.layers.Dense(3, name="dead")(keras.ops.stop_gradient(model.output) * 0.0)
    with pytest.raises(AssertionError, match="dead"):
        check_gradients_reach_every_weight(keras.Model(model.input, model.output + dead * 0.0))


def test_logged_norm_is_the_true_norm(case):
    model = case.build(Stack(units=(4,)))
    true = np.sqrt(sum(np.sum(gradient.astype(np.float64) ** 2) for gradient in dense_gradients(model).values()))
    training = Training(global_clipnorm=1e-3)
    columns = {"inputs": Ragged.of_lengths(REPEATS.ravel(), np.array([4, 4])), "targets": np.array([0, 1], np.int32)}
    rows = Pipeline(columns, "inputs", 2, (4,))
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    model.optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    figures = make_train_step(model, classification(training, [1, 1, 1]), training, rows)(next(iter(rows.batches())))
    assert float(figures["gradient_norm"]) == pytest.approx(true, rel=1e-5)
    moved = [old - new.numpy() for old, new in zip(before, model.trainable_variables, strict=True)]
    assert np.sqrt(sum(np.sum(part.astype(np.float64) ** 2) for part in moved)) == pytest.approx(1e-3, rel=1e-3)
