"""How often an epoch passes over its rows: once, or, of few rows, so often that it has some steps."""

from collections.abc import Iterator

import tensorflow as tf

from seqkit.batches.rows import Part, Rows
from seqkit.core.settings import Training


def passes_of(training: Training, rows: Rows) -> int:
    """Passes over these rows that an epoch of at least `training.epoch_steps` steps has."""
    return max(1, -(-training.epoch_steps // len(rows)))


def epoch_batches(
    rows: Rows, passes: int, shuffle: tuple[int, int], *, start: int, part: Part
) -> Iterator[dict[str, tf.Tensor]]:
    """The batches of an epoch, from its step `start` on: each pass in an order of its own, as `Rows.batches` has it.

    Args:
        shuffle: (seed, epoch).
    """
    seed, epoch = shuffle
    done, step = divmod(start, len(rows))
    for number in range(done, passes):
        yield from rows.batches((seed, epoch * passes + number), start=step, part=part)
        step = 0
