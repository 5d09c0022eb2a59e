"""What keeps a recurrent model from learning its texts by heart, in training alone: the saved model knows nothing of it."""

import dataclasses
import zlib

import keras
import tensorflow as tf
from keras import layers

from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.training.peers import ALONE, Peers

NOT_IN_STEP = "training.ar and training.tar are for models with an answer at every step: leave them at 0."


@dataclasses.dataclass(frozen=True)
class WeightDrop:
    """Recurrent weights of which a share is dropped, the same ones for all rows and steps of a batch (Merity et al. 2018).

    The draw is a function of seed, layer and `step`, so that a resumed training needs nothing of it saved.

    Attributes:
        rate: The share.
        seed: Of the draws.
        step: int64 variable, the number of the training step.
    """

    rate: float
    seed: int
    step: tf.Variable

    def __call__(self, kernel: tf.Tensor, name: str) -> tf.Tensor:
        """A recurrent kernel as this step has it; what is kept is scaled by 1 / (1 - rate)."""
        where = (zlib.crc32(name.encode()) + self.seed) % 2**31
        uniform = tf.random.stateless_uniform(kernel.shape, tf.stack([tf.constant(where, tf.int64), self.step]))
        return tf.where(uniform >= self.rate, kernel / (1.0 - self.rate), 0.0)


def with_activations(model: keras.Model) -> keras.Model:
    """The model with two more outputs, (batch, steps, units): what its stack says, and that after dropout.

    A stack says what its last layer does, in a residual one with what went past that layer.
    """
    stack = [layer for layer in model.layers if isinstance(layer, layers.RNN | layers.Bidirectional)]
    if not stack:  # of an encoder and a decoder, which are models of their own
        raise InputError(NOT_IN_STEP)
    said = _through(model, layers.Add, stack[-1].output)
    return keras.Model(model.input, [*model.outputs, said, _through(model, layers.Dropout, said)], name=model.name)


def _through(model: keras.Model, kind: type[keras.layers.Layer], tensor: keras.KerasTensor) -> keras.KerasTensor:
    """What a layer of this kind makes of a tensor, where one reads it."""
    readers = (layer for layer in model.layers if isinstance(layer, kind) and _reads(layer, tensor))
    return next((layer.output for layer in readers), tensor)


def _reads(layer: keras.layers.Layer, tensor: keras.KerasTensor) -> bool:
    return any(given is tensor for given in tf.nest.flatten(layer.input))


def activation_penalty(
    training: Training, said: tf.Tensor, dropped: tf.Tensor, weights: tf.Tensor, peers: Peers = ALONE
) -> tf.Tensor:
    """AR and TAR (Merity et al. 2017): ar mean(dropped_t^2) + tar mean((said_t - said_t-1)^2), over real steps.

    Args:
        said: float, (batch, steps, units), the stack's outputs.
        dropped: float, (batch, steps, units), the same after dropout.
        weights: float, (batch, steps), 0 on padding.
        peers: Of whom each has a part of the batch; what all of them return adds up to its penalty.
    Raises:
        InputError: There is no answer at every step.
    """
    if weights.shape.rank != 2:
        raise InputError(NOT_IN_STEP)
    said, dropped = tf.cast(said, tf.float32), tf.cast(dropped, tf.float32)
    both = weights[:, 1:] * weights[:, :-1]
    size = tf.reduce_sum(tf.reduce_mean(tf.square(dropped), axis=-1) * weights)
    change = tf.reduce_sum(tf.reduce_mean(tf.square(said[:, 1:] - said[:, :-1]), axis=-1) * both)
    steps, pairs = peers.sum([tf.reduce_sum(weights), tf.reduce_sum(both)])
    return training.ar * tf.math.divide_no_nan(size, steps) + training.tar * tf.math.divide_no_nan(change, pairs)
