"""Steps folded into the batch, for layers that treat each step by itself, and unfolded again."""

import keras
from keras import ops


def unfold_steps(vectors: keras.KerasTensor, like: keras.KerasTensor) -> keras.KerasTensor:
    """What was computed for each step by itself, in rows again.

    Each vector is gathered by its place: a reshape would have to know the number of steps.

    Args:
        vectors: (batch * steps, features), row after row.
        like: of any type, (batch, steps), for its shape.
    Returns:
        (batch, steps, features).
    """
    ones = ops.ones_like(like, dtype="int32")  # (batch, steps)
    row, step = ops.cumsum(ones, axis=0) - 1, ops.cumsum(ones, axis=1) - 1
    return ops.take(vectors, row * ops.sum(ones, axis=1, keepdims=True) + step, axis=0)
