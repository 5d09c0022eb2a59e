"""A moving average of each weight, with which a model is validated and kept, beside the weights that learn."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf


def make_averages(model: keras.Model) -> list[tf.Variable]:
    """One for each trainable weight, at its value."""
    return [tf.Variable(variable.value) for variable in model.trainable_variables]


def move_averages(
    averages: Sequence[tf.Variable], variables: Sequence[keras.Variable], ema: float, steps: tf.Tensor
) -> None:
    """Let them follow, a share of 1 - `ema` a step, or more in the first `steps`: no long memory of the first weights."""
    done = tf.cast(steps, tf.float32)
    momentum = tf.minimum(ema, (1.0 + done) / (10.0 + done))
    for average, variable in zip(averages, variables, strict=True):
        average.assign(momentum * average + (1.0 - momentum) * variable.value)


@contextlib.contextmanager
def averaged_weights(model: keras.Model, averages: Sequence[tf.Variable]) -> Iterator[None]:
    """Within the block the model has its averages for weights, where there are any; after it those that learn again."""
    if not averages:
        yield
        return
    learning = [variable.numpy() for variable in model.trainable_variables]
    for variable, average in zip(model.trainable_variables, averages, strict=True):
        variable.assign(average)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, learning, strict=True):
            variable.assign(value)
