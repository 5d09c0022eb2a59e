"""What an epoch is of its rows: one pass over them; of few rows several, of very many a stretch of one."""

from collections.abc import Iterator

import tensorflow as tf

from seqkit.batches.rows import Part, Rows
from seqkit.core.settings import Training


def steps_of(training: Training, rows: Rows) -> int:
    """Steps of an epoch over these rows: whole passes, `training.epoch_steps` steps at least; or, of a pass that has more,
    `training.max_epoch_steps`.
    """
    size = len(rows)
    if 0 < training.max_epoch_steps < size:
        return training.max_epoch_steps
    return size * max(1, -(-training.epoch_steps // size))


def epoch_batches(
    rows: Rows, steps: int, shuffle: tuple[int, int], *, start: int, part: Part
) -> Iterator[dict[str, tf.Tensor]]:
    """The batches of an epoch of so many steps, from its step `start` on: each pass in an order of its own, as
    `Rows.batches` has it; where an epoch ends within one, the next goes on there.

    Args:
        shuffle: (seed, epoch).
    """
    (seed, epoch), size = shuffle, len(rows)
    at, end = epoch * steps + start, (epoch + 1) * steps
    while at < end:
        number, step = divmod(at, size)
        stop = min(step + end - at, size)
        yield from rows.batches((seed, number), start=step, stop=stop if stop < size else None, part=part)
        at += stop - step
