"""Words as vectors of their characters."""

from typing import Literal

import keras
from keras import ops

from seqkit.layers.time_distributed import unfold_steps

PADDING = 0
EMBEDDING = 32  # units of a character
KERNEL = 3  # characters
Composition = Literal["cnn", "rnn"]


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
    ids = keras.Input((None, width), dtype="int32", name="characters")
    table = keras.layers.Embedding(characters, EMBEDDING, name="character_embedding")
    if composition == "cnn":
        filters = keras.layers.Conv2D(units, (1, KERNEL), padding="same", activation="relu", name="character_filters")
        real = ops.cast(ops.expand_dims(ops.not_equal(ids, PADDING), -1), keras.config.floatx())
        vectors = table(ids)  # (batch, steps, width, EMBEDDING)
        real = ops.cast(real, vectors.dtype)
        return ids, ops.max(filters(vectors * real) * real, axis=2)
    # One call for the words of all rows and steps; what it answers is gathered back into rows, a place for each word.
    word = keras.Input((width,), dtype="int32")
    lstm = keras.layers.LSTM(units // 2)
    both = keras.layers.Bidirectional(lstm, name="character_lstm")(table(word), mask=ops.not_equal(word, PADDING))
    spelling = keras.Model(word, both, name="spelling")
    words = spelling(ops.reshape(ids, (-1, width)))  # (batch * steps, units)
    return ids, unfold_steps(words, ids[:, :, 0])
