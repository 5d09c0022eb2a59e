"""Words as states of character language models, which read the whole sentence (Akbik, Blythe and Vollgraf 2018)."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqkit.recurrence.acceleration import accelerate

PADDING, BEGIN, END = 0, 2, 3  # as every vocabulary has them
NAMES = {False: "contextual_forward", True: "contextual_backward"}  # by whether the end is read first
READER, TEXT = "reader", "text"  # models within
ROUNDED = 64  # characters of a text: few widths, since each is compiled


def reader_of(model: keras.Model) -> keras.Model:
    """A language model without its output: ids, int32 (batch, steps), to what scores the next, (batch, steps, units).

    It has the layers of the model, but for its dropouts: these would go on in the training of another one.
    """
    operation, node, _ = model.output._keras_history
    whole = keras.Model(model.inputs[0], operation._inbound_nodes[node].input_tensors[0], name=READER)

    def replace(layer: Any) -> Any:
        dropout = isinstance(layer, keras.layers.Dropout)
        return keras.layers.Activation("linear", name=layer.name, dtype=layer.dtype_policy) if dropout else layer

    return keras.models.clone_model(whole, clone_function=replace)


def contextual_vectors(
    characters: keras.KerasTensor, reader: keras.Model, *, blank: int, backward: bool
) -> keras.KerasTensor:
    """What a language model has in mind when it has read a word, and all that stands before it.

    Args:
        characters: int32 (batch, steps, width), each word between the ids of a beginning and of an end, 0 for padding.
        reader: of the same ids, from `reader_of`. Its weights stay as they are.
        blank: The id of the blank, which stands before each word.
        backward: Whether it reads texts from their end: the state is then the one at a word's first character.
    Returns:
        float (batch, steps, units). A step without characters has the state of what was read before.
    """
    width = characters.shape[2]
    ids = keras.Input((None, width), dtype="int32")
    begun, read = _text(width, blank, backward)(ids)
    states = reader(begun)  # (batch, 1 + places, units)
    flat = ops.reshape(states, (-1, states.shape[2]))
    plain = keras.Model(ids, ops.take(flat, _starts(begun) + read, axis=0), name=NAMES[backward])
    plain.trainable = False
    return plain(characters)


def _text(width: int, blank: int, backward: bool) -> keras.Model:
    """Words to the text that they make, and where its reading has come to.

    The mark of a word's beginning becomes a blank, that of its end padding; padding comes last.

    Returns:
        A model from int32 (batch, steps, width) to int32 (batch, 1 + steps * width), a beginning and the characters in the
        order in which they are read, and int32 (batch, steps), how many of them are when a word's vector is taken.
    """
    ids = keras.Input((None, width), dtype="int32")
    letters = ops.where(ops.equal(ids, BEGIN), blank, ops.where(ops.equal(ids, END), PADDING, ids))
    text = keras.layers.Reshape((-1,), name="in_a_row")(letters)
    if backward:
        text = ops.flip(text, axis=1)
    real = ops.cast(ops.not_equal(text, PADDING), "int32")
    places = ops.cumsum(ops.ones_like(text), axis=1)
    order = ops.argsort(places + (1 - real) * places[:, -1:], axis=1)  # the real ones first
    compact = ops.take(ops.reshape(text, (-1,)), _starts(text) + order, axis=0)
    read = ops.cumsum(real, axis=1)
    by_word = keras.layers.Reshape((-1, width), name="by_word")(ops.flip(read, axis=1) if backward else read)
    begun = ops.pad(compact, ((0, 0), (1, 0)), constant_values=BEGIN)
    return keras.Model(ids, [begun, by_word[:, :, 1 if backward else width - 1]], name=TEXT)


def _starts(rows: keras.KerasTensor) -> keras.KerasTensor:
    """Where each row begins, when they lie one after the other: (batch, places) to int32 (batch, 1).

    Keras 3.15 takes the second term of a sum for a bias, one for each column, where it is (n, 1) and the first is (n, n): so
    this one comes first.
    """
    ones = ops.ones_like(rows)
    return (ops.cumsum(ones[:, :1], axis=0) - 1) * ops.sum(ones, axis=1, keepdims=True)


class RealText(keras.layers.Layer):
    """Calls like the model of `contextual_vectors` that it holds; its reader gets few places more than there are characters.

    Words are as wide as the longest one, so that most of what the plain graph reads is padding.
    """

    def __init__(self, plain: keras.Model, **kwargs: Any):
        super().__init__(**kwargs)
        self.text, self.reader = plain.get_layer(TEXT), accelerate(plain.get_layer(READER))
        self.trainable, self.built = False, True

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:2], self.reader.output.shape[2])

    def call(self, ids: tf.Tensor, training: bool = False, mask: None = None) -> tf.Tensor:  # as models are called
        """int32, (batch, steps, width) -> (batch, steps, units)."""
        begun, read = self.text(ids)
        longest = tf.reduce_max(read)
        longest += tf.math.floormod(-longest, ROUNDED)
        states = self.reader(begun[:, : longest + 1])
        return tf.gather(states, read, batch_dims=1)
