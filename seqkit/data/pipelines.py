"""Batches of whole rows: shuffled with a seed, bucketed by length, padded to the bucket's boundary, prefetched.

Which rows make which batch is planned in NumPy, as a pure function of the seed and the epoch; tf.data then gathers and
pads them. So an epoch can be entered at any step (resume) and a batch be cut among processes, without saved iterators.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from seqkit.data.gathering import gatherer
from seqkit.data.ragged import Ragged

Column = Ragged | np.ndarray


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Rows as columns of arrays, and how they become batches.

    Attributes:
        columns: Name -> ragged rows (padded in the batch with zeros) or an array (rows, ...). Ragged columns run in step:
            they have the same lengths. A model finds its inputs by their names; "targets" are what it is to answer, and
            "weights", in step with them, which of them count (1) or are padding (0).
        length_of: The ragged column whose length decides the bucket.
        batch_size: Rows a batch; the last batch of an epoch may be smaller.
        boundaries: Widths to which batches are padded, ascending; the last is the longest row's at least.
    """

    columns: dict[str, Column]
    length_of: str
    batch_size: int
    boundaries: tuple[int, ...]

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-self.rows // self.batch_size)

    @property
    def rows(self) -> int:
        """Rows an epoch."""
        return len(self.lengths)

    @property
    def lengths(self) -> np.ndarray:
        """int64, (rows,)."""
        column = self.columns[self.length_of]
        assert isinstance(column, Ragged), "length_of names a ragged column"
        return column.lengths

    def plan(self, shuffle: tuple[int, int] | None = None) -> list[tuple[np.ndarray, int]]:
        """The batches of an epoch as (rows, width).

        Each bucket's rows are cut into whole batches; what remains moves up into the next bucket, so that an epoch has
        at most one smaller batch and the shapes number at most one more than the boundaries.

        Args:
            shuffle: (seed, epoch) for a shuffled epoch; None for rows by length.
        """
        rng = np.random.default_rng(shuffle) if shuffle else None
        order = rng.permutation(self.rows) if rng else np.argsort(self.lengths, kind="stable")
        bucket = np.searchsorted(self.boundaries, self.lengths[order])
        batches, rest = [], np.empty(0, np.int64)
        for number, width in enumerate(self.boundaries):
            rest = np.concatenate([rest, order[bucket == number]])
            whole = len(rest) - len(rest) % self.batch_size
            batches += [(rows, width) for rows in rest[:whole].reshape(-1, self.batch_size)]
            rest = rest[whole:]
        if len(rest):
            width = self.boundaries[int(np.searchsorted(self.boundaries, self.lengths[rest].max()))]
            batches.append((rest, width))
        if rng:
            batches = [batches[place] for place in rng.permutation(len(batches))]
        return batches

    def padding_share(self) -> float:
        """Share of a shuffled epoch's steps that are padding."""
        cells = sum(len(rows) * width for rows, width in self.plan((0, 0)))
        return 1.0 - float(self.lengths.sum()) / max(cells, 1)

    def shapes(self) -> list[tuple[int, int]]:
        """The distinct (rows, width) of a shuffled epoch's batches: as many graphs as XLA may have to compile."""
        return sorted({(len(rows), width) for rows, width in self.plan((0, 0))})

    def batches(self, shuffle: tuple[int, int] | None = None, *, start: int = 0) -> tf.data.Dataset:
        """An epoch from its step `start` on.

        Each batch is a dict of the columns (a ragged one as (batch, width, ...), padded with zeros; an array as
        (batch, ...)), of "rows", the rows' numbers, and of "steps", how many steps are no padding.
        """
        plan = self.plan(shuffle)[start:]
        flat = np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in plan)])
        rows = tf.RaggedTensor.from_row_lengths(flat, [len(rows) for rows, _ in plan] or np.empty(0, np.int64))
        widths = tf.constant([width for _, width in plan], tf.int64)
        lengths = tf.constant(self.lengths)
        offsets = tf.cumsum(lengths, exclusive=True)
        ragged = {name: gatherer(column.values) for name, column in self.columns.items() if isinstance(column, Ragged)}
        arrays = {name: tf.constant(array) for name, array in self.columns.items() if isinstance(array, np.ndarray)}

        def gather(rows: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
            starts, sizes = tf.gather(offsets, rows), tf.gather(lengths, rows)
            batch = {"rows": rows, "steps": tf.reduce_sum(sizes)}
            batch |= {name: cut(starts, sizes, width) for name, cut in ragged.items()}
            return batch | {name: tf.gather(array, rows) for name, array in arrays.items()}

        dataset = tf.data.Dataset.from_tensor_slices((rows, widths))
        return without_autotune(dataset.map(gather, num_parallel_calls=2).prefetch(4))


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset without tf.data's tuning thread.

    That thread sleeps 10 ms, then twice as long each time, up to 60 s, and the end of an epoch may wait for it to wake: on
    TensorFlow 2.21 epochs took 5.1, 10.2, 142, 202, 262 s whose work was done up to a minute before.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def boundaries(lengths: np.ndarray, *, most: int = 12, multiple: int = 4) -> tuple[int, ...]:
    """The at most `most` widths, multiples of `multiple`, that leave the least padding for rows of these lengths.

    Exact, by dynamic programming over the distinct rounded lengths: cost(j) = min over i of cost(i) + padding of all rows
    between i and j padded to j.
    """
    widths, counts = np.unique(-(-np.maximum(lengths, 1) // multiple) * multiple, return_counts=True)
    if len(widths) > 512:  # the quadratic table stays small: neighbours share a width
        return boundaries(lengths, most=most, multiple=2 * multiple)
    below = np.concatenate([[0], np.cumsum(counts)])  # rows shorter than the i-th width
    # padded steps when one bucket holds the widths i to j-1: all its rows take the width of j-1
    steps = np.where(
        np.arange(len(widths))[:, None] < np.arange(1, len(widths) + 1)[None, :],
        (below[None, 1:] - below[:-1, None]) * widths[None, :],
        np.inf,
    )
    cost = steps[0]
    choices = []
    for _ in range(min(most, len(widths)) - 1):
        through = cost[:-1, None] + steps[1:]  # (split before, ends at)
        choice = np.argmin(through, axis=0)
        better = through[choice, np.arange(len(widths))] < cost
        choices.append(np.where(better, choice, -1))
        cost = np.where(better, through[choice, np.arange(len(widths))], cost)
    chosen, place = [], len(widths) - 1
    for choice in reversed(choices):
        chosen.append(int(widths[place]))
        place = int(choice[place])
        if place < 0:
            return tuple(sorted(chosen))
    return tuple(sorted({*chosen, int(widths[place])}))
