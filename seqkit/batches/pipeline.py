"""Batches of whole rows: shuffled with a seed, bucketed by length, padded to the bucket's boundary, prefetched.

Which rows make which batch is planned in NumPy, as a pure function of the seed and the epoch; tf.data then gathers and
pads them. So an epoch can be entered at any step (resume) and a batch be cut among processes, without saved iterators.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.batches.derived import InStep, Ones
from seqkit.batches.gathering import gatherer, padded_rows, reader, shape_of
from seqkit.batches.rows import WHOLE, Part, Rows
from seqkit.core.autotune import without_autotune
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged

FAR = 1 << 18  # steps of padding that rows don't cross for the sake of a whole batch


@dataclasses.dataclass(frozen=True)
class Shared:
    """An array that several rows may share, such as an image with all its questions.

    Attributes:
        values: (items, ...), in memory or mapped from a file; bytes come into a batch as float32.
        index: int, (rows,): which item a row has.
    """

    values: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The items of these rows."""
        items: np.ndarray = self.values[self.index[rows]]
        return items

    def chunks(self, size: int = 256) -> Iterator[np.ndarray]:
        """The items that rows have, few at once: what is computed from them is often larger than they are."""
        used = np.unique(self.index)
        for start in range(0, len(used), size):
            yield self.values[used[start : start + size]]

    def take(self, rows: np.ndarray) -> "Shared":
        """The given rows, in that order."""
        return Shared(self.values, self.index[rows])


Column = InStep | np.ndarray | Shared


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Rows as columns of arrays, and how they become batches.

    Attributes:
        columns: Name -> ragged rows (padded in the batch with zeros), an array (rows, ...) or `Shared`. A model finds its
            inputs by their names; "targets" are what it is to answer, and "weights", in step with them, which of them
            count (1) or are padding (0).
        axes: Ragged column -> the widths to which its rows are padded, ascending; the last is the longest row's at least.
            Any other ragged column runs in step with the first of these whose rows have the same lengths. The last axis is
            that of the answers.
        batch_size: Rows a batch; the last batch of an epoch may be smaller.
        batch_steps: If not 0, how many steps a batch has at most along each axis, padding and all, in place of
            `batch_size`.
    """

    columns: dict[str, Column]
    axes: dict[str, tuple[int, ...]]
    batch_size: int
    batch_steps: int = 0

    def __len__(self) -> int:
        """Batches an epoch."""
        near = not self.batch_steps and self.batch_size * self.boundaries[-1] <= FAR
        return -(-self.rows // self.batch_size) if near else len(self.plan())

    @property
    def rows(self) -> int:
        """Rows an epoch."""
        return len(self.lengths)

    @property
    def lengths(self) -> np.ndarray:
        """Of the answers: int64, (rows,)."""
        return self._lengths[-1]

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The widths of the batches along any axis, ascending."""
        return tuple(sorted({width for widths in self.axes.values() for width in widths}))

    @functools.cached_property
    def _lengths(self) -> list[np.ndarray]:
        """int64, (rows,), for each axis."""
        return [self._ragged(name).lengths for name in self.axes]

    def _ragged(self, name: str) -> InStep:
        column = self.columns[name]
        assert isinstance(column, InStep), "an axis is a ragged column"
        return column

    def plan(self, shuffle: tuple[int, int] | None = None) -> list[tuple[np.ndarray, tuple[int, ...]]]:
        """The batches of an epoch as (rows, width along each axis).

        Each bucket's rows are cut into whole batches; what remains moves up into the next bucket, so that an epoch has
        at most one smaller batch, and along one axis one shape more than widths. It stays behind where it would take
        more than `FAR` steps of padding. With `batch_steps` what would take more than a batch there is one by itself.

        Args:
            shuffle: (seed, epoch) for a shuffled epoch; None for rows by length.
        """
        rng = np.random.default_rng(shuffle) if shuffle else None
        order = rng.permutation(self.rows) if rng else np.lexsort(self._lengths[::-1])
        widths = list(self.axes.values())
        places = [np.searchsorted(w, lengths) for w, lengths in zip(widths, self._lengths, strict=True)]
        bucket = np.ravel_multi_index(places, [len(w) for w in widths])[order]

        def shape(rows: np.ndarray) -> tuple[int, ...]:
            return tuple(w[int(place[rows].max())] for w, place in zip(widths, places, strict=True))

        def size_of(rows: np.ndarray) -> int:
            return max(1, self.batch_steps // max(shape(rows))) if self.batch_steps else self.batch_size

        batches, rest = [], np.empty(0, np.int64)
        for number in np.unique(bucket):
            own = order[bucket == number]
            more = len(rest) and len(rest) * (max(shape(own)) - max(shape(rest)))
            if more > FAR or len(rest) > size_of(np.concatenate([rest, own])):  # fewer steps than in a wider batch
                batches.append((rest, shape(rest)))
                rest = rest[:0]
            rest = np.concatenate([rest, own])
            size = size_of(rest)
            whole = len(rest) - len(rest) % size
            batches += [(rows, shape(rows)) for rows in rest[:whole].reshape(-1, size)]
            rest = rest[whole:]
        if len(rest):
            batches.append((rest, shape(rest)))
        if rng:
            batches = [batches[place] for place in rng.permutation(len(batches))]
        return batches

    def padding_share(self) -> float:
        """Share of a shuffled epoch's steps that are padding."""
        cells = sum(len(rows) * sum(widths) for rows, widths in self.plan((0, 0)))
        return 1.0 - float(sum(lengths.sum() for lengths in self._lengths)) / max(cells, 1)

    def shapes(self) -> list[tuple[int, int]]:
        """The distinct (rows, width) of a shuffled epoch's batches: as many graphs as XLA may compile for a layer."""
        return sorted({(len(rows), width) for rows, widths in self.plan((0, 0)) for width in widths})

    @functools.cached_property
    def _items(self) -> np.ndarray:
        """float64, (rows,): the targets' weights in each row."""
        weights, targets = self.columns.get("weights"), self.columns.get("targets")
        if isinstance(weights, Ragged | Ones):
            return weights.sums().astype(np.float64)
        if isinstance(weights, np.ndarray):
            return weights.astype(np.float64)
        return targets.lengths.astype(np.float64) if isinstance(targets, InStep) else np.ones(self.rows)

    def batches(
        self, shuffle: tuple[int, int] | None = None, *, start: int = 0, stop: int | None = None, part: Part = WHOLE
    ) -> tf.data.Dataset:
        """As `Rows.batches`: a ragged column comes as (batch, width, ...), padded with zeros, any other as (batch, ...), and
        "rows" are the rows' numbers.
        """
        plan = self.plan(shuffle)[start:stop]
        flat = np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in plan)])
        rows = tf.RaggedTensor.from_row_lengths(flat, [len(rows) for rows, _ in plan] or np.empty(0, np.int64))
        widths = tf.constant(np.array([widths for _, widths in plan], np.int64).reshape(len(plan), len(self.axes)))

        def gather(whole: tf.Tensor, width: tf.Tensor) -> dict[str, tf.Tensor]:
            own = whole[part.index :: part.size]
            counts = tf.size(own) > 0
            rows = tf.cond(counts, lambda: own, lambda: whole[:1])
            columns = self._gather(rows, width, whole)
            return {
                "rows": rows,
                "whole": tf.size(whole, tf.int64),
                "counts": tf.cast(counts, tf.float32),
                **columns,
                "steps": tf.where(counts, columns["steps"], 0),
                "items": tf.cast(columns["items"], tf.float32),
            }

        dataset = tf.data.Dataset.from_tensor_slices((rows, widths))
        return without_autotune(dataset.map(gather, num_parallel_calls=2).prefetch(4))

    def each(self) -> Iterator[dict[str, tf.Tensor]]:
        """The columns and "rows" of the batches of `batches()`, read one by one as they are asked for: to make a dataset
        takes longer than to answer a few rows, and some memory that TensorFlow keeps.
        """
        names = [*self._read_columns, "rows"]
        for rows, widths in self.plan():
            taken = self._read(rows, np.array(widths), rows)
            yield dict(zip(names, map(tf.constant, [*taken, rows]), strict=True))

    @functools.cached_property
    def _read_columns(self) -> dict[str, Any]:
        return {**self.columns, "steps": self.lengths, "items": self._items}

    @functools.cached_property
    def _axes_of(self) -> dict[str, int]:
        return {name: self._axis_of(column) for name, column in self.columns.items() if isinstance(column, InStep)}

    @functools.cached_property
    def _read(self) -> Callable[..., list[np.ndarray]]:
        """Rows, the width along each axis, and the rows of the whole batch -> the columns, steps and items."""

        def take(name: str, column: Column, rows: np.ndarray, widths: np.ndarray, whole: np.ndarray) -> Any:
            if isinstance(column, InStep):
                return padded_rows(column, rows, int(widths[self._axes_of[name]]))
            if name in self.columns:
                return column[rows]
            return column[whole if name == "items" else rows].sum()

        return reader(self._read_columns, take)

    @functools.cached_property
    def _gather(self) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
        """The same of a graph; traced once, whatever the epochs."""

        def shape(name: str, column: Column) -> list[int | None]:
            if name not in self.columns:
                return []
            return [None, *([None] if name in self._axes_of else []), *shape_of(column)]

        rows = tf.TensorSpec([None], tf.int64)
        traced: Callable[..., dict[str, tf.Tensor]] = tf.function(
            gatherer(self._read_columns, self._read, shape),
            input_signature=(rows, tf.TensorSpec([len(self.axes)], tf.int64), rows),
            autograph=False,
        )
        return traced

    def _axis_of(self, column: InStep) -> int:
        lengths = column.lengths
        return next(axis for axis, others in enumerate(self._lengths) if np.array_equal(lengths, others))


def limited(rows: Rows, tokens: int | None) -> Rows:
    """The rows in batches of so many steps at most, in place of so many rows; as they are where there is no bound.

    Raises:
        InputError: They come in windows, whose steps are given.
    """
    if tokens is None:
        return rows
    if not isinstance(rows, Pipeline):
        raise InputError(
            f"training.batch_tokens is {tokens}, but rows come in windows of {rows.batch_size} x {rows.boundaries[-1]} "
            "steps: leave it out, and choose training.batch_size and window."
        )
    return dataclasses.replace(rows, batch_steps=tokens)


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
