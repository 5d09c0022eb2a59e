"""What a training, an evaluation and a prediction ask of rows: how many batches, which, and the share of each of them that
one process of several takes."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class Part:
    """What one of several processes takes of each batch: rows[index::size], or these slots of windows."""

    index: int = 0
    size: int = 1

    def of(self, count: int) -> int:
        """How many of `count`."""
        return len(range(self.index, count, self.size))


WHOLE = Part()


class Rows(Protocol):
    """Rows, and how they become batches: a plan that is a pure function of seed and epoch, known to every process.

    Attributes:
        columns: Name -> the rows' values.
        batch_size: Rows a batch, or slots of windows.
    """

    @property
    def columns(self) -> Mapping[str, Any]: ...

    @property
    def batch_size(self) -> int: ...

    def __len__(self) -> int:
        """Batches an epoch."""

    @property
    def rows(self) -> int:
        """Rows an epoch."""

    @property
    def lengths(self) -> np.ndarray:
        """Of the answers: int64, (rows,)."""

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The widths of the batches, ascending."""

    def shapes(self) -> list[tuple[int, int]]:
        """The distinct (rows, width) of an epoch's batches."""

    def padding_share(self) -> float:
        """Share of an epoch's steps that are padding."""

    def batches(
        self, shuffle: tuple[int, int] | None = None, *, start: int = 0, stop: int | None = None, part: Part = WHOLE
    ) -> tf.data.Dataset:
        """An epoch, from its step `start` on and up to `stop`, or a part of each of its batches at the whole batch's width:
        a dataset that knows its cardinality.

        Each batch is a dict of the columns and of
            steps: int64, how many steps of the answers are no padding.
            items: float32, the targets' weights in the whole batch, by which a mean over it divides.
            whole: int64, the rows of the whole batch.
            counts: float32, 1; or 0, where the part has none of its rows and shows another's, which count for nothing.

        Args:
            shuffle: (seed, epoch) for a shuffled epoch; None for a fixed order.
        """


def batches_in(dataset: tf.data.Dataset) -> int:
    """How many batches there are.

    Raises:
        InputError: The dataset doesn't know.
    """
    count = int(dataset.cardinality())
    if count < 0:
        raise InputError(
            "Rows.batches gave a dataset that doesn't know how many batches it has, or has no end: say it by "
            "tf.data.experimental.assert_cardinality."
        )
    return count
