"""A tag at each step and a label for the row, as one choice a step: the label is what is chosen at the row's end."""

import keras
from keras import ops

from seqkit.core.settings import Stack
from seqkit.layers.crf import FORBIDDEN
from seqkit.layers.pooling import pool

TAGS, LABEL = "emissions", "label"  # names of the two output layers


def tags_and_label(
    sequence: keras.KerasTensor,
    mask: keras.KerasTensor,
    at_end: keras.KerasTensor,
    *,
    tags: int,
    labels: int,
    stack: Stack,
    pooling: str,
) -> keras.KerasTensor:
    """Score the tags of each step before the end, and at the end the labels of the row.

    The label is scored from a summary of all steps beside the highest probability that each tag has at any of them: which
    slots a row fills says a good deal of what it asks for.

    Args:
        sequence: float, (batch, steps, width), the output of `stack`.
        mask: bool, (batch, steps), False on padding.
        at_end: bool, (batch, steps), True at the last real step alone.
        pooling: Of the summary, as in `seqkit.layers.pooling.pool`.
    Returns:
        float32, (batch, steps, tags + labels): logits of a choice among tags and labels, of which those that can't be
        chosen at a step are `FORBIDDEN`.
    """
    of_tags = keras.layers.Dense(tags, dtype="float32", name=TAGS)(sequence)  # (batch, steps, tags)
    words = ops.expand_dims(ops.logical_and(mask, ops.logical_not(at_end)), -1)
    met = ops.max(ops.where(words, ops.softmax(of_tags, axis=-1), 0.0), axis=1)  # (batch, tags)
    summary = ops.cast(pool(sequence, mask, pooling, stack), "float32")
    seen = keras.layers.Concatenate(dtype="float32", name="summary")([summary, met])
    of_labels = keras.layers.Dense(labels, dtype="float32", name=LABEL)(seen)  # (batch, labels)
    no_tags = ops.full_like(of_tags, FORBIDDEN)
    # no sum: of one row of as many steps as there are labels Keras 3.15 takes the second term for a bias of the steps
    at_each = ops.ones_like(of_tags[:, :, :1]) * ops.expand_dims(of_labels, 1)  # (batch, steps, labels)
    no_labels = ops.full_like(at_each, FORBIDDEN)
    return ops.where(
        ops.expand_dims(at_end, -1),
        ops.concatenate([no_tags, at_each], axis=-1),
        ops.concatenate([of_tags, no_labels], axis=-1),
    )
