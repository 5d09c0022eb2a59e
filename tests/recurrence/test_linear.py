"""Cells without a recurrent product: long rows, padding, where they start, and what none of them has."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.settings import Stack
from seqkit.layers.stack import recurrent_stack
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import CELLS, Recurrent, make_layer, weights_of
from seqkit.recurrence.linear import linear_loops_of
from seqkit.recurrence.loops import Setting
from seqkit.recurrence.stateful import stateful
from tests import oracle

LIGHT = [name for name, recurrence in CELLS.items() if recurrence.cell.linear or not recurrence.cell.products]
LINEAR = [name for name, recurrence in CELLS.items() if recurrence.cell.linear]
UNITS, LONG = 3, 4000


def built(name, dtype="float32", features=UNITS):
    keras.utils.set_random_seed(1)
    layer = Recurrent(UNITS, name, return_sequences=True, dtype=dtype)
    layer.build((None, None, features))
    return layer


def scanned(layer, x, **options):
    cell, weights = weights_of(layer)
    return scan(cell, tf.constant(x, layer.compute_dtype), **weights, **options)


def plain(layer, x):
    """Step by step, by the layer's own cell."""
    states = [tf.zeros((len(x), UNITS), layer.compute_dtype)] * CELLS[layer.cell.kind].cell.states
    said = []
    for t in range(x.shape[1]):
        output, states = layer.cell(tf.constant(x[:, t], layer.compute_dtype), states)
        said.append(output)
    return np.stack(said, axis=1)


def test_the_light_cells_are_these():
    assert set(LIGHT) == {"mingru", "minlstm", "sru", "qrnn", "rg_lru", "indrnn", "lru"}
    assert set(LIGHT) - set(LINEAR) == {"sru", "indrnn"}  # whose states are in a gate, and in a rectifier


@pytest.mark.parametrize("name", ["mingru", "rg_lru", "lru"])
def test_long_rows_stay_in_range(name):
    """In float32 beside float64: with gates that all but close, and open, for thousands of steps, and with a gradient."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, LONG, UNITS)) * np.where(np.arange(LONG) % 1000 < 500, 1, 60)[:, None]
    single, double = built(name), built(name, "float64")
    double.set_weights(single.get_weights())
    outputs, gradients = [], []
    for layer in (single, double):
        with tf.GradientTape() as tape:
            said, _ = scanned(layer, x)
            loss = tf.reduce_mean(said**2)
        outputs.append(said.numpy())
        gradients.append([np.asarray(one) for one in tape.gradient(loss, [v.value for v in layer.trainable_variables])])
    size = np.abs(outputs[1]).max()
    assert np.isfinite(size)
    np.testing.assert_allclose(outputs[0] / size, outputs[1] / size, atol=2e-5)
    for ours, exact in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, exact, atol=2e-3 * np.abs(exact).max())


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(LINEAR),
    mask=st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=2, max_size=2),
    reverse=st.booleans(),
    zero_output=st.booleans(),
    seed=st.integers(0, 99),
)
def test_masked_steps_might_as_well_not_be_there(name, mask, reverse, zero_output, seed):
    """Each row's real steps alone give its outputs and states; at the others there is the output before, or zero."""
    layer, real, rng = built(name, "float64"), np.array(mask), np.random.default_rng(seed)
    x, states = rng.normal(size=(2, 9, UNITS)), [rng.normal(size=(2, UNITS)) for _ in range(CELLS[name].cell.states)]
    options = {"initial_state": states, "reverse": reverse, "zero_output_for_mask": zero_output}
    outputs, final = scanned(layer, x, mask=tf.constant(real), **options)
    for row in range(2):
        here = [state[row : row + 1] for state in states]
        for t in reversed(range(9)) if reverse else range(9):
            if real[row, t]:
                said, here = layer.cell(tf.constant(x[row : row + 1, t]), [tf.constant(state) for state in here])
                np.testing.assert_allclose(outputs[row, t], said[0], atol=1e-10)
            else:
                seen = real[row, t:].any() if reverse else real[row, :t].any()
                wanted = here[0][0] if seen and not zero_output else np.zeros(UNITS)
                np.testing.assert_allclose(outputs[row, t], wanted, atol=1e-10)
        for ours, wanted in zip(final, here, strict=True):
            np.testing.assert_allclose(ours[row], wanted[0], atol=1e-10)


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_a_candidate_at_0_has_a_slope(name):
    """It has two, of which the one from below is taken; rows of zeros would teach no bias without one."""
    layer, x = built(name, "float64"), np.zeros((2, 3, UNITS))
    kernel, bias = layer.get_weights()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x))
    (gradient,) = tape.gradient(total, [layer.trainable_variables[1]])
    for place in range(len(bias) - UNITS, len(bias)):
        layer.set_weights([kernel, bias - 1e-6 * (np.arange(len(bias)) == place)])
        assert float(gradient[place]) == pytest.approx(float(total - tf.reduce_sum(layer(x))) / 1e-6, rel=1e-4)


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_gates_that_all_but_close_follow_their_equations(name):
    """Where both gates of a minLSTM are too small for a float, their share isn't; expected numbers by longdouble."""
    layer = built(name, features=1)
    names = {"mingru": "zh", "minlstm": "fih"}[name]
    layer.set_weights(
        [
            np.repeat([{"z": 60.0, "f": 400.0, "i": 398.0, "h": 1.0}[n] for n in names], UNITS)[None],
            np.zeros(len(names) * UNITS),
        ]
    )
    x = np.array([[-1.0], [0.5], [-0.5], [1.0]])[None]
    w = {
        f"W{n}": np.asarray(v, np.longdouble)
        for n, v in zip(names, np.split(layer.get_weights()[0], len(names), 1), strict=True)
    }
    step = getattr(oracle, name)
    wanted, _ = oracle.run(
        lambda x, h: step(x, h, w | {f"b{n}": np.longdouble(0) for n in names}),
        x.astype(np.longdouble),
        (np.zeros((1, UNITS), np.longdouble),),
    )
    np.testing.assert_allclose(scanned(layer, x)[0], wanted.astype(float), atol=1e-6)


def test_a_pass_over_a_long_row_needs_memory_and_turns_in_proportion():
    """Counted in the compiled program: what it has to keep at once, at twice the length."""
    layer, needs = built("mingru"), []
    cell, weights = weights_of(layer)
    for steps in (1000, 2000):
        given = [weights["kernel"], weights["bias"]]
        setting = Setting(cell, (), False, True, False, True, (tf.float32, *(tuple(w.shape) for w in given)))
        forward, _ = linear_loops_of(setting)
        program = forward.jitted.experimental_get_compiler_ir(
            tf.constant(1), tf.zeros((2, steps, UNITS)), (), given, [tf.zeros((2, UNITS))], ()
        )(stage="optimized_hlo")
        needs.append(
            sum(np.prod([int(n) for n in dims.split(",")]) for dims in re.findall(r"= f32\[([\d,]+)\]", program))
        )
    assert needs[1] / needs[0] < 2.1


def test_a_stack_of_each_streams_as_it_reads_and_survives_a_file(tmp_path):
    """Step by step, in two windows and whole, with both kinds of loop: one model, saved and opened."""
    rng = np.random.default_rng(3)
    features, mask = keras.Input((None, UNITS), name="frames"), keras.Input((None,), dtype="bool", name="mask")
    said = features
    for name in LIGHT:
        said = said + recurrent_stack(said, mask, Stack(cell=name, units=(UNITS,)))
    model = keras.Model([features, mask], said)
    x, real = rng.normal(size=(2, 8, UNITS)).astype("float32"), np.arange(8) < np.array([[8], [5]])
    whole = np.asarray(accelerate(model)([x, real]))
    scale = np.abs(whole).max()
    np.testing.assert_allclose(np.asarray(model([x, real])) / scale, whole / scale, atol=1e-5)
    for size in (4, 1):
        copy, pieces = stateful(model, steps=1 if size == 1 else None), []
        states = [np.zeros((2, UNITS), "float32") for _ in copy.inputs[2:]]
        for start in range(0, 8, size):
            said, *states = map(np.asarray, copy([x[:, start : start + size], real[:, start : start + size], *states]))
            pieces.append(said)
        np.testing.assert_allclose((np.concatenate(pieces, 1) / scale)[real], (whole / scale)[real], atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again([x, real]), model([x, real]))


def test_they_start_as_their_papers_say_and_each_unit_by_itself():
    draws = np.random.default_rng(0).uniform(size=(3, 5000))
    size = np.exp(-np.exp(CELLS["lru"].start(draws)))[0]
    assert 0.9 <= size.min() < 0.91
    assert 0.998 < size.max() <= 0.999
    np.testing.assert_allclose(np.exp(2 * CELLS["lru"].start(draws)[2]) + size**2, 1)
    kept = (1 / (1 + np.exp(CELLS["rg_lru"].start(draws[:1])))) ** 8
    assert np.abs(np.sort(kept[0] ** 2) - np.linspace(0.81, 0.999**2, 5000)).max() < 0.01
    first, second = built("indrnn"), built("indrnn")
    np.testing.assert_array_equal(first.cell.vectors[0], second.cell.vectors[0])  # of one seed
    assert len(np.unique(first.cell.vectors[0])) == UNITS


def test_an_indrnn_keeps_its_bound():
    layer = built("indrnn")
    keras.optimizers.SGD(1.0).apply([tf.fill((UNITS,), value) for value in (-5.0,)], [layer.cell.vectors[0]])
    np.testing.assert_array_equal(layer.cell.vectors[0], np.ones(UNITS))


@pytest.mark.parametrize("both", [False, True])
def test_settings_of_recurrent_weights_are_refused_where_there_are_none(both):
    layer = make_layer("mingru", UNITS, return_sequences=True)
    layer = keras.layers.Bidirectional(layer) if both else layer
    model = keras.Sequential([keras.Input((None, UNITS)), layer])
    for changed in (accelerate,) if both else (accelerate, stateful):
        with pytest.raises(InputError, match=r"mingru, has no recurrent weights .*weight_drop at 0"):
            changed(model, change=lambda kernel, name: kernel)
    with pytest.raises(InputError, match="mingru has no recurrent weights"):
        make_layer("mingru", UNITS, recurrent_initializer="identity")
    make_layer("lru", UNITS, recurrent_initializer="identity")
