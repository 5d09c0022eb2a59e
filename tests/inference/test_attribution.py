"""Which words moved a score: where the answer is known, and where it has to add up."""

import keras
import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.inference.attribution import Integrated, integrated_gradients, left_out
from seqkit.layers.embedding import embed_tokens, tied_head
from seqkit.text.vocabulary import END
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one

TOKENS, UNITS = 12, 3
IDS = np.array([[5, 9, 5, 4, END]], np.int32)
WORDS = np.array([True, True, True, True, False])


def first_class(outputs, row):
    return outputs[:, 0]


def summing(spread=1.0):
    """A model that adds up the vectors of a row's words, and weighs the sum."""
    ids, features, _ = embed_tokens(TOKENS, Embedding(units=UNITS), spread=spread)
    return keras.Model(ids, keras.layers.Dense(2, name="logits")(keras.ops.sum(features, axis=1)))


def recurrent(rng, pooling="last"):
    """With weights that take the gates into their curves."""
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=UNITS), spread=1.0)
    stack = Stack(units=(4,), bidirectional=True)
    model = many_to_one(ids, features, mask, outputs=2, stack=stack, pooling=pooling)
    model.set_weights([rng.normal(size=weights.shape) for weights in model.get_weights()])
    return model


def test_of_a_linear_model_a_word_adds_its_weights_times_its_vector():
    model = summing()
    table, (kernel, _) = model.get_layer("embedding").get_weights()[0], model.get_layer("logits").get_weights()
    found = integrated_gradients(model, {"ids": IDS}, first_class, WORDS)
    np.testing.assert_allclose(found.values, [*(table[IDS[0, :4]] @ kernel[:, 0]), 0.0], atol=1e-6)
    assert found.complete
    assert found.points == 16


@pytest.mark.parametrize("pooling", ["last", "max", "attention"])
def test_what_the_words_add_is_the_distance_from_words_that_are_zeros(pooling, rng):
    model = recurrent(rng, pooling)
    found = integrated_gradients(model, {"ids": IDS}, first_class, WORDS)
    table = model.get_layer("embedding")
    known = table.get_weights()
    zeros = known[0].copy()
    zeros[np.unique(IDS[0, :4])] = 0  # words alone: the end stays what it is
    own = model(IDS)[0, 0]
    table.set_weights([zeros])
    bare = model(IDS)[0, 0]
    assert found.score == pytest.approx(float(own), abs=1e-5)
    assert found.baseline == pytest.approx(float(bare), abs=1e-5)
    assert found.values.sum() == pytest.approx(float(own - bare), abs=found.tolerance)
    assert found.complete
    assert found.tolerance == pytest.approx(max(0.01 * abs(own - bare), 1e-3), rel=1e-3)


def test_points_are_doubled_until_it_adds_up_and_it_is_said_where_it_does_not(rng):
    model = recurrent(rng, "max")
    model.get_layer("embedding").set_weights([10 * rng.normal(size=(TOKENS, UNITS))])
    rough = integrated_gradients(model, {"ids": IDS}, first_class, WORDS, tolerance=1e-9, least=1e-9, most=64)
    assert rough.points == 64
    assert not rough.complete
    assert rough.error > rough.tolerance
    finer = integrated_gradients(
        model, {"ids": IDS}, first_class, WORDS, tolerance=1e-9, least=2 * rough.error, most=64
    )
    assert finer.complete
    assert not Integrated(np.ones(2), 0.0, 1.9, 16, 0.01).complete


def test_a_table_that_is_the_output_too_still_scores(rng):
    """A tied language model: the vectors that are moved are what is read, not what scores."""
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=4), reversible=True)
    head = tied_head(ids, features)
    model = many_to_many(ids, features, mask, outputs=TOKENS, stack=Stack(units=(4,)), head=head)
    found = integrated_gradients(model, {"ids": IDS}, lambda outputs, row: outputs[:, 3, 7], WORDS)
    assert found.complete
    assert np.any(found.values)
    assert found.score == pytest.approx(float(model(IDS)[0, 3, 7]), abs=1e-5)


def test_without_a_word_is_the_shorter_row(rng):
    model = recurrent(rng)
    logits, shares = left_out(model, {"ids": IDS}, ["ids"], [0, 3], lambda outputs, row: (outputs, 2 * outputs))
    for found, place in zip(logits, (0, 3), strict=True):
        np.testing.assert_allclose(found, model(np.delete(IDS, place, axis=1))[0], atol=1e-5)
    np.testing.assert_allclose(shares, 2 * logits)


def test_a_model_that_reads_no_words_has_none_that_moved_it():
    frames = keras.Input((None, 2), name="frames")
    model = keras.Model(frames, keras.layers.Dense(2)(frames[:, 0]))
    with pytest.raises(InputError, match="reads no words"):
        integrated_gradients(model, {"frames": np.zeros((1, 3, 2))}, first_class, WORDS)
