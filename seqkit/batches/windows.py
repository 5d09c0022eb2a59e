"""Batches of windows: long rows go through the slots of a batch piece by piece, so that a slot's state can go on.

This is the data side of truncated backpropagation through time (Williams and Peng 1990). As in `pipeline.py` an epoch is
a pure function of the seed and its number.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from seqkit.batches.gathering import gatherer
from seqkit.batches.rows import WHOLE, Part
from seqkit.core.autotune import without_autotune
from seqkit.core.ragged import Ragged

SHARES = (1.0, 0.75, 0.5)  # of the window, where its length is random: few, since XLA compiles each


@dataclasses.dataclass(frozen=True)
class Windows:
    """Long rows, and how they become batches of windows.

    Attributes:
        columns: Name -> ragged rows, all in step, as those of a `Pipeline`.
        length_of: A column that says how long rows are.
        batch_size: Slots of a batch. Each works through its rows one after the other; a slot that has no more is padding.
        window: Steps of a window; a row's last one is padded.
        random: Draw the length of each window from three quarters, a half and the whole of `window`.
    """

    columns: dict[str, Ragged]
    length_of: str
    batch_size: int
    window: int
    random: bool = False

    def __len__(self) -> int:
        """Batches an epoch; of epoch 0, where lengths are random."""
        return len(self.plan((0, 0))[0])

    @property
    def rows(self) -> int:
        """Rows an epoch."""
        return len(self.lengths)

    @property
    def lengths(self) -> np.ndarray:
        """int64, (rows,)."""
        return self.columns[self.length_of].lengths

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The widths of the batches, ascending."""
        return tuple(sorted({int(width) for width in self.plan((0, 0))[3]}))

    def plan(self, shuffle: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The windows of an epoch.

        Args:
            shuffle: (seed, epoch) for another order of the rows in each epoch; None for the longest first.
        Returns:
            starts, int64 (batches, slots), each window's place in the flat values; sizes, int64 (batches, slots), its
            steps; fresh, bool (batches, slots), whether it begins a row; widths, int64 (batches,).
        """
        rng = np.random.default_rng(shuffle) if shuffle else None
        lengths, offsets = self.lengths, self.columns[self.length_of].offsets
        order = rng.permutation(self.rows) if rng else np.argsort(-lengths, kind="stable")
        slots: list[list[tuple[int, int]]] = [[] for _ in range(self.batch_size)]
        loads = np.zeros(self.batch_size, np.int64)
        for row in order[lengths[order] > 0]:  # to the slot that will be free first
            slot = int(loads.argmin())
            slots[slot].append((int(offsets[row]), int(offsets[row + 1])))
            loads[slot] += -(-lengths[row] // self.window)
        left = [pieces[::-1] for pieces in slots]
        at = [pieces[-1][0] if pieces else 0 for pieces in left]
        starts, sizes, fresh, widths = [], [], [], []
        while any(left):
            share = rng.choice(SHARES) if self.random and rng else 1.0
            width = max(1, round(share * self.window))
            batch = np.zeros((2, self.batch_size), np.int64)
            new = np.zeros(self.batch_size, bool)
            for slot, pieces in enumerate(left):
                if not pieces:
                    continue
                begin, end = pieces[-1]
                size = min(width, end - at[slot])
                batch[:, slot] = at[slot], size
                new[slot] = at[slot] == begin
                at[slot] += size
                if at[slot] == end:
                    pieces.pop()
                    at[slot] = pieces[-1][0] if pieces else 0
            starts.append(batch[0])
            sizes.append(batch[1])
            fresh.append(new)
            widths.append(width)
        return np.stack(starts), np.stack(sizes), np.stack(fresh), np.array(widths, np.int64)

    def padding_share(self) -> float:
        """Share of an epoch's steps that are padding."""
        _, sizes, _, widths = self.plan((0, 0))
        return 1.0 - float(sizes.sum()) / float(widths.sum() * self.batch_size)

    def shapes(self) -> list[tuple[int, int]]:
        """The distinct (slots, width) of an epoch's batches."""
        return [(self.batch_size, width) for width in self.boundaries]

    @functools.cached_property
    def _weighed(self) -> np.ndarray | None:
        """float64, (steps + 1,): the sum of the weights before each step; None where all are 1."""
        weights = self.columns.get("weights")
        if weights is None or (weights.values == 1).all():
            return None
        return np.concatenate([[0.0], np.cumsum(weights.values, dtype=np.float64)])

    def _items(self, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """float64, (batches,): the targets' weights in each batch of a plan."""
        weighed = self._weighed
        each = sizes if weighed is None else weighed[starts + sizes] - weighed[starts]
        items: np.ndarray = each.sum(axis=1, dtype=np.float64)
        return items

    def batches(self, shuffle: tuple[int, int] | None = None, *, start: int = 0, part: Part = WHOLE) -> tf.data.Dataset:
        """As `Rows.batches`: columns come as (slots, width, ...), padded with zeros, and "fresh", bool (slots,), says where
        a slot begins a row.
        """
        gatherers = {name: gatherer(column.values) for name, column in self.columns.items()}
        all_starts, all_sizes, all_fresh, widths = (array[start:] for array in self.plan(shuffle))
        items = self._items(all_starts, all_sizes).astype(np.float32)
        mine = slice(part.index, None, part.size)

        def gather(
            starts: tf.Tensor, sizes: tf.Tensor, fresh: tf.Tensor, width: tf.Tensor, items: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            batch = {
                "fresh": fresh,
                "steps": tf.reduce_sum(sizes),
                "items": items,
                "whole": tf.constant(self.batch_size, tf.int64),
                "counts": tf.constant(1.0),
            }
            return batch | {name: cut(starts, sizes, width) for name, cut in gatherers.items()}

        dataset = tf.data.Dataset.from_tensor_slices(
            (all_starts[:, mine], all_sizes[:, mine], all_fresh[:, mine], widths, items)
        )
        return without_autotune(dataset.map(gather, num_parallel_calls=2).prefetch(4))
