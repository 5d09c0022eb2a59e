"""Batches of windows: long rows go through the slots of a batch piece by piece, so that a slot's state can go on.

This is the data side of truncated backpropagation through time (Williams and Peng 1990). As in `pipeline.py` an epoch is
a pure function of the seed and its number.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.batches.derived import InStep
from seqkit.batches.gathering import gatherer, padded_windows, reader, shape_of
from seqkit.batches.rows import WHOLE, Part
from seqkit.core.autotune import without_autotune
from seqkit.core.ragged import Ragged

SHARES = (1.0, 0.75, 0.5)  # of the window, where its length is random: few, since XLA compiles each
BLOCK = 256  # batches that are planned at once
NO_ORDER = (-1, -1)  # in place of (seed, epoch)


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
        return len(self._course((0, 0))[1]) - 1

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
        return tuple(np.unique(np.diff(self._course((0, 0))[1])).tolist())

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
        pieces, begins = self._course(shuffle)
        start, stop, _ = slice(start, stop).indices(len(begins) - 1)
        shape = max(stop - start, 0), self.batch_size
        starts, sizes, fresh = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool)
        widths = np.diff(begins[start : stop + 1])
        for slot, begin, end, first, last in pieces[(pieces[:, 3] < stop) & (pieces[:, 4] > start)].tolist():
            here = np.arange(max(first, start), min(last, stop))
            done = begins[here] - begins[first]
            starts[here - start, slot] = begin + done
            sizes[here - start, slot] = np.minimum(widths[here - start], end - begin - done)
            fresh[here - start, slot] = here == first
        return starts, sizes, fresh, widths

    @functools.cached_property
    def _course(self) -> Callable[[tuple[int, int] | None], tuple[np.ndarray, np.ndarray]]:
        """(seed, epoch) or None -> where each row goes, int64 (rows, 5): its slot, its first step and the one behind its
        last, likewise its batches; and where the batches begin in a slot that never begins a row anew, int64 (batches + 1,).
        """
        return functools.lru_cache(maxsize=2)(self._drawn_course)

    def _drawn_course(self, shuffle: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(shuffle) if shuffle else None
        lengths, offsets = self.lengths, self._rows.offsets
        order = rng.permutation(self.rows) if rng else np.argsort(-lengths, kind="stable")
        slots: list[list[tuple[int, int]]] = [[] for _ in range(self.batch_size)]
        loads = np.zeros(self.batch_size, np.int64)
        for row in order[lengths[order] > 0]:  # to the slot that will be free first
            slot = int(loads.argmin())
            slots[slot].append((int(offsets[row]), int(offsets[row + 1])))
            loads[slot] += -(-lengths[row] // self.window)
        begins = np.concatenate([[0], np.cumsum(self._widths(rng, slots))])
        pieces, used = [], 0
        for slot, rows in enumerate(slots):
            first = 0
            for begin, end in rows:
                last = int(np.searchsorted(begins, begins[first] + end - begin))
                pieces.append((slot, begin, end, first, last))
                first = last
            used = max(used, first)
        return np.array(pieces, np.int64).reshape(-1, 5), begins[: used + 1]

    def _widths(self, rng: np.random.Generator | None, slots: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
        """Of at least as many batches as the fullest slot has windows: int64."""
        shares = SHARES if self.random and rng else SHARES[:1]
        known = np.maximum(1, np.round(np.array(shares) * self.window)).astype(np.int64)
        batches = max(sum(-(-(end - begin) // int(known.min())) for begin, end in pieces) for pieces in slots)
        widths: np.ndarray = known[rng.integers(len(known), size=batches)] if rng else np.repeat(known, batches)
        return widths

    def padding_share(self) -> float:
        """Share of an epoch's steps that are padding."""
        _, begins = self._course((0, 0))
        return 1.0 - float(self.lengths.sum()) / float(begins[-1] * self.batch_size)

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

    def _items(self, starts: np.ndarray, sizes: np.ndarray) -> float:
        """The targets' weights in a batch's windows."""
        weighed = self._weighed
        each = sizes if weighed is None else weighed[starts + sizes] - weighed[starts]
        return float(each.sum(dtype=np.float64))

    def batches(
        self, shuffle: tuple[int, int] | None = None, *, start: int = 0, stop: int | None = None, part: Part = WHOLE
    ) -> tf.data.Dataset:
        """As `Rows.batches`: columns come as (slots, width, ...), padded with zeros, and "fresh", bool (slots,), says where
        a slot begins a row.
        """
        first, last, _ = slice(start, stop).indices(len(self._course(shuffle)[1]) - 1)

        def gather(number: tf.Tensor) -> dict[str, tf.Tensor]:
            columns = self._gather(tf.constant(shuffle or NO_ORDER, tf.int64), number, [part.index, part.size])
            for name in ("fresh", *self.columns):  # slots are known, and so are the states'
                columns[name].set_shape([part.of(self.batch_size), *columns[name].shape[1:]])
            return {"whole": tf.constant(self.batch_size, tf.int64), "counts": tf.constant(1.0), **columns}

        dataset = tf.data.Dataset.range(first, last).map(gather, num_parallel_calls=2)
        return without_autotune(dataset.prefetch(4))

    @functools.cached_property
    def _gather(self) -> Callable[..., dict[str, tf.Tensor]]:
        """The order, a batch's number in it, and a part's index and size -> the columns, and what is told of a batch; traced
        once, whatever the epochs.
        """
        told = {"fresh": np.zeros(0, bool), "steps": np.zeros(0, np.int64), "items": np.zeros(0, np.float32)}
        planned = functools.lru_cache(maxsize=4)(self._block)

        def take(name: str, column: Any, order: np.ndarray, number: np.ndarray, part: np.ndarray) -> Any:
            block, place = divmod(int(number), BLOCK)
            starts, sizes, fresh, width = (each[place] for each in planned(*order.tolist(), block))
            mine = slice(part[0], None, part[1])
            match name:
                case "fresh":
                    return fresh[mine]
                case "steps":
                    return sizes[mine].sum()
                case "items":
                    return self._items(starts, sizes)
            return padded_windows(column, starts[mine], sizes[mine], fresh[mine], int(width))

        def shape(name: str, column: Any) -> list[int | None]:
            if name in told:
                return [None] if name == "fresh" else []
            return [None, None, *shape_of(column)]

        read: dict[str, Any] = {**self.columns, **told}
        wanted = [tf.TensorSpec(size, tf.int64) for size in ([2], [], [2])]
        gather = gatherer(read, reader(read, take), shape)
        traced: Callable[..., dict[str, tf.Tensor]] = tf.function(gather, input_signature=wanted, autograph=False)
        return traced

    def _block(self, seed: int, epoch: int, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A block of the plan of an epoch, of which the whole has 17 bytes a window."""
        order = None if (seed, epoch) == NO_ORDER else (seed, epoch)
        return self.plan(order, start=block * BLOCK, stop=(block + 1) * BLOCK)
