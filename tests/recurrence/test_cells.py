"""Cells against NumPy from their equations; the layer, and accelerate against Keras."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from seqkit.core.cell_names import Cell as CellName
from seqkit.core.errors import InputError
from seqkit.core.registry import cells
from seqkit.core.settings import Stack
from seqkit.layers.stack import recurrent_stack
from seqkit.recurrence.acceleration import Scanned, accelerate
from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import CELLS, GateCell, Recurrence, Recurrent, make_layer, register
from seqkit.recurrence.step import Cell
from seqkit.testing.cells import check_cell
from tests import oracle

UNITS = 4
ROOT = Path(__file__).parents[2]


def named(gates, products, names, kernel, bias, recurrent, vectors):
    """The oracle's weights from a layer's: W and b by gate, products as (names, letter), vectors by name."""
    w = {"gates": gates}
    for gate, matrix, one in zip(gates, *(np.split(v, len(gates), axis=-1) for v in (kernel, bias)), strict=True):
        w |= {f"W{gate}": matrix, f"b{gate}": one}
    for (blocks, letter), matrix in zip(products, recurrent, strict=True):
        w |= {f"{letter}{g}": block for g, block in zip(blocks, np.split(matrix, len(blocks), axis=1), strict=True)}
    return w | dict(zip(names, vectors, strict=True))


def variant(gates, vectors, **without):
    def step(w):
        return lambda x, h, c: oracle.lstm(x, h, c, w, peephole=True, **without)

    return gates, [(gates, "R")], [f"p{v}" for v in vectors], step


def linear(x):
    return x


EQUATIONS = {
    "mut1": ("zrx", [("r", "R"), ("h", "R")], ["bh"], lambda w: lambda x, h: oracle.mut1(x, h, w)),
    "mut2": ("zxh", [("zr", "R"), ("h", "R")], [], lambda w: lambda x, h: oracle.mut2(x, h, w | {"br": w["bx"]})),
    "mut3": ("zrh", [("z", "R"), ("r", "R"), ("h", "R")], [], lambda w: lambda x, h: oracle.mut3(x, h, w)),
    "gru_reset_before": ("zrh", [("zr", "R"), ("h", "R")], [], lambda w: lambda x, h: oracle.gru(x, h, w, False)),
    "gru": ("zrh", [("zrh", "R")], [], lambda w: lambda x, h: oracle.gru(x, h, w | {"rb": 0}, True)),
    "lstm": ("ifzo", [("ifzo", "R")], [], lambda w: lambda x, h, c: oracle.lstm(x, h, c, w)),
    "simple_rnn": (
        "h",
        [("h", "R")],
        [],
        lambda w: lambda x, h: oracle.simple_rnn(x, h, {"W": w["Wh"], "R": w["Rh"], "b": w["bh"]}),
    ),
    "echo_state": (
        "h",
        [("h", "R")],
        ["a"],
        lambda w: lambda x, h: oracle.echo_state(x, h, {"W": w["Wh"], "R": w["Rh"], "b": w["bh"], "a": w["a"]}),
    ),
    "lstm_peephole": variant("zifo", "ifo"),
    "lstm_no_input_gate": variant("zfo", "fo", i=1),
    "lstm_no_forget_gate": variant("zio", "io", f=1),
    "lstm_no_output_gate": variant("zif", "if", o=1),
    "lstm_no_input_activation": variant("zifo", "ifo", g=linear),
    "lstm_no_output_activation": variant("zifo", "ifo", h_act=linear),
    "lstm_coupled": variant("zio", "io", coupled=True),
    "lstm_full_gate": (
        "zifo",
        [("zifo", "R"), ("ifo", "G")],
        ["pi", "pf", "po"],
        lambda w: lambda x, *states: oracle.lstm_full_gate(x, *states, w),
    ),
    "mingru": ("zh", [], [], lambda w: lambda x, h: oracle.mingru(x, h, w)),
    "minlstm": ("fih", [], [], lambda w: lambda x, h: oracle.minlstm(x, h, w)),
    "sru": ("cfrx", [], ["vf", "vr"], lambda w: lambda x, h, c: oracle.sru(x, c, w)),
    "qrnn": (
        ["z", "f", "o", "z_", "f_", "o_"],
        [],
        [],
        lambda w: lambda x, h, c, *lags: oracle.qrnn(x, c, lags, w | {f"V{gate}": w[f"W{gate}_"] for gate in "zfo"}),
    ),
    "rg_lru": ("rix", [], ["l"], lambda w: lambda x, h: oracle.rg_lru(x, h, w)),
    "indrnn": ("h", [], ["u"], lambda w: lambda x, h: oracle.indrnn(x, h, w)),
    "lru": (
        "rid",
        [("r", "C"), ("i", "C")],
        ["nu", "th", "gam"],
        lambda w: lambda x, y, re, im: complex_lru(x, re, im, w),
    ),
    "cfc": (
        "fgabd",
        [("fgab", "R")],
        [],
        lambda w: (
            lambda x, h: oracle.cfc(x[:, :-1], x[:, -1:], h, w | {f"W{gate}": w[f"W{gate}"][:-1] for gate in "fgab"})
        ),
    ),
}


def complex_lru(x, re, im, w):
    y, s = oracle.lru(x, re + 1j * im, w | {"C": w["Cr"] - 1j * w["Ci"]})  # the second product is -Im C
    return y, s.real, s.imag


def reference(name):
    """The oracle's equations in the form that `check_cell` asks for."""
    gates, products, vectors, step = EQUATIONS[name]

    def one(x, states, kernel, bias, recurrent, **more):
        w = named(gates, products, vectors, kernel, bias, recurrent, more["vectors"])
        new = step(w)(x, *states)
        return new if isinstance(new, tuple) else (new,)

    return one


@pytest.mark.parametrize("name", sorted(CELLS))
def test_cell_keeps_the_contract(name):
    check_cell(name, reference(name), units=UNITS)


@pytest.mark.parametrize("name", sorted(name for name, recurrence in CELLS.items() if recurrence.plain))
def test_cell_keeps_the_contract_where_inputs_go_in_as_they_are(name):
    check_cell(name, reference(name), units=UNITS, features=UNITS)


OPTIMISED = """
from seqkit.testing.cells import check_cell
from tests.recurrence.test_cells import reference
for name in ("lstm_full_gate", "lru"):
    check_cell(name, reference(name))
"""


def test_cells_keep_the_contract_where_loops_are_optimised():
    """As everybody's are who isn't these tests (conftest): a cell of many products, and one that is linear in its state."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    command = [sys.executable, "-c", OPTIMISED]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_plain_inputs_go_in_as_they_are():
    for name, recurrence in CELLS.items():
        layer = Recurrent(UNITS, name)
        layer.build((None, None, UNITS))
        blocks = np.split(layer.cell.scan_weights()["kernel"], recurrence.cell.gates, axis=1)
        for gate in recurrence.plain:
            np.testing.assert_array_equal(blocks[gate], np.eye(UNITS))


def test_cell_check_catches_other_equations():
    def other(x, states, **weights):
        return [0.9 * state for state in reference("gru")(x, states, **weights)]

    with pytest.raises(AssertionError, match="the Keras layer"):
        check_cell("gru", other)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (lambda scan: lambda *a, mask=None, **k: scan(*a, mask=None if mask is None else ~mask, **k), "mask"),
        (lambda scan: lambda *a, reverse=False, **k: scan(*a, **k), "revers"),
        (lambda scan: lambda *a, initial_state=None, **k: scan(*a, **k), "the scan"),
        (lambda scan: lambda cell, x, **k: scan(cell, tf.stop_gradient(x), **k), "the gradient"),
    ],
)
def test_cell_check_catches_a_wrong_scan(fault, complaint, monkeypatch):
    monkeypatch.setattr("seqkit.testing.cells.scan", fault(scan))
    with pytest.raises(AssertionError, match=complaint):
        check_cell("gru", reference("gru"))


def test_first_bias_and_irnn():
    layer = Recurrent(UNITS, "lstm", recurrent_initializer="identity")
    layer.build((None, None, 3))
    np.testing.assert_array_equal(layer.cell.bias, np.repeat([0, 1, 0, 0], UNITS))
    np.testing.assert_array_equal(layer.cell.recurrent[0], np.tile(np.eye(UNITS), 4))


def test_each_gate_starts_with_an_orthogonal_matrix_of_its_own():
    layer = Recurrent(UNITS, "lstm_full_gate", recurrent_initializer=keras.initializers.Orthogonal(seed=3))
    layer.build((None, None, 3))
    blocks = [b for w in layer.cell.recurrent for b in w.numpy().reshape(-1, UNITS, w.shape[1] // UNITS, UNITS)]
    blocks = np.concatenate([b.swapaxes(0, 1) for b in blocks])
    np.testing.assert_allclose(blocks @ blocks.swapaxes(1, 2), np.tile(np.eye(UNITS), (len(blocks), 1, 1)), atol=1e-5)
    assert len(np.unique(blocks.round(4), axis=0)) == len(blocks) == 4 + 3 * 3


def test_a_new_cell_is_a_dozen_lines(monkeypatch):
    def mgu(op, x, state, vectors):
        (h,) = state
        f = op.sigmoid(x[0] + op.product(h, 0)[0])
        return ((1 - f) * h + f * op.tanh(x[1] + op.product(f * h, 1)[0]),)

    monkeypatch.setitem(CELLS, "mgu", Recurrence(Cell(mgu, gates=2, products=(1, 1))))
    model = keras.Sequential([keras.Input((9, 3)), Recurrent(UNITS, "mgu")])
    x = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    np.testing.assert_allclose(accelerate(model)(x), model(x), atol=1e-6)


def test_unknown_cell_is_named():
    with pytest.raises(ValueError, match="No cell is named 'lstn'"):
        GateCell(3, "lstn")


def stack(first, second):
    x, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    y = layers.Bidirectional(first(6, return_sequences=True))(x, mask=mask)
    y = layers.Bidirectional(second(UNITS))(y, mask=mask)  # another width: their loops are different ones
    return keras.Model([x, mask], layers.Dense(2)(y))


@pytest.mark.parametrize(("first", "second"), [(layers.LSTM, layers.GRU), (layers.SimpleRNN, layers.LSTM)])
def test_accelerated_model_has_the_gradients_and_the_variables_of_its_original(first, second):
    model = stack(first, second)
    fast = accelerate(model)
    assert [id(v) for v in fast.trainable_variables] == [id(v) for v in model.trainable_variables]
    assert sum(isinstance(layer, Scanned) for layer in fast.layers) == 2
    rng = np.random.default_rng(0)
    x, mask = tf.constant(rng.normal(size=(9, 21, 3)), tf.float32), np.arange(21) < rng.integers(0, 22, (9, 1))

    @tf.function
    def gradients(x, mask):
        found = []
        for each in (fast, model):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(each([x, mask], training=True) ** 2)
            found.append(tape.gradient(loss, model.trainable_variables))
        return found

    for ours, theirs in zip(*gradients(x, tf.constant(mask)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, when it saves
def test_implicit_mask_dropout_and_saving(tmp_path):
    model = keras.Sequential(
        [keras.Input((None,)), layers.Embedding(9, 3, mask_zero=True), layers.LSTM(UNITS, dropout=0.5, seed=1)]
    )
    fast = accelerate(model)
    ids = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0]])
    np.testing.assert_allclose(fast(ids), model(ids), atol=1e-6)
    assert np.abs(fast(ids, training=True) - fast(ids)).max() > 1e-3
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(ids), model(ids))
    own = keras.Sequential([keras.Input((None, 3)), Recurrent(UNITS, "mut1")])
    own.save(tmp_path / "own.keras")
    x = np.ones((2, 5, 3), "float32")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "own.keras")(x), own(x))


@pytest.mark.parametrize("option", [{"recurrent_dropout": 0.1}, {"activation": "relu"}, {"activity_regularizer": "l2"}])
def test_what_the_scan_does_not_compute_stays_keras(option):
    model = keras.Sequential([keras.Input((5, 3)), layers.LSTM(UNITS, **option)])
    assert accelerate(model).layers[0] is model.layers[0]


def test_unbuilt_model_is_refused():
    with pytest.raises(ValueError, match="no functional or sequential model that is built"):
        accelerate(keras.Sequential([layers.LSTM(3)]))


def linear_cell(op, x, state, vectors):
    (h,) = state
    return (x[0] + op.product(h)[0],)


def threshold_cell(op, x, state, vectors):
    (h,) = state
    return (tf.cast(x[0] + op.product(h)[0] > 0, x[0].dtype),)


def hand_set(step, x, kernel, recurrent, bias):
    arrays = [tf.constant(np.asarray(v, "float64")) for v in (x, kernel, bias, recurrent)]
    return scan(Cell(step, gates=1, products=(1,)), *arrays[:3], [arrays[3]])[0].numpy()


def test_hand_set_networks_sum_compare_and_parity():
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, size=(3, 40, 2))
    sums = hand_set(linear_cell, x, np.eye(2), np.eye(2), np.zeros(2))
    np.testing.assert_array_equal(sums, np.cumsum(x, axis=1))
    difference = hand_set(linear_cell, x, [[1], [-1]], [[1]], [0])  # which running sum is the greater: its sign
    np.testing.assert_array_equal(difference[..., 0] > 0, np.cumsum(x[..., 0], 1) > np.cumsum(x[..., 1], 1))
    # parity: units "x or state", "x and state" need two thresholds a bit, so each bit is followed by a blank step
    bits = rng.integers(0, 2, size=(3, 33))
    np.testing.assert_array_equal(parity(bits), np.cumsum(bits, axis=1) % 2)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(parity(bits), np.cumsum(bits, axis=1) % 3)


def parity(bits):
    """Units (or, and) at the even steps from the bit and the state; or - and is the parity, kept at the odd step."""
    batch, length = bits.shape
    x = np.zeros((batch, 2 * length, 2))
    x[:, 0::2, 0] = bits
    x[:, 1::2, 1] = 1  # the clock
    # units: or, and, parity. Even step: or = x + p > 0.5, and = x + p > 1.5. Odd step: p = or - and > 0.5.
    kernel = [[1, 1, 0], [-9, -9, 9]]
    recurrent = [[0, 0, 1], [0, 0, -1], [1, 1, 0]]
    y = hand_set(threshold_cell, x, kernel, recurrent, [-0.5, -1.5, -9.5])
    return y[:, 1::2, 2]


def test_a_cell_of_ones_own_goes_into_a_stack():
    def halving(op, x, state, vectors):
        return (op.tanh(x[0] + op.product(state[0])[0]) * 0.5,)

    with pytest.raises(InputError, match="halving"):
        Stack(cell="halving")
    register("halving", Recurrence(Cell(halving, gates=1, products=(1,))))
    try:
        features, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
        outputs = recurrent_stack(features, mask, Stack(cell="halving", units=(4,)))
        model = keras.Model([features, mask], outputs)
        answer = model([np.full((2, 5, 3), 9.0, "float32"), np.ones((2, 5), bool)])
        assert 0.1 < np.abs(answer).max() <= 0.5
        with pytest.raises(ValueError, match="there already"):
            register("halving", CELLS["gru"])
    finally:
        cells.discard("halving")


def test_settings_name_every_cell():
    assert set(get_args(CellName)) == set(CELLS) - {"echo_state"}  # which doesn't learn


@pytest.mark.parametrize("cell", [name for name, recurrence in CELLS.items() if recurrence.cell.products])
def test_identity_is_an_initialisation_of_every_cell(cell):
    layer = make_layer(cell, 3, recurrent_initializer="identity")
    layer.build((None, None, 3))
    recurrent = np.asarray(next(w for w in layer.weights if "recurrent_kernel" in w.name))
    np.testing.assert_array_equal(recurrent[:3, :3], np.eye(3))
