"""The scan against NumPy and Keras's layers; test_cells.py has every cell's gradient against finite differences."""

import functools
import gc
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from tensorflow.python.framework import ops

from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import CELLS, weights_of
from seqkit.recurrence.loops import Setting, loops_of
from seqkit.recurrence.step import Cell, left_widths, plan_of
from tests import oracle

STEPS, FEATURES, UNITS = 19, 5, 4  # more steps than a chunk, and no multiple of it
MAKE = {
    "lstm": layers.LSTM,
    "gru": layers.GRU,
    "gru_reset_before": lambda *a, **k: layers.GRU(*a, reset_after=False, **k),
    "simple_rnn": layers.SimpleRNN,
}


def pattern(name, batch, rng):
    lengths = rng.integers(0, STEPS + 1, size=(batch, 1))
    right = np.arange(STEPS) < lengths
    return {"none": None, "right": right, "left": right[:, ::-1], "gappy": rng.random((batch, STEPS)) < 0.5}[name]


def compare(ours, theirs, atol=1e-11):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=atol, rtol=1e-9)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(MAKE)),
    mask=st.sampled_from(["none", "right", "left", "gappy"]),
    backwards=st.booleans(),
    zero_output=st.booleans(),
    sequences=st.booleans(),
    batch=st.sampled_from([1, 9]),
    seed=st.integers(0, 1000),
)
def test_scan_is_keras_in_outputs_states_and_all_gradients(kind, mask, backwards, zero_output, sequences, batch, seed):
    rng = np.random.default_rng(seed)
    layer = MAKE[kind](
        UNITS,
        return_sequences=True,
        return_state=True,
        go_backwards=backwards,
        zero_output_for_mask=zero_output,
        bias_initializer=keras.initializers.RandomNormal(seed=seed),
        dtype="float64",
    )
    x, upstream = tf.constant(rng.normal(size=(batch, STEPS, FEATURES))), rng.normal(size=(batch, STEPS, UNITS))
    layer.build(x.shape)
    states = [tf.constant(rng.normal(size=(batch, UNITS))) for _ in layer.state_size]
    weighting = [rng.normal(size=(batch, UNITS)) for _ in states]
    mask = pattern(mask, batch, rng)
    mask = None if mask is None else tf.constant(mask)

    def result(call):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            outputs, final = call()
            loss = sum(tf.reduce_sum(s * w) for s, w in zip(final, weighting, strict=True))
            loss += tf.reduce_sum(outputs * upstream) if sequences else 0
        return [outputs, *final] if sequences else list(final), tape.gradient(loss, [x, *layer.weights, *states])

    def keras_call():
        outputs, *final = layer(x, initial_state=states, mask=mask)
        return outputs, final

    def our_call():
        cell, weights = weights_of(layer)
        outputs, final = scan(
            cell,
            x,
            initial_state=states,
            mask=mask,
            reverse=backwards,
            zero_output_for_mask=zero_output,
            return_sequences=sequences,
            **weights,
        )
        return (outputs[:, ::-1] if backwards else outputs) if sequences else None, final

    for ours, theirs in zip(result(our_call), result(keras_call), strict=True):
        compare(ours, theirs)


def test_a_wrong_step_is_caught(monkeypatch):
    """The comparison above must fail on a cell that forgets its forget gate."""

    def wrong(op, x, state, vectors):
        h, c = state
        i, _, g, o = (a + b for a, b in zip(x, op.product(h), strict=True))
        c = c + op.sigmoid(i) * op.tanh(g)
        return op.sigmoid(o) * op.tanh(c), c

    layer = layers.LSTM(UNITS, dtype="float64", return_sequences=True)
    x = tf.constant(np.random.default_rng(0).normal(size=(2, STEPS, FEATURES)))
    right = layer(x)
    _, weights = weights_of(layer)
    with pytest.raises(AssertionError):
        compare([scan(Cell(wrong, gates=4, products=(4,), states=2), x, **weights)[0]], [right])


def test_gradients_are_those_of_vectorised_bptt():
    rng = np.random.default_rng(1)
    shapes = [(9, STEPS, FEATURES), (FEATURES, UNITS), (UNITS, UNITS), (UNITS,), (9, UNITS)]
    x, kernel, recurrent, bias, h0 = (tf.constant(rng.normal(size=s)) for s in shapes)
    upstream = rng.normal(size=(9, STEPS, UNITS))
    with tf.GradientTape() as tape:
        tape.watch([x, kernel, recurrent, bias, h0])
        y, _ = scan(CELLS["simple_rnn"].cell, x, kernel, bias, [recurrent], initial_state=[h0])
        loss = tf.reduce_sum(y * upstream)
    ours = tape.gradient(loss, [x, kernel, recurrent, bias, h0])
    arrays = [v.numpy() for v in (x, h0, kernel, recurrent, bias)]
    compare(ours, oracle.simple_rnn_bptt(*arrays, upstream))


def weights_for(name, rng, units=3, features=3):
    """Random float64 arguments of the scan for a cell."""
    cell = CELLS[name].cell
    draw = lambda *shape: tf.constant(rng.normal(size=shape) * 0.5)  # noqa: E731
    widths = left_widths(cell)
    recurrent = [draw(w * units, p * units) for w, p in zip(widths, cell.products, strict=True)]
    return {
        "kernel": draw(features, cell.gates * units),
        "bias": draw(cell.gates * units),
        "recurrent": recurrent,
        "vectors": [draw(units) for _ in range(cell.vectors)],
    }


def test_windows_of_the_whole_length_are_the_full_gradient_and_shorter_ones_pass_the_state():
    rng = np.random.default_rng(3)
    cell, weights = CELLS["lstm"].cell, weights_for("lstm", rng)
    x = tf.constant(rng.normal(size=(2, 12, 3)))

    def gradient(window):
        total, states = 0, None
        with tf.GradientTape() as tape:
            tape.watch(weights["recurrent"])
            for start in range(0, 12, window):
                y, states = scan(cell, x[:, start : start + window], initial_state=states, **weights)
                states = [tf.stop_gradient(s) for s in states]
                total += tf.reduce_sum(y**2)
        return total, tape.gradient(total, weights["recurrent"])[0]

    with tf.GradientTape() as tape:
        tape.watch(weights["recurrent"])
        whole = tf.reduce_sum(scan(cell, x, **weights)[0] ** 2)
    full = tape.gradient(whole, weights["recurrent"])[0]
    compare(gradient(12), (whole, full))
    cut, truncated = gradient(4)
    compare([cut], [whole])  # the state flows across windows
    assert np.abs(truncated - full).max() > 1e-3  # the gradient doesn't


def test_second_gradients_say_what_to_do():
    weights = weights_for("gru", np.random.default_rng(4))
    x = tf.ones((2, 5, 3), tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(scan(CELLS["gru"].cell, x, **weights)[0])
        first = inner.gradient(y, x)
    with pytest.raises(NotImplementedError, match="differentiable once"):
        outer.gradient(first, x)


def test_gradients_of_graphs_end_with_their_graph():
    """TensorFlow keeps them for good; they may not end sooner either, nor in a graph within a graph."""
    rng = np.random.default_rng(0)
    weights = [tf.constant(rng.normal(size=size), tf.float32) for size in ((FEATURES, UNITS), (UNITS,), (UNITS, UNITS))]
    x = tf.constant(rng.normal(size=(2, STEPS, FEATURES)), tf.float32)

    def loss(kernel, bias, recurrent):
        return tf.reduce_sum(scan(CELLS["simple_rnn"].cell, x, kernel, bias, [recurrent])[0] ** 2)

    def twice(*weights):
        return tf.while_loop(
            lambda i, _: i < 2, lambda i, sum: (i + 1, sum + loss(*weights)), (0, 0.0), maximum_iterations=2
        )[1]

    def gradients(of, *, collect=False):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value = of(*weights)
        if collect:
            gc.collect()
        return tape.gradient(value, weights)

    gc.freeze()  # what is there already needn't be looked through each time
    before = own_gradients()
    direct, inner = gradients(loss), tf.function(loss)
    graphs = [tf.function(functools.partial(gradients, of, collect=True)) for of in (inner, twice)]
    compare(graphs[0](), direct, atol=1e-4)
    compare(graphs[1](), [2 * gradient for gradient in direct], atol=1e-4)
    assert own_gradients() > before
    del inner, graphs
    assert own_gradients() == before


def own_gradients():
    gc.collect()
    return sum(name.startswith("CustomGradient-") for name in ops.gradient_registry._registry)


def test_wrong_numbers_of_weights_are_named():
    weights = weights_for("gru", np.random.default_rng(4))
    with pytest.raises(ValueError, match="gru takes 1 recurrent kernels"):
        scan(CELLS["gru"].cell, tf.ones((2, 5, 3), tf.float64), **(weights | {"recurrent": []}))


def test_padding_changes_no_bit_of_a_real_row_and_two_runs_agree():
    x = keras.Input((None, FEATURES))
    mask = keras.Input((None,), dtype="bool")
    model = accelerate(keras.Model([x, mask], layers.Bidirectional(layers.LSTM(UNITS))(x, mask=mask)))
    rng = np.random.default_rng(5)
    values, real = (
        rng.normal(size=(9, STEPS, FEATURES)).astype("float32"),
        np.arange(STEPS) < rng.integers(1, 12, (9, 1)),
    )
    one, again = model([values, real]), model([values, real])
    np.testing.assert_array_equal(one, again)
    noisy = np.where(real[..., None], values, 7.0)
    np.testing.assert_array_equal(one, model([noisy, real]))
    with pytest.raises(AssertionError):  # the check sees a model that looks at its padding
        np.testing.assert_array_equal(model([values, real | True]), model([noisy, real | True]))


@pytest.mark.parametrize("name", ["lstm_peephole", "mut3", "mingru"])
def test_what_keeps_nothing_has_the_same_bits_and_the_same_gradients(name):
    rng = np.random.default_rng(7)
    weights, x = weights_for(name, rng), tf.constant(rng.normal(size=(4, STEPS, 3)))
    mask = tf.constant(pattern("gappy", 4, rng))
    found = []
    for keep in (True, False):
        with tf.GradientTape() as tape:
            sources = [x, weights["kernel"], *weights["vectors"], *weights["recurrent"]]
            tape.watch(sources)
            outputs, states = scan(CELLS[name].cell, x, mask=mask, keep=keep, **weights)
            loss = tf.reduce_sum(tf.sin(outputs)) + tf.reduce_sum(states[-1])
        found.append([outputs, *states, *tape.gradient(loss, sources)])
    for kept, run_again in zip(*found, strict=True):
        np.testing.assert_array_equal(kept, run_again)


def programs_of(name, stage, *, rows=2, direction=1, length=STEPS):
    """The text of both loops of a shard with a mask, as XLA has it at a stage."""
    cell, rng = CELLS[name].cell, np.random.default_rng(8)
    given = weights_for(name, rng)
    weights = [given["kernel"], given["bias"], *given["recurrent"], *given["vectors"]]
    setting = Setting(
        cell, (False,) * len(cell.products), True, True, False, True, (tf.float64, *(tuple(w.shape) for w in weights))
    )
    forward, backward = loops_of(setting)
    x, states = tf.constant(rng.normal(size=(rows, STEPS, 3))), [tf.zeros((rows, 3), tf.float64)] * cell.states
    real = tf.constant(np.arange(STEPS) < np.where(np.arange(rows) > 0, 2, length)[:, None])
    ahead = (tf.constant(direction), x, (real, real, tf.constant(length)), weights)
    kept = forward(*ahead, states, ())[2]
    back = (*ahead, [tf.transpose(weights[0]), *map(tf.transpose, given["recurrent"])], kept, x, states, ())
    return tuple(
        one.jitted.experimental_get_compiler_ir(*of)(stage=stage)
        for one, of in ((forward, (*ahead, states, ())), (backward, back))
    )


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before"])
def test_directions_and_lengths_share_what_is_compiled(name):
    ways = ((1, STEPS), (-1, STEPS), (1, 5), (-1, 5))
    programs = {programs_of(name, "hlo", direction=direction, length=length) for direction, length in ways}
    assert len(programs) == 1


@pytest.mark.parametrize("name", ["lstm", "gru", "mut3", "lstm_full_gate"])
def test_no_step_copies_what_many_steps_have_written(name):
    """XLA copies a whole buffer where a step writes to it behind a read, silently; each holds three steps or more."""
    rows = 7  # a number that nothing else has
    for program in programs_of(name, "optimized_hlo", rows=rows):
        steps = [part for part in program.split("\n\n") if "while_body" in part.split("(")[0] and " while(" not in part]
        assert steps
        for part in steps:
            copied = re.findall(rf"= f64\[(\d+),{rows},\d+\]\S* copy\(", part)
            assert not [size for size in copied if int(size) > 2], part
            assert "dynamic-update-slice" in part


def test_gates_that_are_read_at_once_lie_in_one_piece():
    """A GRU whose first two gates are found by one tanh is the GRU."""

    def joined(op, x, state, vectors):
        z, r, n = op.product(state[0])
        z, r = op.gates(("sigmoid", "sigmoid"), x[:2], (z, r))
        return (z * state[0] + (1 - z) * op.tanh(x[2] + r * n),)

    cell, rng = Cell(joined, gates=3, products=(3,)), np.random.default_rng(9)
    assert [plan_of(each).joined for each in (cell, CELLS["gru"].cell, CELLS["lstm"].cell)] == [(2, 1), (1, 1, 1), (4,)]
    x, weights = tf.constant(rng.normal(size=(3, STEPS, 3))), weights_for("gru", rng)
    compare(*([scan(each, x, **weights)[0]] for each in (cell, CELLS["gru"].cell)))


def test_bfloat16_follows_float32():
    rng = np.random.default_rng(6)
    layer = layers.LSTM(8, return_sequences=True, dtype="mixed_bfloat16")
    x = rng.normal(size=(8, 40, 6)).astype("float32")
    layer.build(x.shape)
    _, weights = weights_of(layer)
    low = scan(CELLS["lstm"].cell, tf.cast(x, tf.bfloat16), **weights)[0]
    high = scan(CELLS["lstm"].cell, tf.constant(x), **weights)[0]
    assert low.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(low, tf.float32), high, atol=0.03)
