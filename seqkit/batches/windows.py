"""Batches of windows: long rows go through the slots of a batch piece by piece, so that a slot's state can go on.

This is the data side of truncated backpropagation through time (Williams and Peng 1990). As in `pipeline.py` an epoch is
a pure function of the seed and its number.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from seqkit.batches.derived import InStep
from seqkit.batches.gathering import gatherer, padded_windows, reader, shape_of
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

    columns: dict[str, InStep]
    length_of: str
    batch_size: int
    window: int
    random: bool = False

    def __len__(self) -> int:
        """Batches an epoch; of epoch 0, where lengths are random."""
        return len(self._course((0, 0))[1])

    @property
    def rows(self) -> int:
        """Rows an epoch."""
        return len(self.lengths)

    @property
    def lengths(self) -> np.ndarray:
        """int64, (rows,)."""
        return self._rows.lengths

    @property
    def _rows(self) -> Ragged:
        column = self.columns[self.length_of]
        assert isinstance(column, Ragged), "rows lie one after the other"
        return column

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The widths of the batches, ascending."""
        return tuple(np.unique(self._course((0, 0))[1]).tolist())

    def plan(
        self, shuffle: tuple[int, int] | None = None, *, start: int = 0, stop: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The windows of an epoch, or of its batches from `start` to `stop`.

        Args:
            shuffle: (seed, epoch) for another order of the rows in each epoch; None for the longest first.
        Returns:
            starts, int64 (batches, slots), each window's place in the flat values; sizes, int64 (batches, slots), its
            steps; fresh, bool (batches, slots), whether it begins a row; widths, int64 (batches,).
        """
        pieces, widths = self._course(shuffle)
        start, stop, _ = slice(start, stop).indices(len(widths))
        begins = np.concatenate([[0], np.cumsum(widths)])
        shape = stop - start, self.batch_size
        starts, sizes, fresh = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool)
        for slot, begin, end, first, last in pieces:
            here = np.arange(max(first, start), min(last, stop))
            done = begins[here] - begins[first]
            starts[here - start, slot] = begin + done
            sizes[here - start, slot] = np.minimum(widths[here], end - begin - done)
            fresh[here - start, slot] = here == first
        return starts, sizes, fresh, widths[start:stop]

    def _course(self, shuffle: tuple[int, int] | None) -> tuple[list[tuple[int, int, int, int, int]], np.ndarray]:
        """Where each row goes, (slot, its first step and the one behind its last, likewise its batches); and the widths of
        the batches, int64.
        """
        rng = np.random.default_rng(shuffle) if shuffle else None
        lengths, offsets = self.lengths, self._rows.offsets
        order = rng.permutation(self.rows) if rng else np.argsort(-lengths, kind="stable")
        slots: list[list[tuple[int, int]]] = [[] for _ in range(self.batch_size)]
        loads = np.zeros(self.batch_size, np.int64)
        for row in order[lengths[order] > 0]:  # to the slot that will be free first
            slot = int(loads.argmin())
            slots[slot].append((int(offsets[row]), int(offsets[row + 1])))
            loads[slot] += -(-lengths[row] // self.window)
        widths = self._widths(rng, slots)
        begins = np.concatenate([[0], np.cumsum(widths)])  # how far a slot is that never begins a row anew
        pieces, used = [], 0
        for slot, rows in enumerate(slots):
            first = 0
            for begin, end in rows:
                last = int(np.searchsorted(begins, begins[first] + end - begin))
                pieces.append((slot, begin, end, first, last))
                first = last
            used = max(used, first)
        return pieces, widths[:used]

    def _widths(self, rng: np.random.Generator | None, slots: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
        """Of at least as many batches as the fullest slot has windows: int64."""
        shares = SHARES if self.random and rng else SHARES[:1]
        known = np.maximum(1, np.round(np.array(shares) * self.window)).astype(np.int64)
        batches = max(sum(-(-(end - begin) // int(known.min())) for begin, end in pieces) for pieces in slots)
        widths: np.ndarray = known[rng.integers(len(known), size=batches)] if rng else np.repeat(known, batches)
        return widths

    def padding_share(self) -> float:
        """Share of an epoch's steps that are padding."""
        _, widths = self._course((0, 0))
        return 1.0 - float(self.lengths.sum()) / float(widths.sum() * self.batch_size)

    def shapes(self) -> list[tuple[int, int]]:
        """The distinct (slots, width) of an epoch's batches."""
        return [(self.batch_size, width) for width in self.boundaries]

    @functools.cached_property
    def _weighed(self) -> np.ndarray | None:
        """float64, (steps + 1,): the sum of the weights before each step; None where all are 1."""
        weights = self.columns.get("weights")
        if not isinstance(weights, Ragged) or (weights.values == 1).all():
            return None
        return np.concatenate([[0.0], np.cumsum(weights.values, dtype=np.float64)])

    def _items(self, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """float64, (batches,): the targets' weights in each batch of a plan."""
        weighed = self._weighed
        each = sizes if weighed is None else weighed[starts + sizes] - weighed[starts]
        items: np.ndarray = each.sum(axis=1, dtype=np.float64)
        return items

    def batches(
        self, shuffle: tuple[int, int] | None = None, *, start: int = 0, stop: int | None = None, part: Part = WHOLE
    ) -> tf.data.Dataset:
        """As `Rows.batches`: columns come as (slots, width, ...), padded with zeros, and "fresh", bool (slots,), says where
        a slot begins a row.
        """
        all_starts, all_sizes, all_fresh, widths = self.plan(shuffle, start=start, stop=stop)
        items = self._items(all_starts, all_sizes).astype(np.float32)
        mine = slice(part.index, None, part.size)

        def gather(
            starts: tf.Tensor, sizes: tf.Tensor, fresh: tf.Tensor, width: tf.Tensor, items: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            columns = self._gather(starts, sizes, fresh, width)
            for values in columns.values():
                values.set_shape([starts.shape[0], *values.shape[1:]])  # slots are known, and so are the states'
            return {
                "fresh": fresh,
                "steps": tf.reduce_sum(sizes),
                "items": items,
                "whole": tf.constant(self.batch_size, tf.int64),
                "counts": tf.constant(1.0),
                **columns,
            }

        dataset = tf.data.Dataset.from_tensor_slices(
            (all_starts[:, mine], all_sizes[:, mine], all_fresh[:, mine], widths, items)
        )
        return without_autotune(dataset.map(gather, num_parallel_calls=2).prefetch(4))

    @functools.cached_property
    def _gather(self) -> Callable[..., dict[str, tf.Tensor]]:
        """Starts, sizes, which are fresh, and the width -> the columns; traced once, whatever the epochs."""

        def take(
            name: str, column: InStep, starts: np.ndarray, sizes: np.ndarray, fresh: np.ndarray, width: np.ndarray
        ) -> np.ndarray:
            return padded_windows(column, starts, sizes, fresh, int(width))

        taken = reader(self.columns, take)
        gather = gatherer(self.columns, taken, lambda name, column: [None, None, *shape_of(column)])
        slots = tf.TensorSpec([None], tf.int64)
        wanted = slots, slots, tf.TensorSpec([None], tf.bool), tf.TensorSpec([], tf.int64)
        traced: Callable[..., dict[str, tf.Tensor]] = tf.function(gather, input_signature=wanted, autograph=False)
        return traced
