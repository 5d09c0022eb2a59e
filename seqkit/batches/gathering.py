"""Values of padded batches by their places: from memory, or from a file that is mapped into it."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

AS = {tf.uint8: tf.float32, tf.uint16: tf.int32}  # what a batch has in place of what is kept


def gatherer(values: np.ndarray) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """A function that cuts pieces out of `values` and pads them with zeros.

    What is mapped from a file is read from there as it is asked for, and never lies in memory as a whole. Images of bytes
    come as float32, ids of two bytes as int32.

    Args:
        values: (items, ...).
    Returns:
        starts, int64 (pieces,), sizes, int64 (pieces,), width -> (pieces, width, ...).
    """
    take = taker(values)

    def gather(starts: tf.Tensor, sizes: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        place = tf.range(width)
        real = place < sizes[:, None]  # (pieces, width)
        taken = take(tf.where(real, starts[:, None] + place, 0))
        taken = tf.cast(taken, AS.get(taken.dtype, taken.dtype))
        shaped = tf.reshape(real, tf.concat([tf.shape(real), tf.ones_like(tf.shape(taken)[2:])], axis=0))
        return tf.where(shaped, taken, tf.zeros((), taken.dtype))

    return gather


def taker(values: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from places among the items to these items."""
    return _from_file(values) if isinstance(values, np.memmap) else _from_memory(values)


def _from_memory(values: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    some = values if len(values) else np.zeros((1, *values.shape[1:]), values.dtype)  # all rows may be empty
    tensor = tf.constant(some)
    return lambda places: tf.gather(tensor, places)


def _from_file(values: np.memmap) -> Callable[[tf.Tensor], tf.Tensor]:
    def take(places: tf.Tensor) -> tf.Tensor:
        taken = tf.numpy_function(lambda chosen: np.asarray(values[chosen]), [places], values.dtype, stateful=False)
        taken.set_shape([*places.shape, *values.shape[1:]])
        return taken

    return take
