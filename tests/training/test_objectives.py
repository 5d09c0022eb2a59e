"""Losses against NumPy from the definitions, scikit-learn and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.utils.class_weight import compute_class_weight

from seqkit.core.settings import Training
from seqkit.training.objectives import classification

CLASSES = 4


def drawn(seed, shape):
    rng = np.random.default_rng(seed)
    return rng.integers(0, CLASSES, shape).astype("int32"), (rng.normal(size=(*shape, CLASSES)) * 3).astype("float32")


def values(measure, targets, logits):
    return measure(tf.constant(targets), tf.constant(logits)).numpy()


def picked(table, targets):
    return np.take_along_axis(table, targets[..., None], axis=-1)[..., 0]


@given(seed=st.integers(0, 99), shape=st.sampled_from([(6,), (3, 5)]))
def test_the_reported_loss_is_the_cross_entropy_whatever_is_descended(seed, shape):
    targets, logits = drawn(seed, shape)
    plain = classification(Training())
    assert plain.training_loss is None
    for objective in (
        plain,
        classification(Training(label_smoothing=0.2, class_weights="balanced"), [5, 1, 1, 1]),
    ):
        expected = -picked(log_softmax(logits, axis=-1), targets)
        np.testing.assert_allclose(values(objective.loss, targets, logits), expected, rtol=1e-4, atol=1e-5)
        right = values(objective.measures["accuracy"], targets, logits)
        np.testing.assert_array_equal(right, logits.argmax(axis=-1) == targets)
        assert right.dtype == np.float32


@pytest.mark.parametrize("smoothing", [0.1, 0.6])
def test_smoothing_is_that_of_keras(smoothing):
    targets, logits = drawn(0, (3, 5))
    objective = classification(Training(label_smoothing=smoothing))
    expected = keras.losses.categorical_crossentropy(
        np.eye(CLASSES, dtype="float32")[targets], logits, from_logits=True, label_smoothing=smoothing
    )
    np.testing.assert_allclose(values(objective.training_loss, targets, logits), expected, rtol=1e-5)


def test_balanced_weights_are_those_of_scikit_learn_and_a_class_without_rows_weighs_nothing():
    labels = np.repeat([0, 1, 3], [6, 1, 3])
    objective = classification(Training(class_weights="balanced"), np.bincount(labels, minlength=CLASSES))
    targets, logits = np.arange(CLASSES, dtype="int32"), drawn(1, (CLASSES,))[1]
    weights = values(objective.training_loss, targets, logits) / values(objective.loss, targets, logits)
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    np.testing.assert_allclose(weights, np.insert(expected, 2, 0.0), rtol=1e-5)
