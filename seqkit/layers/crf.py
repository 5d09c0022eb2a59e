"""A linear-chain conditional random field over the steps of a sequence (Lafferty, McCallum and Pereira 2001).

score(y) = start[y_1] + sum_t emission_t[y_t] + sum_t transition[y_(t-1), y_t] + end[y_T]
p(y) = exp(score(y)) / sum over all y' of exp(score(y'))
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

FORBIDDEN = -1e4  # a score that no path recovers from, and finite in every float type


@keras.saving.register_keras_serializable(package="seqkit")
class CRF(keras.layers.Layer):
    """Scores of a linear chain: those of each step's tags, and those of a tag after a tag.

    They come as one tensor, so that a loss, which sees targets and outputs only, has all it needs: `unpack` takes it apart.

    Args:
        constraints: Whether a tag (column) may follow a tag (row), (tags + 1, tags + 1); the last row is the beginning of
            a sequence, the last column its end. Nothing for a chain in which everything may follow everything.
    Call arguments:
        emissions: float, (batch, steps, tags).
        mask: bool, (batch, steps), False on padding, which is at the end.
    Returns:
        float, (batch, tags + 1 + steps, tags): transitions from each tag, then from the beginning, to each tag, the same
        in every row; then the emissions, to the last real one of which the scores of the end are added.
    """

    def __init__(self, constraints: np.ndarray | Sequence[Sequence[bool]] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.constraints: list[list[bool]] | None = None
        if constraints is not None:
            self.constraints = np.asarray(constraints, bool).tolist()
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, int | None, int]) -> None:
        tags = input_shape[-1]
        if self.constraints is not None and np.shape(self.constraints) != (tags + 1, tags + 1):
            raise ValueError(
                f"constraints are of shape {np.shape(self.constraints)}, the emissions have {tags} tags: "
                f"give ({tags + 1}, {tags + 1})."
            )
        self._forbidden = _forbidden(np.ones((tags + 1, tags + 1)) if self.constraints is None else self.constraints)
        self.transitions = self.add_weight((tags + 1, tags), initializer="zeros", name="transitions")
        self.end = self.add_weight((tags,), initializer="zeros", name="end")

    def scores(self) -> tuple[Any, Any]:
        """Of a tag after a tag, in the last row after the beginning, (tags + 1, tags); and before the end, (tags,)."""
        tags = self.end.shape[0]
        transitions = ops.add(self.transitions, self._forbidden[:, :tags])
        return transitions, ops.add(self.end, self._forbidden[:tags, tags])

    def call(self, emissions: Any, mask: Any) -> Any:
        transitions, end = self.scores()
        emissions = _add_end(emissions, mask, end)
        ones = ops.ones_like(emissions[:, :1, :1])
        return ops.concatenate([ones * transitions, emissions], axis=1)

    def compute_mask(self, emissions: Any, previous_mask: Any) -> None:
        return None  # the output's steps are not the input's

    def compute_output_shape(
        self, emissions_shape: tuple[int | None, int | None, int], mask_shape: Any = None
    ) -> tuple[int | None, int | None, int]:
        batch, steps, tags = emissions_shape
        return batch, None if steps is None else tags + 1 + steps, tags

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return config | {"constraints": self.constraints}


def unpack(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Take a CRF's output apart.

    Returns:
        emissions, (batch, steps, tags); transitions, (tags + 1, tags), the last row from the beginning.
    """
    tags = outputs.shape[-1]
    return outputs[:, tags + 1 :], outputs[0, : tags + 1]


def crf_loss(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The negative log-likelihood of the targets, step by step.

    With Z_t, the sum over all paths up to step t of exp(score), a step's share is log Z_t - log Z_(t-1) - local score_t. So
    the shares of a row's real steps, whatever padding comes after, add up to -log p(y). A single share may be negative.

    Args:
        targets: int, (batch, steps).
        outputs: float, (batch, tags + 1 + steps, tags), of a `CRF`.
    Returns:
        float, (batch, steps).
    """
    targets = tf.cast(targets, tf.int32)  # Keras makes floats of them
    emissions, transitions = unpack(outputs)
    totals = tf.reduce_logsumexp(_forward(emissions, transitions), axis=-1)  # log Z_t, (batch, steps)
    grown = totals - tf.pad(totals[:, :-1], [[0, 0], [1, 0]])
    before = tf.pad(targets[:, :-1], [[0, 0], [1, 0]], constant_values=emissions.shape[-1])
    local = tf.gather(emissions, targets, batch_dims=2) + tf.gather_nd(
        transitions, tf.stack([before, targets], axis=-1)
    )
    return grown - local


def _forward(emissions: tf.Tensor, transitions: tf.Tensor) -> tf.Tensor:
    """log of the sum over all paths that end in a tag at a step: (batch, steps, tags).

    The sum over the tag before is a product of matrices of exponentials, scaled by the greatest. What is 1e38 times less
    probable than another tag at the same step counts as forbidden, so that no logarithm of 0 is taken.
    """
    tags = emissions.shape[-1]
    tiny = np.finfo(emissions.dtype.as_numpy_dtype).tiny
    highest = tf.reduce_max(transitions[:tags], axis=0)  # (tags,)
    between = tf.exp(transitions[:tags] - highest)  # (tags, tags)

    def step(before: tf.Tensor, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        emission, first = inputs  # (batch, tags), ()
        scale = tf.reduce_max(before, axis=-1, keepdims=True)
        ways = tf.matmul(tf.exp(before - scale), between)
        through = tf.where(ways > tiny, tf.math.log(tf.maximum(ways, tiny)), FORBIDDEN) + scale + highest
        return tf.where(first, transitions[tags], through) + emission

    return tf.transpose(tf.scan(step, _by_step(emissions), initializer=tf.zeros_like(emissions[:, 0])), [1, 0, 2])


def viterbi(emissions: tf.Tensor, transitions: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The most probable tags of each row (Viterbi 1967).

    Args:
        emissions: float, (batch, steps, tags).
        transitions: float, (tags + 1, tags), the last row from the beginning.
        mask: bool, (batch, steps), False on padding, which is at the end.
    Returns:
        int32, (batch, steps), with 0 on padding.
    """
    tags = emissions.shape[-1]
    batch = tf.shape(emissions)[0]
    real = tf.transpose(mask)  # (steps, batch)

    def forward(before: tuple[tf.Tensor, tf.Tensor], inputs: tuple[Any, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        (emission, first), here = inputs
        ways = before[0][:, :, None] + transitions[:tags]  # (batch, tag before, tag)
        best = tf.where(first, transitions[tags], tf.reduce_max(ways, axis=1)) + emission
        came_from = tf.argmax(ways, axis=1, output_type=tf.int32)
        here = here[:, None]
        return tf.where(here, best, before[0]), tf.where(here, came_from, tf.range(tags))

    nothing = tf.zeros([batch, tags], emissions.dtype), tf.zeros([batch, tags], tf.int32)
    scores, pointers = tf.scan(forward, (_by_step(emissions), real), initializer=nothing)  # (steps, batch, tags)

    def backward(after: tf.Tensor, pointers: tf.Tensor) -> tf.Tensor:
        return tf.gather(pointers, after, batch_dims=1)

    last = tf.argmax(scores[-1], axis=-1, output_type=tf.int32)  # (batch,)
    before = tf.scan(backward, pointers, initializer=last, reverse=True)  # (steps, batch): the tag before each step
    path = tf.concat([before[1:], last[None]], axis=0)
    return tf.where(mask, tf.transpose(path), 0)


def best_tags(outputs: tf.Tensor, mask: tf.Tensor, *, chain: bool, constraints: np.ndarray | None = None) -> tf.Tensor:
    """The best tags of each row that the constraints allow.

    Args:
        outputs: Of a `CRF`, which has its constraints; or logits, float (batch, steps, tags).
        mask: bool, (batch, steps), False on padding, which is at the end.
        chain: Whether they are of a `CRF`.
        constraints: As a `CRF` takes them, for logits.
    Returns:
        int32, (batch, steps); what stands on padding means nothing.
    """
    if chain:
        return viterbi(*unpack(outputs), mask)
    if constraints is None:
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)
    tags, forbidden = outputs.shape[-1], _forbidden(constraints)
    return viterbi(_add_end(outputs, mask, forbidden[:tags, tags]), tf.constant(forbidden[:, :tags]), mask)


def tag_probabilities(outputs: tf.Tensor, mask: tf.Tensor, *, chain: bool) -> tf.Tensor:
    """How probable each tag is at each step: by itself, or over all paths of a chain.

    The latter is the gradient of log Z, the sum over all paths of exp(score), by the emissions.

    Args:
        outputs, mask, chain: As `best_tags` takes them.
    Returns:
        float, (batch, steps, tags), of a chain 0 on padding.
    """
    if not chain:
        return tf.nn.softmax(outputs, axis=-1)
    emissions, transitions = unpack(outputs)
    last = tf.maximum(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1) - 1, 0)  # (batch,)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        whole = tf.reduce_logsumexp(tf.gather(_forward(emissions, transitions), last, batch_dims=1), axis=-1)
    return tape.gradient(whole, emissions) * tf.cast(mask, emissions.dtype)[:, :, None]


def _forbidden(constraints: Any) -> np.ndarray:
    return np.where(np.asarray(constraints, bool), 0.0, FORBIDDEN).astype("float32")


def _add_end(emissions: Any, mask: Any, end: Any) -> Any:
    """Add the scores of the end, (tags,), to each row's last real step."""
    goes_on = ops.pad(mask[:, 1:], [[0, 0], [0, 1]], constant_values=False)
    last = ops.logical_and(mask, ops.logical_not(goes_on))
    return emissions + ops.cast(ops.expand_dims(last, -1), emissions.dtype) * end


def _by_step(emissions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(steps, batch, tags), and (steps,), True for the first."""
    return tf.transpose(emissions, [1, 0, 2]), tf.equal(tf.range(tf.shape(emissions)[1]), 0)
