"""Batches: every row once an epoch, few shapes, least padding, the same order for the same seed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.batches.pipeline import Pipeline, Shared, boundaries
from seqkit.batches.windows import Windows
from seqkit.core.ragged import Ragged

lengths = st.lists(st.integers(0, 40), min_size=1, max_size=60).map(np.array)


def pipeline(lengths, batch_size, most=4):
    ids = Ragged.of_lengths(np.arange(1, lengths.sum() + 1, dtype=np.int32), lengths)
    columns = {"inputs": ids, "targets": np.arange(len(lengths), dtype=np.int32)}
    return Pipeline(columns, {"inputs": boundaries(lengths, most=most)}, batch_size)


@given(lengths=lengths, batch_size=st.integers(1, 9), epoch=st.none() | st.integers(0, 3))
def test_every_row_comes_once_and_whole(lengths, batch_size, epoch):
    rows = pipeline(lengths, batch_size)
    shuffle = None if epoch is None else (7, epoch)
    ids, seen = rows.columns["inputs"], []
    batches = list(rows.batches(shuffle).as_numpy_iterator())
    for batch in batches:
        assert batch["inputs"].shape[1] in rows.boundaries
        for row, padded, target in zip(batch["rows"], batch["inputs"], batch["targets"], strict=True):
            np.testing.assert_array_equal(padded[: len(ids[row])], ids[row])
            assert not padded[len(ids[row]) :].any()
            assert target == row
            seen.append(row)
    assert sorted(seen) == list(range(len(lengths)))
    assert len(batches) == len(rows)
    assert sum(len(batch["rows"]) < batch_size for batch in batches) <= 1
    assert len({batch["inputs"].shape for batch in batches}) <= len(rows.boundaries) + 1


@given(lengths=lengths, data=st.data(), batch_size=st.integers(1, 9), steps=st.sampled_from([0, 12, 60]))
def test_rows_of_two_lengths_are_padded_along_both(lengths, data, batch_size, steps):
    others = np.array(data.draw(st.lists(st.integers(1, 30), min_size=len(lengths), max_size=len(lengths))))
    sides = {"source": lengths, "target": others}
    columns = {
        name: Ragged.of_lengths(np.arange(1, size.sum() + 1, dtype=np.int32), size) for name, size in sides.items()
    } | {"weights": Ragged.of_lengths(np.ones(others.sum(), np.float32), others)}
    rows = Pipeline(columns, {name: boundaries(size, most=3) for name, size in sides.items()}, batch_size, steps)
    batches = list(rows.batches((7, 0)).as_numpy_iterator())
    assert len(batches) == len(rows)
    assert sorted(row for batch in batches for row in batch["rows"]) == list(range(len(lengths)))
    assert {(len(b["rows"]), b[name].shape[1]) for b in batches for name in sides} == set(rows.shapes())
    for batch in batches:
        assert batch["steps"] == np.count_nonzero(batch["target"]) == batch["weights"].sum()
        most = max(batch[name].shape[1] for name in sides)
        assert len(batch["rows"]) <= (max(1, steps // most) if steps else batch_size)
        for name in sides:
            for row, padded in zip(batch["rows"], batch[name], strict=True):
                assert padded[padded > 0].tolist() == columns[name][row].tolist()
                assert not padded[sides[name][row] :].any()


def test_rows_share_what_lies_in_memory_once():
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    columns = {
        "ids": Ragged.of_lengths(np.ones(6, np.int32), np.array([1, 2, 3])),
        "image": Shared(images, np.array([1, 0, 1])),
    }
    for batch in Pipeline(columns, {"ids": (3,)}, 2).batches((0, 0)).as_numpy_iterator():
        assert batch["image"].dtype == np.float32
        np.testing.assert_array_equal(batch["image"], images[np.array([1, 0, 1])[batch["rows"]]])


def test_an_epoch_is_a_function_of_its_seed_and_can_be_entered_anywhere():
    rows = pipeline(np.arange(1, 60), 4)
    orders = {
        shuffle: [batch["rows"].tolist() for batch in rows.batches(shuffle).as_numpy_iterator()]
        for shuffle in itertools.product((0, 1), (0, 1))
    }
    assert len({str(order) for order in orders.values()}) == 4
    for start in (0, 3, len(rows)):
        entered = [batch["rows"].tolist() for batch in rows.batches((1, 1), start=start).as_numpy_iterator()]
        assert entered == orders[1, 1][start:]


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12).map(np.array), most=st.integers(1, 4))
def test_boundaries_leave_the_least_padding(lengths, most):
    def padded(widths):
        return sum(min((width for width in widths if width >= length), default=np.inf) for length in lengths)

    every = sorted({int(-(-length // 4) * 4) for length in lengths})
    best = min(padded(widths) for size in range(1, most + 1) for widths in itertools.combinations(every, size))
    found = boundaries(lengths, most=most)
    assert len(found) <= most
    assert padded(found) == best


def test_padding_share_counts_the_padded_steps():
    rows = Pipeline({"inputs": Ragged.of_lengths(np.ones(6, np.int32), np.array([2, 4]))}, {"inputs": (8,)}, 2)
    assert rows.padding_share() == pytest.approx(10 / 16)
    assert rows.shapes() == [(2, 8)]


@given(lengths=lengths, data=st.data())
def test_ragged_rows_are_rows(lengths, data):
    ragged = Ragged.of_lengths(np.arange(lengths.sum()), lengths)
    lists = [ragged[row].tolist() for row in range(len(ragged))]
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=9))
    cut = data.draw(st.integers(0, 10))
    for got, expected in (
        (ragged.take(np.array(rows, int)), [lists[row] for row in rows]),
        (ragged.cut(cut), [row[:cut] for row in lists]),
        (ragged.append(-1), [[*row, -1] for row in lists]),
    ):
        assert [got[row].tolist() for row in range(len(got))] == expected


@given(
    lengths=lengths.filter(lambda lengths: lengths.sum() > 0),
    slots=st.integers(1, 5),
    window=st.integers(2, 12),
    random=st.booleans(),
    epoch=st.none() | st.integers(0, 3),
)
def test_windows_bring_every_row_once_and_in_order(lengths, slots, window, random, epoch):
    ids = Ragged.of_lengths(np.arange(1, lengths.sum() + 1, dtype=np.int32), lengths)
    rows = Windows({"ids": ids}, "ids", slots, window, random)
    streams = [[] for _ in range(slots)]
    for batch in rows.batches(None if epoch is None else (7, epoch)).as_numpy_iterator():
        assert batch["ids"].shape in rows.shapes() or random
        assert batch["steps"] == np.count_nonzero(batch["ids"])
        for slot, (fresh, piece) in enumerate(zip(batch["fresh"], batch["ids"], strict=True)):
            real = piece[piece > 0].tolist()
            assert piece.tolist() == real + [0] * (len(piece) - len(real))
            assert len(piece) <= window
            if fresh:
                streams[slot].append([])
            if real:
                streams[slot][-1] += real
    seen = sorted(row for stream in streams for row in stream)
    assert seen == [row.tolist() for row in (ids[number] for number in range(len(ids))) if len(row)]


def test_an_epoch_of_windows_can_be_entered_anywhere():
    ids = Ragged.of_lengths(np.arange(1, 401, dtype=np.int32), np.array([100, 150, 90, 60]))
    rows = Windows({"ids": ids}, "ids", 2, 16, random=True)
    whole = list(rows.batches((1, 1)).as_numpy_iterator())
    for place, batch in enumerate(rows.batches((1, 1), start=5).as_numpy_iterator()):
        np.testing.assert_array_equal(batch["ids"], whole[5 + place]["ids"])
    assert len({batch["ids"].shape[1] for batch in whole}) > 1
    assert len(rows.shapes()) <= 3
