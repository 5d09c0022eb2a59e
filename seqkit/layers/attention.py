"""Attention of a sequence over the places of a memory, all steps at once."""

import keras
from keras import ops

from seqkit.core.settings import Attention


def attention_keys(memory: keras.KerasTensor, attention: Attention, units: int) -> keras.KerasTensor:
    """What the places are known by: W_m m, computed once for all steps.

    Args:
        memory: float, (batch, places, features).
        units: The decoder's width.
    Returns:
        float, (batch, places, units), or `attention.units` wide where the kind is additive.
    """
    width = (attention.units or units) if attention.kind == "additive" else units
    return keras.layers.Dense(width, use_bias=False, name="keys")(memory)


def attend(
    query: keras.KerasTensor,
    memory: keras.KerasTensor,
    keys: keras.KerasTensor,
    real: keras.KerasTensor,
    attention: Attention,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Look at the places of a memory.

    Args:
        query: float, (batch, steps, units), the decoder's states.
        memory: float, (batch, places, features).
        keys: From `attention_keys`.
        real: bool, (batch, places), False on padding; a row without a real place gets weights that mean nothing.
    Returns:
        context, float (batch, steps, features); weights, float (batch, steps, places), which add up to 1 over the places.
    """
    if attention.kind == "additive":
        asked = keras.layers.Dense(keys.shape[-1], name="attention_query")(query)
        hidden = ops.tanh(ops.expand_dims(asked, 2) + ops.expand_dims(keys, 1))  # (batch, steps, places, units)
        scores = keras.layers.Dense(1, use_bias=False, name="attention_score")(hidden)[..., 0]
    else:
        scores = ops.matmul(query, ops.transpose(keys, (0, 2, 1)))  # (batch, steps, places)
    scores = ops.where(ops.expand_dims(real, 1), scores, -1e4)  # finite in every float type
    weights = ops.softmax(scores, axis=-1)
    return ops.matmul(weights, memory), weights
