"""Words of characters, and dropped words, against NumPy written from their definitions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.settings import Embedding
from seqkit.layers.characters import EMBEDDING, beside_words, character_input, compose_characters, without_padding
from seqkit.layers.embedding import embed_tokens
from seqkit.recurrence.acceleration import accelerate
from tests import oracle

WIDTH, UNITS = 5, 6
WORDS = np.array(
    [[[2, 5, 6, 3, 0], [2, 7, 3, 0, 0], [0, 0, 0, 0, 0]], [[2, 4, 4, 8, 3], [2, 5, 6, 3, 0], [2, 3, 0, 0, 0]]]
)


def composed(composition, words):
    ids = character_input(WIDTH)
    features = compose_characters(ids, 9, composition, UNITS)
    model = keras.Model(ids, features)
    return np.asarray(model(words)), model


def test_filters_take_their_greatest_answer_to_three_characters():
    got, model = composed("cnn", WORDS)
    table, kernel, bias = model.get_weights()
    for word, answer in zip(WORDS.reshape(-1, WIDTH), got.reshape(-1, UNITS), strict=True):
        vectors = np.concatenate(
            [np.zeros((1, EMBEDDING)), table[word] * (word > 0)[:, None], np.zeros((1, EMBEDDING))]
        )
        filtered = [
            np.maximum(sum(vectors[place + k] @ kernel[0, k] for k in range(3)) + bias, 0)
            for place in range(int((word > 0).sum()))
        ]
        np.testing.assert_allclose(answer, np.max([np.zeros(UNITS), *filtered], axis=0), atol=1e-5)


def tagger(composition):
    """Words beside their characters, through a layer both ways, as a model and as one of its output and of the layer's."""
    ids, features, mask = embed_tokens(9, Embedding(units=4))
    letters = character_input(WIDTH)
    spelt = compose_characters(letters, 9, composition, UNITS)
    layer = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True))
    hidden = layer(beside_words(features, spelt), mask=mask)
    return [keras.Model([ids, letters], outputs) for outputs in (keras.layers.Dense(2)(hidden), [hidden, spelt])]


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("also", [lambda model: model, accelerate])
def test_without_padding_answers_and_gradients_are_the_same(empty, also, rng):
    lengths = rng.integers(0, WIDTH + 1, (4, 7, 1)) * (not empty)
    words = np.where(np.arange(WIDTH) < lengths, rng.integers(1, 9, (4, 7, WIDTH)), 0)
    given = [tf.constant(rng.integers(0, 9, (4, 7))), tf.constant(words)]

    def results(model):
        return tf.function(computed, autograph=False)(model)

    def computed(model):
        with tf.GradientTape() as tape:
            outputs = tf.nest.flatten(model(given))
            loss = tf.add_n([tf.reduce_sum(tf.sin(5.0 * output)) for output in outputs])
        weights = [variable.value for variable in own.trainable_variables]
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        return [*outputs, *map(tf.convert_to_tensor, gradients)]

    for own in tagger("cnn"):
        quick = also(without_padding(own))
        assert "real_characters" in [layer.name for layer in quick.layers]
        for ours, theirs in zip(results(quick), results(own), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
    for read_by_an_lstm in tagger("rnn"):
        assert without_padding(read_by_an_lstm) is read_by_an_lstm


def test_variables_stand_where_checkpoints_of_before_have_them():
    """Checkpoints know them by their order."""
    names = dict.fromkeys(variable.path.split("/")[0] for variable in tagger("cnn")[0].variables)
    assert list(names)[:3] == ["character_embedding", "character_filters", "embedding"]


def test_an_lstm_reads_each_word_both_ways():
    got, model = composed("rnn", WORDS)
    table, *weights = model.get_weights()
    for word, answer in zip(WORDS.reshape(-1, WIDTH), got.reshape(-1, UNITS), strict=True):
        letters = table[word[word > 0]]
        halves = []
        for (kernel, recurrent, bias), sequence in ((weights[:3], letters), (weights[3:], letters[::-1])):
            gates = {"gates": "zifo"}
            for place, gate in enumerate("ifzo"):
                columns = slice(place * UNITS // 2, (place + 1) * UNITS // 2)
                parts = {"W": kernel[:, columns], "R": recurrent[:, columns], "b": bias[columns]}
                gates |= {name + gate: part for name, part in parts.items()}
            h = c = np.zeros((1, UNITS // 2))
            for letter in sequence:
                h, c = oracle.lstm(letter[None], h, c, gates)
            halves.append(h[0])
        np.testing.assert_allclose(answer, np.concatenate(halves), atol=1e-5)


@pytest.mark.parametrize("composition", ["cnn", "rnn"])
def test_a_word_is_composed_alike_wherever_it_stands(composition):
    got, _ = composed(composition, WORDS)
    np.testing.assert_allclose(got[0, 0], got[1, 1], atol=1e-6)
    assert np.abs(got[0, 0] - got[0, 1]).max() > 1e-3
    assert not got[0, 2].any()


def test_a_dropped_word_is_the_unknown_one():
    ids, features, _ = embed_tokens(9, Embedding(units=4, word_dropout=0.5), unknown=1)
    model = keras.Model(ids, features)
    table = model.get_layer("embedding").get_weights()[0]
    given = np.full((20, 30), 7)
    got = np.asarray(model(given, training=True))
    unknown = np.isclose(got, table[1]).all(axis=-1)
    assert (unknown | np.isclose(got, table[7]).all(axis=-1)).all()
    assert 0.4 < unknown.mean() < 0.6
    np.testing.assert_allclose(model(given), table[given])
