"""What an epoch is of its rows: one pass over them; of few rows several, of very many a stretch of one."""

import itertools
from collections.abc import Iterator

import tensorflow as tf

from seqkit.batches.rows import Part, Rows, batches_in
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
) -> Iterator[tuple[tf.data.Iterator, int]]:
    """The batches of an epoch of so many steps, from its step `start` on, and how many these are, pass by pass: each in an
    order of its own, as `Rows.batches` has it; where an epoch ends within one, the next goes on there.

    Passes over windows differ in their number of batches. An epoch of whole passes is these, however many batches they
    have; any other has `steps`, and the passes are counted out from the first one.

    Args:
        shuffle: (seed, epoch).
    """
    (seed, epoch), (passes, rest) = shuffle, divmod(steps, len(rows))
    left = steps - start if rest else None  # of the epoch; None to the end of its last pass
    at = epoch * steps + start if rest else start  # from the first of these passes
    for number in itertools.count() if rest else range(epoch * passes, (epoch + 1) * passes):
        batches = rows.batches((seed, number), start=at, stop=None if left is None else at + left, part=part)
        if count := batches_in(batches):
            yield iter(batches), count
            at, left = 0, None if left is None else left - count
        else:  # it ended before
            at -= batches_in(rows.batches((seed, number)))
        if left == 0:
            return
