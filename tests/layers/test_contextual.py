"""Vectors of words from language models that read the sentence: against these models, asked for each word by itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.settings import Embedding, Stack
from seqkit.layers.characters import beside_words, character_input, compose_characters, without_padding
from seqkit.layers.contextual import contextual_vectors, reader_of
from seqkit.layers.embedding import embed_tokens
from seqkit.tasks.language_model import build_language_model
from seqkit.text.vocabulary import BEGIN, END

SYMBOLS, BLANK, WIDTH = 9, 5, 6
LETTERS = [one for one in range(4, SYMBOLS) if one != BLANK]


def language_model(cell, tied):
    units = 4 if tied else 3
    stack = Stack(cell=cell, units=(3, units), dropout=0.5)
    return build_language_model(SYMBOLS, Embedding(units=units, dropout=0.5), stack, one_hot=False, tied=tied)


def sentences(rng):
    """Words, as lists of ids, of sentences of all kinds: without words, with a step that has no characters."""
    lengths = ([], [4], [1, 0, 2], [0, 4, 1])
    return [[rng.choice(LETTERS, length).tolist() for length in row] for row in lengths]


def as_input(rows):
    """int32, (batch, steps, WIDTH): each word that has characters between its marks."""
    steps = max(map(len, rows)) + 1
    ids = np.zeros((len(rows), steps, WIDTH), np.int32)
    for row, words in enumerate(rows):
        for step, word in enumerate(words):
            if word:
                ids[row, step, : len(word) + 2] = [BEGIN, *word, END]
    return ids


def asked_by_itself(reader, rows, backward):
    """The state when so much of the text was read, which is all that the model is given."""
    answers = []
    for words in rows:
        told = []
        for step in range(len(words)):
            if backward:
                read = words[step] + [one for word in words[step + 1 :] if word for one in (BLANK, *word)]
            else:
                read = [one for word in words[: step + 1] if word for one in (BLANK, *word)]
            text = [BEGIN, *(reversed(read) if backward else read)]
            told.append(np.asarray(reader(np.array([text], np.int32)))[0, -1])
        answers.append(told)
    return answers


@pytest.mark.parametrize(("cell", "backward", "tied"), [("lstm", False, True), ("gru", True, False)])
def test_a_word_s_vector_is_the_state_of_what_was_read_up_to_it(cell, backward, tied, rng):
    reader, rows = reader_of(language_model(cell, tied)), sentences(rng)
    letters = character_input(WIDTH)
    vectors = contextual_vectors(letters, reader, blank=BLANK, backward=backward)
    model = keras.Model(letters, vectors)
    for own in (model, without_padding(model)):
        got = np.asarray(own(as_input(rows), training=True))  # nothing is dropped
        for row, told in enumerate(asked_by_itself(reader, rows, backward)):
            for step, expected in enumerate(told):
                np.testing.assert_allclose(got[row, step], expected, atol=1e-6)
    assert [layer.name for layer in without_padding(model).layers] == [layer.name for layer in model.layers]


def test_a_tagger_learns_and_its_language_models_stay_as_they_are(rng):
    """With all that words are made of, by the graph that training runs and by the one that is saved."""
    ids, features, mask = embed_tokens(9, Embedding(units=4))
    letters = character_input(WIDTH)
    reads = [
        contextual_vectors(letters, reader_of(language_model("lstm", False)), blank=BLANK, backward=backward)
        for backward in (False, True)
    ]
    word = beside_words(features, compose_characters(letters, SYMBOLS, "cnn", 3), *reads)
    hidden = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True))(word, mask=mask)
    plain = keras.Model([ids, letters], keras.layers.Dense(2)(hidden))
    given = [rng.integers(1, 9, (4, 4)), as_input(sentences(rng))]
    assert not any("contextual" in variable.path for variable in plain.trainable_variables)

    def gradients(model):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(given)))
        return tape.gradient(loss, [variable.value for variable in plain.trainable_variables])

    for ours, theirs in zip(gradients(without_padding(plain)), gradients(plain), strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(ours), tf.convert_to_tensor(theirs), atol=1e-5)
