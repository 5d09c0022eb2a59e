"""What is random outside of a training goes on as if it had not been."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from seqkit.training.randomness import seeded


def test_where_nobody_has_seeded_nobody_has_afterwards(monkeypatch):
    fresh = context.context()
    monkeypatch.setattr(fresh, "_seed", None)
    monkeypatch.delattr(fresh, "_rng")
    with seeded(7):
        inside = float(tf.random.uniform(()))
    assert context.context()._seed is None
    assert float(tf.random.uniform(())) != inside


def drawn():
    """One draw of each global state."""
    layer = keras.layers.Dropout(0.5)  # its own seed comes from Python's
    kept = np.asarray(layer(np.ones((1, 20), np.float32), training=True))
    of_keras = float(keras.random.uniform(()))
    return random.random(), np.random.rand(), float(tf.random.uniform(())), of_keras, kept.tolist()  # noqa: NPY002


def test_a_seed_that_is_refused_changes_nothing():
    keras.utils.set_random_seed(3)
    expected = drawn()
    keras.utils.set_random_seed(3)
    with pytest.raises(ValueError, match="Seed must be between"), seeded(2**32):
        pass
    assert drawn() == expected


def test_the_block_draws_by_its_seed_and_what_follows_as_if_there_were_none():
    keras.utils.set_random_seed(3)
    first, expected = drawn(), drawn()
    keras.utils.set_random_seed(3)
    assert drawn() == first
    with seeded(7):
        inside = drawn()
    assert drawn() == expected
    with seeded(7):
        assert drawn() == inside
    assert inside != first
