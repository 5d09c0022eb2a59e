"""Many to one: a sequence in, one answer out."""

import keras

from seqkit.layers.pooling import pool
from seqkit.layers.stack import recurrent_stack
from seqkit.settings import Pooling, Stack


def many_to_one(
    inputs: keras.KerasTensor,
    features: keras.KerasTensor,
    mask: keras.KerasTensor,
    *,
    outputs: int,
    stack: Stack,
    pooling: Pooling = "last",
) -> keras.Model:
    """A model that summarises a sequence and scores `outputs` classes.

    Args:
        inputs: The model's input, from which the next two were made.
        features: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding.
    Returns:
        A model from `inputs` to logits, float32 (batch, outputs).
    """
    sequence = recurrent_stack(features, mask, stack)  # (batch, steps, width)
    summary = pool(sequence, mask, pooling, stack)  # (batch, width)
    logits = keras.layers.Dense(outputs, dtype="float32", name="logits")(summary)
    return keras.Model(inputs, logits, name="many_to_one")
