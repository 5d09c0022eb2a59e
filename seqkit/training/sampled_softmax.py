"""A choice among very many symbols, trained on a sample of them: a step then costs what the sample does.

The model stays what it is: its scores are over all symbols wherever it is validated, scored, asked or exported.
"""

import dataclasses
import math

import keras
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.training.objectives import Objective


@dataclasses.dataclass(frozen=True)
class Head:
    """What scores symbols: an affine map, or an embedding that is used for the output too.

    Attributes:
        layer: Dense, or ReversibleEmbedding.
        read: What it scores, float (batch, steps, units).
    """

    layer: keras.layers.Layer
    read: keras.KerasTensor

    @classmethod
    def of(cls, model: keras.Model) -> "Head":
        """The one of a model whose output is logits."""
        layer, node, _ = model.outputs[0]._keras_history
        return cls(layer, layer._inbound_nodes[node].input_tensors[0])

    @property
    def table(self) -> tf.Tensor:
        """float, (symbols, units)."""
        if isinstance(self.layer, keras.layers.Dense):
            return tf.transpose(self.layer.kernel.value)
        return self.layer.embeddings.value

    @property
    def bias(self) -> tf.Tensor | None:
        """float, (symbols,), where there is one."""
        bias = getattr(self.layer, "bias", None)
        return None if bias is None else bias.value


def check_drawn(setting: str, value: float, unit: str) -> None:
    """Raise InputError where symbols would be drawn from a vocabulary that doesn't begin with the frequent ones.

    Args:
        setting: That asks for draws, such as training.sampled.
        value: That it has; 0 for no draws.
        unit: Of the vocabulary; pieces that were merged stand in the order of their merging, characters behind them.
    """
    if value and unit == "subword":
        raise InputError(
            f"{setting} is {value} with unit subword, but symbols are drawn by their place, and merged pieces don't begin "
            f"with the frequent ones: choose unit unigram, or {setting} 0."
        )


def samples(model: keras.Model, training: Training) -> bool:
    """Whether the model is trained on samples, which needs more symbols than these are."""
    return bool(0 < training.sampled < model.output_shape[-1])


def without_head(model: keras.Model) -> keras.Model:
    """The model up to what its head scores."""
    return keras.Model(model.inputs, Head.of(model).read, name=model.name)


def sampled_objective(model: keras.Model, training: Training, step: tf.Variable, seed: int) -> Objective:
    """The loss of a model `without_head`, in place of cross-entropy over all symbols.

    Args:
        model: With its head.
        step: int64, (), the number of the training step, which makes the draw with the seed.
    """
    head = Head.of(model)

    def loss(targets: tf.Tensor, read: tf.Tensor) -> tf.Tensor:
        read = tf.cast(read, head.read.dtype)  # as the head reads it, which may be in half precision
        return sampled_cross_entropy(targets, read, head.table, head.bias, training.sampled, tf.stack([seed, step]))

    return Objective(loss, {})


def sampled_cross_entropy(
    targets: tf.Tensor, read: tf.Tensor, table: tf.Tensor, bias: tf.Tensor | None, count: int, seed: tf.Tensor
) -> tf.Tensor:
    """Cross-entropy in nats whose sum over the wrong symbols is estimated from some of them (Bengio and Senecal 2008).

    With Z_t = exp(o_t) + 1/count sum_j exp(o_j) [j != t] / q(j) over the symbols j that are drawn from q, the expected
    Z_t is the softmax's; the same draw serves all steps of a batch. q falls with a symbol's place in the vocabulary, which
    begins with the frequent ones: q(j) = log((j + 2) / (j + 1)) / log(symbols + 1).

    Args:
        targets: int, (batch, steps).
        read: float, (batch, steps, units).
        table: float, (symbols, units).
        bias: float, (symbols,), or None.
        count: Symbols to draw, with replacement.
        seed: int64, (2,).
    Returns:
        float32, (batch, steps); on padding it means nothing.
    """
    symbols, targets = table.shape[0], tf.cast(targets, tf.int32)
    uniform = tf.random.stateless_uniform([count], seed)
    drawn = tf.minimum(tf.cast(tf.exp(uniform * math.log(symbols + 1)), tf.int32) - 1, symbols - 1)
    rows, right = (tf.cast(tf.gather(table, ids), read.dtype) for ids in (drawn, targets))
    wrong = tf.cast(tf.tensordot(read, rows, [[2], [1]]), tf.float32)  # (batch, steps, count)
    right = tf.reduce_sum(tf.cast(read * right, tf.float32), axis=-1)  # (batch, steps)
    if bias is not None:
        wrong += tf.gather(bias, drawn)
        right += tf.gather(bias, targets)
    expected = count * tf.math.log1p(1.0 / tf.cast(drawn + 1, tf.float32)) / math.log(symbols + 1)
    wrong -= tf.math.log(expected)
    wrong = tf.where(tf.equal(targets[..., None], drawn), -1e9, wrong)
    return tf.reduce_logsumexp(tf.concat([right[..., None], wrong], axis=-1), axis=-1) - right
