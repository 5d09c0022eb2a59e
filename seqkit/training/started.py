"""A model that goes on from a language model: how fast each layer moves, and that model's loss beside its own."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from seqkit.core.fine_tuning import FineTuning
from seqkit.training.peers import ALONE, Peers
from seqkit.training.sampled_softmax import sampled_cross_entropy

SAMPLED = 1_000  # symbols that the second objective draws in a step


@dataclasses.dataclass(frozen=True)
class Started:
    """What there is to know of such a model.

    Attributes:
        tuning: How it learns.
        layers: What was taken over, from the embedding up, a list of layers of one depth each.
        units: Width of the forward direction of its top layer, whose steps are in front of the other direction's.
        info: For run.json: the run that it starts from, its digest, what was taken over and what is new.
    """

    tuning: FineTuning
    layers: Sequence[Sequence[keras.layers.Layer]]
    units: int
    info: Mapping[str, Any]

    def shares(self, variables: Sequence[keras.Variable], step: tf.Tensor, epoch_steps: int) -> list[tf.Tensor | None]:
        """What each variable moves by, as a share of what the optimizer would have it move; None for all of it.

        Args:
            step: int64, (), counted from 0.
            epoch_steps: Of one epoch.
        """
        depths = {
            id(variable): depth
            for depth, layers in enumerate(reversed(self.layers), start=1)
            for layer in layers
            for variable in layer.trainable_variables
        }
        tuning = self.tuning

        def share(depth: int) -> tf.Tensor | None:
            if not depth or (tuning.layer_decay == 1 and not tuning.unfreeze_epochs):
                return None
            thawed = step >= round(depth * tuning.unfreeze_epochs * epoch_steps)
            return tf.where(thawed, tuning.layer_decay**depth, 0.0)

        return [share(depths.get(id(variable), 0)) for variable in variables]

    def language_model_loss(
        self, batch: Mapping[str, tf.Tensor], said: tf.Tensor, seed: tf.Tensor, peers: Peers = ALONE
    ) -> tf.Tensor:
        """The weighted mean cross-entropy of each next token in nats, this process's share of it: float32, ().

        Args:
            batch: Its "ids", int, (batch, steps), 0 on padding; and whether this process has rows of it ("counts").
            said: float, (batch, steps, width), what the top layer says.
            seed: int64, (2,), of the symbols that are drawn.
        """
        (table,) = (layer.embeddings.value for layer in self.layers[0])
        targets = batch["ids"][:, 1:]
        losses = sampled_cross_entropy(targets, said[:, :-1, : self.units], table, None, SAMPLED, seed)
        real = tf.cast(tf.not_equal(targets, 0), tf.float32) * batch["counts"]
        (count,) = peers.sum([tf.reduce_sum(real)])
        return self.tuning.language_model * tf.math.divide_no_nan(tf.reduce_sum(losses * real), count)


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
    started: Started | None,
    epoch_steps: int,
) -> None:
    """Have the optimizer move the variables, and put back to its share of the way what moves less."""
    shares = [] if started is None else started.shares(variables, optimizer.iterations.value, epoch_steps)
    slowed = [
        (v, share, tf.identity(v.value)) for v, share in zip(variables, shares, strict=False) if share is not None
    ]
    optimizer.apply(gradients, variables)
    for variable, share, start in slowed:
        variable.assign(start + tf.cast(share, start.dtype) * (variable.value - start))
