"""Words as vectors of their characters."""

from typing import Any, Literal

import keras
import tensorflow as tf
from keras import ops

from seqkit.layers.time_distributed import unfold_steps

PADDING = 0
EMBEDDING = 32  # units of a character
KERNEL = 3  # characters
Composition = Literal["cnn", "rnn"]
CHARACTERS = "characters"  # name of the input, and of layers:
TABLE, FILTERS, WORD = "character_embedding", "character_filters", "word"


def compose_characters(
    characters: int, width: int, composition: Composition, units: int
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """A second input of a model that reads words: their characters, and what becomes of them.

    Args:
        characters: Size of the alphabet.
        width: Characters a word.
        composition: "cnn" takes the greatest answer of each of `units` filters over three characters (dos Santos and
            Zadrozny 2014); "rnn" the last states of an LSTM both ways (Ling et al. 2015), `units` altogether.
    Returns:
        characters, int32 (batch, steps, width), 0 for padding; features, float (batch, steps, units).
    """
    ids = keras.Input((None, width), dtype="int32", name=CHARACTERS)
    table = keras.layers.Embedding(characters, EMBEDDING, name=TABLE)
    if composition == "cnn":
        filters = keras.layers.Conv2D(units, (1, KERNEL), padding="same", activation="relu", name=FILTERS)
        real = ops.cast(ops.expand_dims(ops.not_equal(ids, PADDING), -1), keras.config.floatx())
        vectors = table(ids)  # (batch, steps, width, EMBEDDING)
        real = ops.cast(real, vectors.dtype)
        return ids, ops.max(filters(vectors * real) * real, axis=2)
    # One call for the words of all rows and steps; what it answers is gathered back into rows, a place for each word.
    word = keras.Input((width,), dtype="int32")
    lstm = keras.layers.LSTM(units // 2)
    both = keras.layers.Bidirectional(lstm, name="character_lstm")(table(word), mask=ops.not_equal(word, PADDING))
    spelling = keras.Model(word, both, name="spelling")
    flat = spelling(ops.reshape(ids, (-1, width)))  # (batch * steps, units)
    return ids, unfold_steps(flat, ids[:, :, 0])


def beside_words(features: keras.KerasTensor, spelt: keras.KerasTensor) -> keras.KerasTensor:
    """What is known of each word: (batch, steps, units) of its embedding and of its characters, side by side."""
    return keras.layers.Concatenate(name=WORD)([features, spelt])


def without_padding(model: keras.Model) -> keras.Model:
    """A model with the variables of this one whose filters over characters pass over padding; itself where it has none.

    Args:
        model: functional, with what `compose_characters` gives `beside_words`; the original is the one to save.
    """
    layers = {layer.name: layer for layer in model.layers}
    if not {TABLE, FILTERS, WORD} <= layers.keys():
        return model
    table, filters = layers[TABLE], layers[FILTERS]
    greatest = layers[WORD].input[1]._keras_history.operation
    without_ids = greatest.input._keras_history.operation, filters.input._keras_history.operation
    passed = {id(operation) for operation in (greatest, *without_ids, table)}

    def replace(operation: Any) -> Any:
        if operation is filters:
            return RealCharacters(table, filters, name="real_characters", dtype=filters.dtype_policy)
        return First() if id(operation) in passed else operation  # so that the ids themselves reach it

    return keras.models.clone_model(model, clone_function=replace)


class First(keras.layers.Layer):
    """Gives the first of what it is given."""

    def call(self, first: tf.Tensor, other: tf.Tensor | None = None) -> tf.Tensor:
        return first


class RealCharacters(keras.layers.Layer):
    """Calls like the "cnn" of `compose_characters`: of a word's characters the filters see those that are there.

    Words are as wide as the longest one that was learned from, so that most of what a convolution of all reads is padding.

    Args:
        table, filters: the layers that it computes.
    """

    def __init__(self, table: keras.layers.Embedding, filters: keras.layers.Conv2D, **kwargs: Any):
        super().__init__(**kwargs)
        self.table, self.filters = table, filters
        self.built = True

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:2], self.filters.filters)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """int32, (batch, steps, width) -> (batch, steps, units)."""
        table, filters = self.table, self.filters
        shape = tf.shape(ids)
        words, width = shape[0] * shape[1], shape[2]
        flat = tf.reshape(ids, [-1])
        at = tf.where(tf.not_equal(flat, PADDING))[:, 0]  # (real characters,)
        word, place = tf.cast(at, tf.int32) // width, tf.cast(at, tf.int32) % width
        vectors = table(tf.gather(flat, at))  # (real characters, EMBEDDING)
        # each one's neighbours of the same word; the places of a word's characters are 0, 1, ... without a gap
        follows = tf.cast((place > 0)[:, None], vectors.dtype)
        before = tf.roll(vectors, 1, axis=0) * follows
        after = tf.roll(vectors * follows, -1, axis=0)
        kernel = tf.cast(tf.reshape(filters.kernel, [KERNEL * EMBEDDING, -1]), vectors.dtype)
        answers = tf.nn.relu(tf.concat([before, vectors, after], 1) @ kernel + tf.cast(filters.bias, vectors.dtype))
        greatest = tf.math.unsorted_segment_max(answers, word, words)  # far below 0 where a word has no character
        return tf.reshape(tf.maximum(greatest, 0), tf.concat([shape[:2], tf.shape(filters.bias)], 0))
