"""Recurrent matrices in blocks: the equations of the whole matrix, in models of every kind, at a part of the work."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.settings import Attention, Embedding, Stack
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.input_feeding import Attentive
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.cells import CELLS, GateCell, Recurrent, make_layer, weights_of
from seqkit.recurrence.heads import kernel_gradient, whole_product
from seqkit.recurrence.loops import Setting, loops_of
from seqkit.recurrence.stateful import stateful
from seqkit.testing.cells import check_cell
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.many_to_many import many_to_many
from tests.recurrence.test_cells import reference


@pytest.mark.parametrize(("cell", "heads"), [("lstm", 3), ("gru_reset_before", 2)])
def test_heads_are_a_whole_matrix_with_zeros_between_them(cell, heads):
    check_cell(cell, reference(cell), units=6, heads=heads)


@pytest.mark.parametrize(("width", "blocks"), [(1, 4), (3, 2)])
def test_products_and_their_gradients_are_those_of_whole_matrices(width, blocks, rng):
    """The gradients of sum(upstream * (left @ whole)), of a left side of several states too."""
    heads, units = 3, 6
    left, upstream = rng.normal(size=(5, width * units)), rng.normal(size=(5, blocks * units))
    parts = rng.normal(size=(heads, width * 2, blocks * 2))
    rows, columns = (np.arange(n * units).reshape(n, heads, 2).swapaxes(0, 1) for n in (width, blocks))
    places = [np.ix_(r.ravel(), c.ravel()) for r, c in zip(rows, columns, strict=True)]
    whole = np.zeros((width * units, blocks * units))
    for place, part in zip(places, parts, strict=True):
        whole[place] = part
    np.testing.assert_allclose(whole_product(left, tf.constant(parts), blocks), left @ whole, atol=1e-12)
    np.testing.assert_allclose(
        whole_product(upstream, tf.linalg.matrix_transpose(tf.constant(parts)), width), upstream @ whole.T, atol=1e-12
    )
    found = kernel_gradient(left, upstream, tf.constant(parts), blocks)
    np.testing.assert_allclose(found, [(left.T @ upstream)[place] for place in places], atol=1e-12)


def test_check_catches_heads_that_stand_elsewhere(monkeypatch):
    monkeypatch.setattr("seqkit.testing.cells._whole", lambda kernel, units: np.concatenate([*kernel] * 2, axis=1))
    with pytest.raises(AssertionError, match="the Keras layer"):
        check_cell("simple_rnn", lambda x, states, **w: [np.tanh(x @ w["kernel"] + w["bias"])], heads=2)


def test_a_head_has_its_own_orthogonal_matrices_and_a_part_of_the_weights():
    layer = Recurrent(6, "lstm", heads=2, recurrent_initializer=keras.initializers.Orthogonal(seed=3))
    layer.build((None, None, 4))
    (kernel,) = layer.cell.recurrent
    assert kernel.shape == (2, 3, 4 * 3)
    blocks = kernel.numpy().reshape(2, 3, 4, 3).swapaxes(1, 2).reshape(-1, 3, 3)
    np.testing.assert_allclose(blocks @ blocks.swapaxes(1, 2), np.tile(np.eye(3), (8, 1, 1)), atol=1e-5)
    assert len(np.unique(blocks.round(4), axis=0)) == 8
    assert type(make_layer("lstm", 6, 1)) is keras.layers.LSTM  # Keras's own, as ever


def test_products_of_the_compiled_loops_are_a_part_of_the_work():
    """Counted in the compiled program of the step: multiplications in products of the state."""

    def work(heads):
        layer = Recurrent(64, "lstm", heads=heads)
        layer.build((None, None, 1))
        cell, weights = weights_of(layer)
        given = [tf.convert_to_tensor(w) for w in (weights["kernel"], weights["bias"], *weights["recurrent"])]
        setting = Setting(cell, (False,), False, True, False, True, (tf.float32, *(tuple(w.shape) for w in given)))
        forward, _ = loops_of(setting)
        state = tf.zeros((4, 64))
        program = forward.jitted.experimental_get_compiler_ir(
            tf.constant(1), tf.zeros((4, 32, 1)), (), given, [state, state], ()
        )(stage="hlo")
        found = re.findall(r"= f32\[([\d,]+)\]\S* dot\(.*?f32\[([\d,]+)\].*?contracting_dims=\{(\d)\}", program)
        sizes = [
            (np.prod([int(n) for n in said.split(",")]), int(left.split(",")[int(axis)])) for said, left, axis in found
        ]
        return sum(said * inner for said, inner in sizes if inner > 1)

    assert work(1) == 4 * work(4) > 0


@pytest.fixture(scope="module")
def tagger():
    keras.utils.set_random_seed(1)
    inputs = embed_tokens(10, Embedding(units=3))
    return many_to_many(*inputs, outputs=4, stack=Stack(cell="gru", units=(6,), heads=2))


def test_a_model_streams_as_it_reads_and_survives_a_file(tagger, tmp_path):
    ids = np.array([[1, 2, 3, 4, 5, 6], [6, 5, 0, 0, 0, 0]])
    whole = np.asarray(tagger(ids))
    np.testing.assert_allclose(np.asarray(accelerate(tagger)(ids))[ids > 0], whole[ids > 0], atol=1e-6)
    for size in (4, 1):
        copy, pieces = stateful(tagger, steps=1 if size == 1 else None), []
        states = [np.zeros((2, tensor.shape[1]), "float32") for tensor in copy.inputs[1:]]
        for start in range(0, 6, size):
            said, *states = map(np.asarray, copy([ids[:, start : start + size], *states]))
            pieces.append(said)
        np.testing.assert_allclose(np.concatenate(pieces, 1)[ids > 0], whole[ids > 0], atol=1e-6)
    tagger.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(ids), whole)


def test_a_file_of_before_there_were_heads_opens():
    for layer, config in (
        (GateCell, GateCell(4, "lstm").get_config()),
        (Recurrent, Recurrent(4, "mut1").get_config()),
        (Attentive, Attentive(4, "gru", "additive").get_config()),
    ):
        assert config.pop("heads") == 1
        assert layer.from_config(config).get_config()["heads"] == 1


def test_a_decoder_that_is_fed_what_it_attended_to_has_heads():
    """Beside dense products: of what was attended to, and of what is looked for."""
    before, features, _ = embed_tokens(9, Embedding(units=3), name="before", reversible=False)
    encoder, decoder = Stack(cell="gru", units=(4,)), Stack(cell="lstm", units=(6, 6), heads=3)
    attention = Attention("additive", feeding=True)
    source, target = tf.constant([[1, 2, 3], [4, 5, 0]]), tf.constant([[1, 2, 3, 4], [5, 6, 7, 8]])
    model = encoder_decoder(
        embed_tokens(9, Embedding(units=3)),
        (before, features),
        outputs=9,
        encoder=encoder,
        decoder=decoder,
        attention=attention,
    )
    shapes = [tuple(weight.shape) for weight in model.weights if "recurrent_kernel_0" in weight.name]
    assert shapes == [(3, 2, 8)] * 2
    handed = [tf.constant(one.numpy()) for one in model.get_layer("encoder")([source])]
    whole, *_ = model.get_layer("decoder")([target, *handed])
    fixed, *states = handed[:3], *handed[3:]
    for t in range(4):
        said, _, *states = model.get_layer("decoder")([target[:, t : t + 1], *fixed, *states])
        np.testing.assert_allclose(said[:, 0], whole[:, t], atol=1e-6)


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].cell.linear or not CELLS[name].cell.products])
def test_cells_without_a_product_in_their_step_refuse_heads(cell):
    with pytest.raises(InputError, match=f"A {cell} has no product in its step .* leave heads at 1"):
        make_layer(cell, 4, heads=2)


def test_units_that_do_not_come_out_even_are_refused():
    with pytest.raises(
        InputError, match=r"stack.heads is 4 with stack.units \(8, 6\), but 6 units don't come out even"
    ):
        Stack(units=(8, 6), heads=4)
    with pytest.raises(InputError, match="6 units can't be cut into 4 heads"):
        Recurrent(6, "gru", heads=4)
    for made, said in (
        (lambda: make_layer("lstm", 4, heads=0), "heads is 0"),
        (lambda: Recurrent(0, "gru"), "units is 0"),
    ):
        with pytest.raises(InputError, match=said):
            made()
    with pytest.raises(InputError, match=r"stack.heads is 0"):
        Stack(heads=0)
