"""What is random by global state, seeded within a block and left as it was outside of it."""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED
from tensorflow.python.eager import context

OF_KERAS = (GLOBAL_RANDOM_SEED, GLOBAL_SEED_GENERATOR)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python, NumPy, TensorFlow and Keras draw from a seed in the block; after it they go on as if it had not been.

    Keras and TensorFlow have no public way to read their state.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is the global state that is kept
    of_keras = {name: global_state.get_global_attribute(name) for name in OF_KERAS}
    tensorflow = context.context()
    # a new generator takes the place of the old one, which there is only once somebody has seeded
    of_tensorflow = tensorflow._seed, getattr(tensorflow, "_rng", None)
    try:
        keras.utils.set_random_seed(seed)  # it may refuse the seed when Python's generator has it
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        for name, value in of_keras.items():
            global_state.set_global_attribute(name, value)
        tensorflow._seed, tensorflow._rng = of_tensorflow
