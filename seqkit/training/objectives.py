"""Losses and what is counted beside them."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from seqkit.core.settings import Training

Measure = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a step minimises and what it counts.

    Attributes:
        loss: (targets, outputs) -> float, one number an item: (batch,) or (batch, steps).
        measures: Name -> function of the same form whose mean over the items is reported.
        training_loss: The loss to descend, where it is another than the one to report (label smoothing, class weights).
    """

    loss: Measure
    measures: dict[str, Measure]
    training_loss: Measure | None = None


def classification(training: Training, counts: Sequence[int] = ()) -> Objective:
    """One class an item: cross-entropy in nats, from logits, and accuracy.

    Label smoothing (Szegedy et al. 2016) and class weights shape the loss that is descended, not the one reported.

    Args:
        counts: Items of each class in the training data, for weights; a class without any weighs nothing.
    """
    smoothing = training.label_smoothing
    weights = balanced_weights(counts) if training.class_weights == "balanced" else None

    def loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)

    def training_loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        # the target is 1 - smoothing on the label and smoothing / classes on every class
        spread = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
        smoothed = (1.0 - smoothing) * loss(targets, logits) + smoothing * spread
        return smoothed if weights is None else smoothed * tf.gather(tf.constant(weights, tf.float32), targets)

    def accuracy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.equal(tf.argmax(logits, axis=-1, output_type=targets.dtype), targets), tf.float32)

    plain = not smoothing and weights is None
    return Objective(loss, {"accuracy": accuracy}, None if plain else training_loss)


def distillation(temperature: float) -> Objective:
    """Labels and a teacher's soft targets (Hinton, Vinyals and Dean 2015, section 2).

    Of a row with a label the loss is cross-entropy. Of a teacher's row it is T^2 times the cross-entropy of the teacher's
    probabilities at the temperature T, softmax(v / T) of its logits v, with the student's at the same one: by T^2 its
    gradient is as large as that of a label.

    Args:
        temperature: T.
    Returns:
        Of targets float32, (batch, classes + 1): shares of the classes, a teacher's softened already, and 1 behind those of
        a teacher, else 0.
    """

    def loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        own = tf.nn.softmax_cross_entropy_with_logits(targets[:, :-1], logits)
        softened = tf.nn.softmax_cross_entropy_with_logits(targets[:, :-1], logits / temperature)
        return tf.where(targets[:, -1] > 0, temperature**2 * softened, own)

    def accuracy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.equal(tf.argmax(logits, axis=-1), tf.argmax(targets[:, :-1], axis=-1)), tf.float32)

    return Objective(loss, {"accuracy": accuracy})


def two_sided_divergence(logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """KL(p || q) + KL(q || p) in nats, of the choices p and q of two passes: float32, (batch,) or (batch, steps).

    Args:
        logits: float, (..., classes), of p.
        others: The same of q.
    """
    log_p, log_q = (tf.nn.log_softmax(tf.cast(each, tf.float32)) for each in (logits, others))
    return tf.reduce_sum((tf.exp(log_p) - tf.exp(log_q)) * (log_p - log_q), axis=-1)


def balanced_weights(counts: Sequence[int]) -> np.ndarray:
    """float64, (classes,): the inverse of each class's frequency, 1 where all are alike."""
    frequency = np.asarray(counts, np.float64)
    weights: np.ndarray = frequency.sum() / (np.count_nonzero(frequency) * np.maximum(frequency, 1)) * (frequency > 0)
    return weights
