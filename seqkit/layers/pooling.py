"""A padded sequence as one vector."""

import dataclasses

import keras
from keras import ops

from seqkit.core.bounds import one_of
from seqkit.core.settings import Pooling, Stack
from seqkit.layers.stack import real_steps, recurrent_stack


def summarise(
    features: keras.KerasTensor, mask: keras.KerasTensor, stack: Stack, pooling: str
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Run the stack over padded sequences, and pool what it says.

    With "max" pooling the stack's dropouts are locked: of components dropped at some steps only, the highest is nearly
    always one that was kept, and scaled up, so that summaries would be larger in training than ever after.

    Args:
        features: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding.
        pooling: As in `pool`.
    Returns:
        The stack's output, float (batch, steps of it, width); which of its steps are real, bool (batch, steps of it); their
        summary, float (batch, width).
    Raises:
        InputError: As in `pool`.
    """
    if pooling == "max":
        stack = dataclasses.replace(stack, locked=True)
    sequence, real = recurrent_stack(features, mask, stack), real_steps(mask, stack)
    return sequence, real, pool(sequence, real, pooling, stack)


def pool(sequence: keras.KerasTensor, mask: keras.KerasTensor, pooling: str, stack: Stack) -> keras.KerasTensor:
    """Summarise each row's real steps.

    Args:
        sequence: float, (batch, steps, width), the output of `stack`.
        mask: bool, (batch, steps), False on padding; a row without a real step gives zeros.
        pooling: "last" takes the final state of each direction; "mean" and "max" go over the real steps; "attention"
            weighs them by softmax(v . tanh(W h)) (Yang et al. 2016).
    Returns:
        float, (batch, width).
    Raises:
        InputError: `pooling` is none of these.
    """
    one_of("pooling", pooling, Pooling)
    real = ops.expand_dims(mask, -1)  # (batch, steps, 1)
    ones = ops.cast(real, sequence.dtype)
    if pooling == "mean":
        return ops.sum(sequence * ones, axis=1) / ops.maximum(ops.sum(ones, axis=1), 1.0)
    if pooling == "max":
        highest = ops.max(ops.where(real, sequence, -1e4), axis=1)  # finite in every float type
        return ops.where(ops.any(real, axis=1), highest, 0.0)
    if pooling == "attention":
        hidden = keras.layers.Dense(stack.width, activation="tanh", name="attention_hidden")(sequence)
        scores = keras.layers.Dense(1, use_bias=False, name="attention_score")(hidden)  # (batch, steps, 1)
        weights = ops.softmax(ops.where(real, scores, -1e4), axis=1) * ones
        return ops.sum(weights * sequence, axis=1)
    # last: the forward half at the last real step, the backward half at the first; one-hot products gather both
    steps = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    at_last = ops.cast(ops.logical_and(mask, ops.equal(steps, ops.max(steps, axis=1, keepdims=True))), sequence.dtype)
    forward = ops.sum(sequence * ops.expand_dims(at_last, -1), axis=1)
    if not stack.bidirectional:
        return forward
    at_first = ops.cast(ops.logical_and(mask, ops.equal(steps, 1)), sequence.dtype)
    backward = ops.sum(sequence * ops.expand_dims(at_first, -1), axis=1)
    units = stack.units[-1]
    return ops.concatenate([forward[:, :units], backward[:, units:]], axis=-1)
