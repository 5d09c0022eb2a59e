"""Words as vectors of their characters."""

from collections.abc import Mapping
from typing import Any, Literal

import keras
import tensorflow as tf
from keras import ops

from seqkit.layers.contextual import NAMES, RealText
from seqkit.layers.time_distributed import unfold_steps

PADDING = 0
EMBEDDING = 32  # units of a character
KERNEL = 3  # characters
Composition = Literal["cnn", "rnn"]
CHARACTERS = "characters"  # name of the input, and of layers:
TABLE, FILTERS, WORD = "character_embedding", "character_filters", "word"


def character_input(width: int) -> keras.KerasTensor:
    """A second input of a model that reads words: so many characters of each, int32 (batch, steps, width), 0 for padding."""
    return keras.Input((None, width), dtype="int32", name=CHARACTERS)


def compose_characters(
    ids: keras.KerasTensor, characters: int, composition: Composition, units: int
) -> keras.KerasTensor:
    """What becomes of the characters of words.

    Args:
        ids: From `character_input`.
        characters: Size of the alphabet.
        composition: "cnn" takes the greatest answer of each of `units` filters over three characters (dos Santos and
            Zadrozny 2014); "rnn" the last states of an LSTM both ways (Ling et al. 2015), `units` altogether.
    Returns:
        float (batch, steps, units).
    """
    table = keras.layers.Embedding(characters, EMBEDDING, name=TABLE)
    if composition == "cnn":
        filters = keras.layers.Conv2D(units, (1, KERNEL), padding="same", activation="relu", name=FILTERS)
        real = ops.cast(ops.expand_dims(ops.not_equal(ids, PADDING), -1), keras.config.floatx())
        vectors = table(ids)  # (batch, steps, width, EMBEDDING)
        real = ops.cast(real, vectors.dtype)
        return ops.max(filters(vectors * real) * real, axis=2)
    # One call for the words of all rows and steps; what it answers is gathered back into rows, a place for each word.
    word = keras.Input((ids.shape[2],), dtype="int32")
    lstm = keras.layers.LSTM(units // 2)
    both = keras.layers.Bidirectional(lstm, name="character_lstm")(table(word), mask=ops.not_equal(word, PADDING))
    spelling = keras.Model(word, both, name="spelling")
    flat = spelling(ops.reshape(ids, (-1, ids.shape[2])))  # (batch * steps, units)
    return unfold_steps(flat, ids[:, :, 0])


def beside_words(features: keras.KerasTensor, *others: keras.KerasTensor) -> keras.KerasTensor:
    """What is known of each word: (batch, steps, units) of its embedding, and of its characters, side by side."""
    return keras.layers.Concatenate(name=WORD)([features, *others])


def without_padding(model: keras.Model) -> keras.Model:
    """A model with the variables of this one whose filters over characters, and language models that read them, pass over
    padding; itself where it has none.

    Args:
        model: functional, with what `compose_characters` and `contextual_vectors` give `beside_words`; the original is the
            one to save.
    """
    layers = {layer.name: layer for layer in model.layers}
    convolution = _convolution(layers)
    if not convolution and not layers.keys() & set(NAMES.values()):
        return model

    def replace(operation: Any) -> Any:
        if operation.name in NAMES.values():
            return RealText(operation, name=operation.name, dtype=operation.dtype_policy)
        if convolution and operation is layers[FILTERS]:
            return RealCharacters(layers[TABLE], operation, name="real_characters", dtype=operation.dtype_policy)
        return First() if id(operation) in convolution else operation  # so that the ids themselves reach it

    return keras.models.clone_model(model, clone_function=replace)


def _convolution(layers: Mapping[str, Any]) -> set[int]:
    """What stands around the filters over characters, as ids of Python."""
    if not {TABLE, FILTERS, WORD} <= layers.keys():
        return set()
    greatest = layers[WORD].input[1]._keras_history.operation
    without_ids = greatest.input._keras_history.operation, layers[FILTERS].input._keras_history.operation
    return {id(operation) for operation in (greatest, *without_ids, layers[TABLE])}


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
