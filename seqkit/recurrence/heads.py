"""Recurrent products in heads: a block-diagonal matrix, of which only the blocks are kept and multiplied.

With n heads the units fall into n parts that see each other's past in the layers above alone, as in the sLSTM of Beck et
al. 2024; a recurrent product has 1 / n of the weights and of the work. What is kept of a kernel (width * units, blocks *
units) is (heads, width * units / heads, blocks * units / heads); head k has units k * units / heads and so on of each gate.
"""

import tensorflow as tf

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError


def head_units(units: int, heads: int) -> int:
    """How many units a head has.

    Raises:
        InputError: The units don't come out even, or are none.
    """
    at_least("units", units, 1)
    at_least("heads", heads, 1)
    if units % heads:
        raise InputError(
            f"{units} units can't be cut into {heads} heads of the same width: give a multiple of {heads}."
        )
    return units // heads


def whole_product(left: tf.Tensor, kernel: tf.Tensor, blocks: int) -> tf.Tensor:
    """(rows, width * units) times a kernel, dense or in heads: (rows, blocks * units).

    With the kernel's matrices transposed it is the gradient in the left side.
    """
    if len(kernel.shape) == 2:
        return left @ kernel
    heads, _, outer = kernel.shape
    units = outer // blocks
    said = tf.matmul(_by_head(left, heads, units), kernel)  # (heads, rows, blocks * units of a head)
    said = tf.transpose(tf.reshape(said, (heads, -1, blocks, units)), (1, 2, 0, 3))
    return tf.reshape(said, (-1, blocks * heads * units))


def kernel_gradient(left: tf.Tensor, dwhole: tf.Tensor, kernel: tf.Tensor, blocks: int) -> tf.Tensor:
    """The gradient of `whole_product` in its kernel, from that in what it gave."""
    if len(kernel.shape) == 2:
        return tf.matmul(left, dwhole, transpose_a=True)
    heads, _, outer = kernel.shape
    units = outer // blocks
    return tf.matmul(_by_head(left, heads, units), _by_head(dwhole, heads, units), transpose_a=True)


def _by_head(x: tf.Tensor, heads: int, units: int) -> tf.Tensor:
    """(rows, blocks * heads * units) -> (heads, rows, blocks * units)."""
    blocks = x.shape[-1] // (heads * units)
    parts = tf.transpose(tf.reshape(x, (-1, blocks, heads, units)), (2, 0, 1, 3))
    return tf.reshape(parts, (heads, -1, blocks * units))
