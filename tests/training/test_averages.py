"""Moving averages: their closed form, and the weights that learn, which come back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.training.averages import averaged_weights, make_averages, move_averages


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])


def test_an_average_follows_faster_at_first(model):
    """A share of 1 - min(0.9, (1 + steps) / (10 + steps)) of the weight is new: 9 / 11 after the first step."""
    (average,) = averages = make_averages(model)
    model.trainable_variables[0].assign([[3.0], [5.0]])
    move_averages(averages, model.trainable_variables, 0.9, tf.constant(1))
    np.testing.assert_allclose(average, [[1 + 2 * 9 / 11], [1 + 4 * 9 / 11]], rtol=1e-6)
    average.assign([[1.0], [1.0]])
    move_averages(averages, model.trainable_variables, 0.9, tf.constant(1000))
    np.testing.assert_allclose(average, [[1.2], [1.4]], rtol=1e-6)


def test_weights_that_learn_come_back_whatever_happens(model):
    averages = make_averages(model)
    model.trainable_variables[0].assign([[3.0], [5.0]])
    with pytest.raises(KeyboardInterrupt), averaged_weights(model, averages):  # noqa: PT012
        np.testing.assert_array_equal(model.get_weights()[0], [[1.0], [1.0]])
        raise KeyboardInterrupt
    np.testing.assert_array_equal(model.get_weights()[0], [[3.0], [5.0]])


def test_without_averages_the_weights_are_their_own(model):
    with averaged_weights(model, []):
        model.trainable_variables[0].assign([[3.0], [5.0]])
    np.testing.assert_array_equal(model.get_weights()[0], [[3.0], [5.0]])
