"""accelerate against Keras's own Bidirectional, and what cutting a batch into shards must not change."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import Recurrent, weights_of
from seqkit.recurrence.loops import CHUNK

STEPS, FEATURES, UNITS = CHUNK + 5, 3, 4
STATES = {layers.LSTM: 2, layers.GRU: 1, layers.SimpleRNN: 1}
BOTH_WAYS = [  # each cell and each way to merge once: what is merged is merged behind the cells
    pytest.param(
        kind,
        merge,
        marks=() if kind is layers.LSTM or merge == "concat" else pytest.mark.slow,
        id=f"{merge}-{kind.__name__}",
    )
    for kind in STATES
    for merge in ("concat", "sum", "mul", "ave", None)
]


def gradients(model, arguments, upstream):
    """Everything a model returns, and all gradients of a weighted sum of it."""
    floats = [a for a in arguments if a.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        outputs = tf.nest.flatten(model(arguments))
        loss = tf.add_n([tf.reduce_sum(o * u) for o, u in zip(outputs, upstream, strict=True)])
    return outputs, tape.gradient(loss, [*floats, *model.trainable_variables])


def both_ways(kind, merge_mode):
    """A bidirectional layer that begins with given states and returns its last ones, and arguments for it."""
    rng = np.random.default_rng(0)
    x, mask = keras.Input((STEPS, FEATURES), dtype="float64"), keras.Input((STEPS,), dtype="bool")
    states = [keras.Input((UNITS,), dtype="float64") for _ in range(2 * STATES[kind])]
    layer = layers.Bidirectional(
        kind(UNITS, return_sequences=True, return_state=True, dtype="float64"), merge_mode=merge_mode, dtype="float64"
    )
    model = keras.Model([x, mask, *states], layer(x, mask=mask, initial_state=states))
    arguments = [rng.normal(size=(7, STEPS, FEATURES)), np.arange(STEPS) < rng.integers(1, STEPS + 1, (7, 1))]
    arguments += [rng.normal(size=(7, UNITS)) for _ in states]
    upstream = [rng.normal(size=(7, *o.shape[1:])) for o in model.outputs]
    return model, [tf.constant(a) for a in arguments], upstream


def compare(ours, theirs):
    for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11, rtol=1e-9)


@pytest.mark.parametrize(("kind", "merge_mode"), BOTH_WAYS)
def test_both_directions_are_keras_in_outputs_states_and_all_gradients(kind, merge_mode):
    model, arguments, upstream = both_ways(kind, merge_mode)
    theirs = gradients(model, arguments, upstream)
    compare(gradients(accelerate(model), arguments, upstream), theirs)
    x, mask, *states = arguments
    swapped = [x, mask, *states[len(states) // 2 :], *states[: len(states) // 2]]
    with pytest.raises(AssertionError):  # one direction's states given to the other are seen
        compare(gradients(accelerate(model), swapped, upstream), theirs)


def shard_case(masked, rows, kind="gru"):
    rng = np.random.default_rng(rows)
    layer = Recurrent(UNITS, kind, return_sequences=True, return_state=True, dtype="float64")
    layer.build((None, None, FEATURES))
    x, upstream = (tf.constant(rng.normal(size=(rows, STEPS, width))) for width in (FEATURES, UNITS))
    mask = tf.constant(np.arange(STEPS) < rng.integers(0, STEPS + 1, (rows, 1))) if masked else None
    return layer, x, mask, upstream


def scanned(layer, x, mask, upstream):
    """Outputs, gradient of the inputs, last state, and gradients of the weights."""
    cell, weights = weights_of(layer)
    weights = tf.nest.map_structure(tf.convert_to_tensor, weights)
    with tf.GradientTape() as tape:
        tape.watch([x, weights])
        outputs, states = scan(cell, x, mask=mask, **weights)
        loss = tf.reduce_sum(outputs * upstream) + tf.reduce_sum(states[0] ** 2)
    dx, *dweights = tape.gradient(loss, [x, *tf.nest.flatten(weights)])
    return [outputs, dx, *states, *dweights]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("rows", [3, 14])
def test_neither_cores_nor_a_batch_that_they_do_not_divide_change_a_result(monkeypatch, masked, rows):
    case = shard_case(masked, rows)
    layer, x, mask, upstream = case
    with tf.GradientTape() as tape:
        tape.watch(x)
        plain, last = layer(x, mask=mask)  # Keras's own loop
        dx = tape.gradient(tf.reduce_sum(plain * upstream) + tf.reduce_sum(last**2), x)
    for cores in (1, 3):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        ours = scanned(*case)
        compare(ours[:3], [plain, dx, last])
        if cores == 1:
            alone = ours
        compare(ours[3:], alone[3:])
    unknown = tf.function(  # a batch whose size the graph doesn't know
        lambda *tensors: scanned(layer, tensors[0], tensors[1] if masked else None, tensors[-1]),
        input_signature=[tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in (x, mask, upstream) if t is not None],
        autograph=False,
    )
    compare(unknown(*(t for t in (x, mask, upstream) if t is not None)), alone)


@pytest.mark.parametrize("extra", [1, CHUNK, 2 * CHUNK + 3])
def test_steps_of_padding_that_are_skipped_change_no_result(extra):
    layer, x, mask, upstream = shard_case(True, 13)
    noise = tf.constant(np.random.default_rng(1).normal(size=(13, extra, FEATURES)))
    longer = [
        tf.concat([x, noise], 1),
        tf.pad(mask, [(0, 0), (0, extra)]),
        tf.pad(upstream, [(0, 0), (0, extra), (0, 0)]),
    ]
    outputs, dx, *rest = scanned(layer, *longer)
    compare([outputs[:, :STEPS], dx[:, :STEPS], *rest], scanned(layer, x, mask, upstream))
    np.testing.assert_array_equal(dx[:, STEPS:], 0)


@pytest.mark.parametrize("kind", ["gru", "lstm_full_gate"])
def test_two_runs_have_the_same_bits(kind):
    layer, x, mask, upstream = shard_case(True, 13, kind)
    first, again = scanned(layer, x, mask, upstream), scanned(layer, x, mask, upstream)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
