"""Gradients reach every weight, and the norm that is logged is the true one."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.core.settings import Stack, Training
from seqkit.testing.models import as_batch, axes_of, check_gradients, dense_gradients, inputs_of
from seqkit.training.step import make_train_steps
from tests.cases import CASES
from tests.kinds import of_each_kind

LENGTHS = np.array([4, 4])
READS_IDS = [case for case in CASES if "ids" in case.draw(np.random.default_rng(0), LENGTHS)]


def columns(case):
    """Rows whose tokens repeat: where a norm over slices goes wrong."""
    return case.draw(np.random.default_rng(0), LENGTHS)


DEEP = Stack(cell="gru", units=(4, 4), bidirectional=True, layer_norm=True)


def test_gradients_reach_every_weight(case):
    for variant in case.variants:
        check_gradients(
            case.build(dataclasses.replace(DEEP, units=(4,)), variant), columns(case), case.objective(Training())
        )


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_gradients_reach_every_weight_of_a_deep_stack(cell):
    """What doesn't depend on the recipe is asked of one."""
    model = CASES[0].build(dataclasses.replace(DEEP, cell=cell), CASES[0].variants[0])
    check_gradients(model, columns(CASES[0]), CASES[0].objective(Training()))


@pytest.mark.parametrize("case", of_each_kind(), indirect=True)
def test_gradient_check_catches_a_dead_branch(case):
    model = case.build(Stack(units=(4,)), case.variants[-1])
    dead = keras.layers.Dense(model.output.shape[-1], name="dead")(keras.ops.stop_gradient(model.output) * 0.0)
    broken = keras.Model(model.input, model.output + dead * 0.0)
    with pytest.raises(AssertionError, match="dead"):
        check_gradients(broken, columns(case), case.objective(Training()))


@pytest.mark.parametrize("case", of_each_kind(), indirect=True)
def test_logged_norm_is_the_true_norm(case):
    model = case.build(Stack(units=(4,)), case.variants[-1])
    true = np.sqrt(
        sum(
            np.sum(gradient.astype(np.float64) ** 2)
            for gradient in dense_gradients(model, columns(case), case.objective(Training())).values()
        )
    )
    training = Training(global_clipnorm=1e-3)
    drawn = columns(case)
    rows = Pipeline(drawn, axes_of(drawn), 2)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    model.optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    figures = make_train_steps(model, case.objective(training), training, rows)(iter(rows.batches()), 1)[0]
    assert figures["gradient_norm"] == pytest.approx(true, rel=1e-5)
    moved = [old - new.numpy() for old, new in zip(before, model.trainable_variables, strict=True)]
    assert np.sqrt(sum(np.sum(part.astype(np.float64) ** 2) for part in moved)) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("case", READS_IDS, ids=lambda case: case.name)
def test_norm_check_catches_the_norm_of_slices(case):
    """What Keras computes: the norm over the slices of the embedding's gradient, before repeats are added up."""
    model = case.build(Stack(units=(4,)), case.variants[-1])
    table = next(layer for layer in model._flatten_layers() if layer.name == "embedding").embeddings
    with tf.GradientTape() as tape:
        batch = as_batch(columns(case))
        losses = case.objective(Training()).loss(batch["targets"], model(inputs_of(model, batch)))
        loss = tf.reduce_mean(losses)
    slices = tape.gradient(loss, table.value)
    number = [id(variable) for variable in model.trainable_variables].index(id(table))
    true = np.linalg.norm(list(dense_gradients(model, columns(case), case.objective(Training())).values())[number])
    assert float(tf.linalg.global_norm([slices])) != pytest.approx(true, rel=1e-4)
