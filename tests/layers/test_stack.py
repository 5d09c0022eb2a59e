"""Layers and topologies against NumPy written from their definitions."""

import dataclasses

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.pooling import pool, summarise
from seqkit.layers.stack import real_steps, recurrent_stack
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one


def pooled(sequence, mask, pooling, stack):
    """The layer's answer, and its model."""
    features, real = keras.Input((None, sequence.shape[-1])), keras.Input((None,), dtype="bool")
    model = keras.Model([features, real], pool(features, real, pooling, stack))
    return np.asarray(model([sequence, mask])), model


@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4), bidirectional=st.booleans())
def test_pooling_goes_over_the_real_steps(lengths, bidirectional):
    rng = np.random.default_rng(0)
    sequence = rng.normal(size=(len(lengths), 5, 4)).astype("float32")
    mask = np.arange(5) < np.array(lengths)[:, None]
    stack = Stack(units=(2,) if bidirectional else (4,), bidirectional=bidirectional)
    expected = {"mean": [], "max": [], "last": []}
    for row, length in zip(sequence, lengths, strict=True):
        real = row[:length] if length else np.zeros((1, 4))
        expected["mean"].append(real.mean(axis=0))
        expected["max"].append(real.max(axis=0))
        expected["last"].append(np.concatenate([real[-1, :2], real[0, 2:]]) if bidirectional else real[-1])
    for pooling, rows in expected.items():
        np.testing.assert_allclose(pooled(sequence, mask, pooling, stack)[0], rows, atol=1e-6)


def test_attention_weighs_steps_as_its_equation_says(rng):
    sequence, stack = rng.normal(size=(2, 4, 3)).astype("float32"), Stack(units=(3,))
    mask = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)
    got, model = pooled(sequence, mask, "attention", stack)
    kernel, bias, score = model.get_weights()
    logits = (np.tanh(sequence[0, :3] @ kernel + bias) @ score)[:, 0]
    weights = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(got, [weights @ sequence[0, :3], np.zeros(3)], atol=1e-6)


def test_an_unknown_pooling_is_refused(rng):
    with pytest.raises(InputError, match="pooling is 'avrage': choose one of last, mean, max, attention"):
        pooled(rng.normal(size=(1, 2, 3)), np.ones((1, 2), bool), "avrage", Stack(units=(3,)))


def training_over_inference(summary_of):
    """How large summaries of many draws are, on the average, against those without dropout."""
    features, mask = keras.Input((None, 1)), keras.Input((None,), dtype="bool")
    model = keras.Model([features, mask], summary_of(features, mask, Stack(units=(8,), dropout=0.5)))
    inputs = [np.ones((3000, 12, 1), np.float32), np.ones((3000, 12), bool)]
    return np.abs(np.mean(model(inputs, training=True), axis=0)).sum() / np.abs(np.mean(model(inputs), axis=0)).sum()


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_dropout_leaves_the_expected_summary_as_it_is(pooling):
    share = training_over_inference(lambda features, mask, stack: summarise(features, mask, stack, pooling)[2])
    assert share == pytest.approx(1, abs=0.1)


def test_the_expectation_catches_the_highest_of_steps_dropped_one_by_one():
    def highest(features, mask, stack):
        return pool(recurrent_stack(features, mask, stack), mask, "max", stack)

    assert training_over_inference(highest) > 1.3


@pytest.mark.parametrize("units", [(4,), (3, 4), (5, 3, 4)])
def test_residual_adds_what_went_in_from_a_layer_on(units, rng):
    """A layer more whose weights are zero adds nothing to the output of those before; without a residual it says nothing."""
    features, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    whole = Stack(units=(*units, 4), residual=True, residual_from=len(units) + 1)
    few = keras.Model([features, mask], recurrent_stack(features, mask, Stack(units=units)))
    inputs, said = [rng.normal(size=(2, 5, 3)), np.ones((2, 5), bool)], []
    for stack in (whole, dataclasses.replace(whole, residual=False)):
        more = keras.Model([features, mask], recurrent_stack(features, mask, stack))
        kept = few.get_weights()
        more.set_weights([*kept, *(np.zeros_like(weight) for weight in more.get_weights()[len(kept) :])])
        said.append(np.asarray(more(inputs)))
    np.testing.assert_allclose(said[0], few(inputs), atol=1e-6)
    assert not said[1].any()


def test_every_layer_begins_as_the_stack_says():
    features, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    stack = Stack(cell="simple_rnn", units=(4, 5), recurrent_initializer="identity")
    model = keras.Model([features, mask], recurrent_stack(features, mask, stack))
    for _, recurrent, _ in (layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.RNN)):
        np.testing.assert_array_equal(recurrent, np.eye(len(recurrent)))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_pyramid_reads_pairs(bidirectional, rng):
    """Chan et al. 2016, (5), row by row without padding; what has no neighbour stands beside zeros."""
    features, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    stack = Stack(cell="gru", units=(4, 3, 2), bidirectional=bidirectional, pyramidal=True)
    model = keras.Model([features, mask], [recurrent_stack(features, mask, stack), real_steps(mask, stack)])
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional)]
    lengths, read = (9, 6, 1, 4), rng.normal(size=(4, 11, 3)).astype("float32")
    got, real = map(np.asarray, model([read, np.arange(11) < np.array(lengths)[:, None]]))
    assert got.shape == (4, 3, stack.width)
    assert real.sum(axis=1).tolist() == [3, 2, 1, 1]
    for row, length in enumerate(lengths):
        said = read[row : row + 1, :length]
        for number, layer in enumerate(layers):
            if number:
                said = np.concatenate([said, np.zeros_like(said[:, :1])], axis=1)[:, : (said.shape[1] + 1) // 2 * 2]
                said = said.reshape(1, said.shape[1] // 2, -1)
            said = np.asarray(layer(said))
        np.testing.assert_allclose(got[row, real[row]], said[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("embedding", "axis"), [(Embedding(units=50, word_dropout=0.5), 2), (Embedding(units=50, dropout=0.5), 1)]
)
def test_dropped_words_are_whole_and_dropped_components_are_dropped_at_every_step(embedding, axis):
    ids, features, _ = embed_tokens(9, embedding)
    kept = np.asarray(keras.Model(ids, features)(np.ones((4, 30)), training=True)) != 0
    share = kept.mean(axis=axis)
    assert set(np.unique(share)) <= {0.0, 1.0}
    assert 0.3 < share.mean() < 0.7


def test_layer_norm_stands_between_layers_only():
    model = many_to_one(*embed_tokens(9, Embedding(units=3)), outputs=2, stack=Stack(units=(4, 4, 4), layer_norm=True))
    assert [layer.name for layer in model.layers if "norm" in layer.name] == ["layer_norm_1", "layer_norm_2"]


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_stacks_of_any_depth_are_made_of_keras_layers_alone(cell, layers):
    stack = Stack(cell=cell, units=(4,) * layers, bidirectional=True, dropout=0.1)
    model = many_to_one(*embed_tokens(9, Embedding(units=3)), outputs=2, stack=stack, pooling="max")
    assert len([layer for layer in model.layers if isinstance(layer, keras.layers.Bidirectional)]) == layers
    assert not [layer for layer in model.layers if type(layer).__module__.startswith("seqkit")]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"cell": "lstn"}, "stack.cell is 'lstn': choose one of simple_rnn, lstm, gru"),
        ({"units": ()}, "stack.units is empty"),
        ({"units": (4, 0)}, "stack.units is 0"),
        ({"units": (4, 5), "residual": True}, "give every layer the same width, from number 1 on"),
        (
            {"units": (3, 4, 5), "residual": True, "residual_from": 3},
            "give every layer the same width, from number 2 on",
        ),
        ({"residual_from": 1}, "residual_from is 1: give a number of at least 2"),
        ({"pyramidal": True}, "with no layer after the first"),
        ({"units": (4, 4), "pyramidal": True, "residual": True}, "leave one of them off"),
        ({"dropout": 1.0}, "stack.dropout is 1.0: give a share"),
    ],
)
def test_wrong_stacks_get_one_sentence(settings, complaint):
    with pytest.raises(InputError, match=complaint):
        Stack(**settings)


def test_what_answers_at_every_step_keeps_its_steps():
    with pytest.raises(InputError, match=r"stack\.pyramidal is on, but there is an answer at every step"):
        many_to_many(*embed_tokens(9, Embedding(units=3)), outputs=2, stack=Stack(units=(4, 4), pyramidal=True))
