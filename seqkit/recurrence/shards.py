"""A batch cut into shards, one or two a core, so that cores need not meet at every step."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

LEAST_ROWS = 4  # of a shard


@dataclasses.dataclass(frozen=True)
class Shards:
    """How to cut (batch, ...) into shards of equally many rows, and how to put them together again.

    Attributes:
        count: How many shards.
        batch: int32, (), how many rows.
        even: The rows come out even; else rows of zeros, without gradients, are put behind them.
        order: int32, (batch,), the rows as they are cut, or None where that is as they come.
    """

    count: int
    batch: tf.Tensor
    even: bool
    order: tf.Tensor | None

    def split(self, x: tf.Tensor) -> list[tf.Tensor]:
        x = x if self.order is None else tf.gather(x, self.order)
        if not self.even:
            x = tf.pad(x, [(0, -self.batch % self.count)] + [(0, 0)] * (len(x.shape) - 1))
        parts: list[tf.Tensor] = tf.split(x, self.count)
        return parts

    def split_all(self, tensors: Sequence[tf.Tensor]) -> list[tuple[tf.Tensor, ...]]:
        """For each shard its part of each tensor."""
        return list(zip(*map(self.split, tensors), strict=True)) or [()] * self.count

    def join(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        x = tf.concat(parts, 0)
        x = x if self.even else x[: self.batch]
        return x if self.order is None else tf.gather(x, tf.argsort(self.order))

    def join_all(self, shards: Sequence[Sequence[tf.Tensor]]) -> list[tf.Tensor]:
        """The inverse of `split_all`."""
        return [self.join(parts) for parts in zip(*shards, strict=True)]


def shards_of(inputs: tf.Tensor, mask: tf.Tensor | None) -> Shards:
    """With a mask, bool (batch, steps), there are more of them, and rows of like length go together."""
    cores = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)
    count = cores if mask is None else max(4, 2 * cores)
    rows = inputs.shape[0]
    if rows is not None:
        count = max(1, min(count, rows // LEAST_ROWS))
    return Shards(
        count,
        batch=tf.shape(inputs)[0],
        even=rows is not None and rows % count == 0,
        order=None if mask is None else tf.argsort(_lengths(mask), direction="DESCENDING", stable=True),
    )


def split_mask(shards: Shards, mask: tf.Tensor | None, *, reverse: bool, zero_output: bool) -> list[tuple[Any, ...]]:
    """For each shard: the mask, where there is an output of its own or a repeated one, and its longest row."""
    if mask is None:
        return [()] * shards.count
    emit = mask if zero_output else tf.cumsum(tf.cast(mask, tf.int32), axis=1, reverse=reverse) > 0
    return [(real, out, tf.reduce_max(_lengths(real))) for real, out in shards.split_all((mask, emit))]


def _lengths(mask: tf.Tensor) -> tf.Tensor:
    """One more than the place of each row's last True: int32, (batch,)."""
    return tf.reduce_max(tf.where(mask, tf.range(1, tf.shape(mask)[1] + 1), 0), axis=1)
