"""Two things that only the training of a model that writes knows: its own symbols before the next, and where it looked."""

import keras
import tensorflow as tf

from seqkit.batches.rows import WHOLE, Part
from seqkit.core.errors import InputError
from seqkit.core.settings import Training


def with_attention(model: keras.Model) -> keras.Model:
    """The model with one more output: the attention weights, float (batch, steps, places).

    Raises:
        InputError: It doesn't hold an encoder and a decoder.
    """
    names = {layer.name for layer in model.layers}
    if not {"encoder", "decoder"} <= names:
        raise InputError(
            "training.attention_penalty is for models that encode and decode, such as translation's: leave it at 0."
        )
    inputs = model.inputs[:-1]
    handed = tf.nest.flatten(model.get_layer("encoder")(inputs if len(inputs) > 1 else inputs[0]))
    logits, weights, *_ = model.get_layer("decoder")([model.inputs[-1], *handed])
    return keras.Model(model.inputs, [logits, weights], name=model.name)


def doubly_stochastic_penalty(looked: tf.Tensor, weights: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """sum over places of (1 - attention in all steps)^2, the mean over rows (Xu et al. 2015, (14)).

    Args:
        looked: float, (batch, steps, places), 0 on padded places, which don't count.
        weights: float, (batch, steps), 0 on padding.
        rows: By how many the sum is divided: those of the whole batch, where this is a part of it.
    """
    total = tf.reduce_sum(tf.cast(looked, tf.float32) * weights[:, :, None], axis=1)  # (batch, places)
    return tf.reduce_sum(tf.where(total > 0, tf.square(1.0 - total), 0.0)) / tf.cast(rows, tf.float32)


def sample_previous_tokens(
    before: tf.Tensor,
    logits: tf.Tensor,
    training: Training,
    step: tf.Tensor,
    steps: int,
    seed: int,
    *,
    whole: tf.Tensor | None = None,
    part: Part = WHOLE,
) -> tf.Tensor:
    """Scheduled sampling (Bengio et al. 2015) with all steps at once (Mihaylova and Martins 2019).

    Args:
        before: int32, (batch, steps), the true symbols before each.
        logits: float, (batch, steps, tokens), of the model with these.
        step: int64, the number of the training step, of `steps`.
        seed: Of the draws.
        whole: Rows of the batch of which these are a part; each row is drawn for alike, however many parts there are.
        part: Which.
    Returns:
        The same with a share of them, which rises from nothing to `training.scheduled_sampling`, replaced by what the model
        found likeliest; the first one never.
    """
    share = training.scheduled_sampling * tf.cast(step, tf.float32) / float(steps)
    found = tf.argmax(logits, axis=-1, output_type=before.dtype)
    found = tf.concat([before[:, :1], found[:, :-1]], axis=1)
    shape = tf.shape(before) if whole is None else tf.stack([tf.cast(whole, tf.int32), tf.shape(before)[1]])
    drawn = tf.random.stateless_uniform(shape, tf.stack([tf.constant(seed, tf.int64), step]))
    drawn = tf.concat([drawn[part.index :: part.size], drawn[:1]], axis=0)[
        : tf.shape(before)[0]
    ]  # a part may have none
    return tf.where((drawn < share) & (before != 0), found, before)
