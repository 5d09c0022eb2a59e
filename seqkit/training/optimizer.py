"""Keras's optimizers with their schedules, and clipping."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from seqkit.core.settings import Training

LEAST = 1 / 32  # of the learning rate, at a slanted schedule's end


class Slanted(keras.optimizers.schedules.LearningRateSchedule):
    """Up along a line over the first steps, and down along another over the rest (Howard and Ruder 2018).

    Args:
        highest: Learning rate, in between.
        rise: Steps up, from `LEAST` of it.
        steps: In all; down to `LEAST`.
    """

    def __init__(self, highest: float, rise: int, steps: int):
        self.highest, self.rise, self.steps = highest, max(min(rise, steps - 1), 0), steps

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32")
        up = step / self.rise if self.rise else keras.ops.ones_like(step)
        down = 1 - (step - self.rise) / max(self.steps - self.rise, 1)
        share = keras.ops.clip(keras.ops.minimum(up, down), 0.0, 1.0)
        return self.highest * (LEAST + (1 - LEAST) * share)

    def get_config(self) -> dict[str, Any]:
        return {"highest": self.highest, "rise": self.rise, "steps": self.steps}


def make_optimizer(training: Training, *, steps: int) -> keras.optimizers.Optimizer:
    """Keras's optimizer of that name with the schedule of `training` over `steps` steps; it doesn't clip."""
    rate: Any = training.learning_rate
    if training.schedule == "slanted":
        rate = Slanted(training.learning_rate, training.warmup_steps or steps // 10, steps)
    elif training.schedule == "cosine" or training.warmup_steps:
        warm = min(training.warmup_steps, steps - 1)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warm else training.learning_rate,
            decay_steps=max(steps - warm, 1),
            alpha=0.0 if training.schedule == "cosine" else 1.0,
            warmup_target=training.learning_rate if warm else None,
            warmup_steps=warm,
        )
    makers = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    decay = {} if training.weight_decay is None else {"weight_decay": training.weight_decay}
    return makers[training.optimizer](learning_rate=rate, **decay)


def clip(gradients: Sequence[tf.Tensor], training: Training) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """Clip dense gradients as `training` says.

    Returns:
        The clipped gradients; their true global norm before; whether anything was clipped.
    """
    norm = tf.linalg.global_norm(gradients)
    if training.global_clipnorm:
        clipped = norm > training.global_clipnorm
        factor = tf.where(clipped, training.global_clipnorm / norm, 1.0)
        return [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients], norm, clipped
    if training.clipnorm:
        clipped = tf.reduce_any([tf.norm(gradient) > training.clipnorm for gradient in gradients])
        return [tf.clip_by_norm(gradient, training.clipnorm) for gradient in gradients], norm, clipped
    if training.clipvalue:
        bound = training.clipvalue
        clipped = tf.reduce_any([tf.reduce_max(tf.abs(gradient)) > bound for gradient in gradients])
        return [tf.clip_by_value(gradient, -bound, bound) for gradient in gradients], norm, clipped
    return list(gradients), norm, tf.constant(False)
