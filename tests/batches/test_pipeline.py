"""Batches: every row once an epoch, few shapes, least padding, the same order for the same seed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.batches import pipeline as module
from seqkit.batches.gathering import padded_rows
from seqkit.batches.pipeline import Pipeline, Shared, boundaries, limited
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged

lengths = st.lists(st.integers(0, 40), min_size=1, max_size=60).map(np.array)


def pipeline(lengths, batch_size, most=4):
    ids = Ragged.of_lengths(np.arange(1, lengths.sum() + 1, dtype=np.int32), lengths)
    columns = {"inputs": ids, "targets": np.arange(len(lengths), dtype=np.int32)}
    return Pipeline(columns, {"inputs": boundaries(lengths, most=most)}, batch_size)


def two_axes(lengths, others, batch_size, steps=0):
    sides = {"source": lengths, "target": others}
    columns = {name: Ragged.of_lengths(np.zeros(size.sum(), np.int32), size) for name, size in sides.items()}
    return Pipeline(columns, {"source": (8, 20, 40), "target": (10, 30)}, batch_size, steps)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=60).map(np.array),
    batch_size=st.integers(1, 9),
    steps=st.sampled_from([0, 12, 60, 200]),
    shuffle=st.none() | st.tuples(st.just(3), st.integers(0, 3)),
)
def test_a_plan_makes_whole_batches_as_narrow_as_their_rows(sizes, batch_size, steps, shuffle):
    rows = two_axes(*sizes.T, batch_size, steps)
    plan = rows.plan(shuffle)
    assert len(plan) == len(rows)
    assert sorted(row for batch, _ in plan for row in batch) == list(range(len(sizes)))
    for batch, widths in plan:
        longest = sizes[batch].max(axis=0)
        assert widths == tuple(
            min(w for w in axis if w >= most) for axis, most in zip(rows.axes.values(), longest, strict=True)
        )
    short = [batch for batch, widths in plan if len(batch) < (max(1, steps // max(widths)) if steps else batch_size)]
    buckets = {widths for _, widths in plan}
    assert len(short) <= (len(buckets) if steps else 1)
    assert all(not steps or len(batch) == 1 or len(batch) * max(widths) <= steps for batch, widths in plan)
    if shuffle is None:  # the narrow first; within a bucket by the first axis, then by the second
        buckets = [
            tuple(np.searchsorted(axis, length) for axis, length in zip(rows.axes.values(), size, strict=True))
            for size in sizes.tolist()
        ]
        order = [row for batch, _ in plan for row in batch]
        assert order == sorted(range(len(sizes)), key=lambda row: (buckets[row], *sizes[row].tolist()))
    padded = sum(len(batch) * sum(widths) for batch, widths in rows.plan((0, 0)))
    assert rows.padding_share() == pytest.approx(1 - sizes.sum() / padded)
    assert (rows.rows, rows.lengths.tolist()) == (len(sizes), sizes[:, 1].tolist())
    assert rows.boundaries == (8, 10, 20, 30, 40)


@settings(max_examples=25)
@given(lengths=lengths, start=st.integers(0, 9), tokens=st.integers(1, 200), epoch=st.integers(0, 3))
def test_batches_of_so_many_steps_hold_each_row_once_and_can_be_entered_anywhere(lengths, start, tokens, epoch):
    rows = limited(pipeline(lengths, 5), tokens)
    batches = [batch["rows"].numpy().tolist() for batch in rows.batches((3, epoch))]
    counts = np.bincount(np.searchsorted(rows.boundaries, lengths), minlength=len(rows.boundaries))
    alone = [-(-count // max(1, tokens // width)) for count, width in zip(counts, rows.boundaries, strict=True)]
    assert len(batches) == len(rows) <= sum(alone)  # no more than if each width's rows had batches of their own
    assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
    assert [batch["rows"].numpy().tolist() for batch in rows.batches((3, epoch), start=start)] == batches[start:]


@settings(max_examples=8)
@given(lengths=lengths, batch_size=st.integers(1, 9))
def test_batches_are_the_same_one_by_one(lengths, batch_size):
    rows = pipeline(lengths, batch_size)
    for one, other in zip(rows.each(), rows.batches(), strict=True):
        assert one.keys() <= other.keys()
        assert one.keys() >= {*rows.columns, "rows", "steps", "items"}
        for name, values in one.items():
            assert values.dtype.is_integer == other[name].dtype.is_integer
            np.testing.assert_array_equal(values, other[name], name)


@pytest.mark.parametrize(("far", "batches"), [(300, [[0, 1, 2, 3]]), (287, [[0, 1, 2], [3]])])
def test_short_rows_are_not_padded_to_one_that_is_far_longer(far, batches, monkeypatch):
    monkeypatch.setattr(module, "FAR", far)
    rows = Pipeline(pipeline(np.array([1, 3, 4, 99]), 8).columns, {"inputs": (4, 100)}, 8)
    for shuffle in (None, (0, 0), (0, 1)):
        assert sorted(sorted(own.tolist()) for own, _ in rows.plan(shuffle)) == batches
    assert len(rows) == len(batches)


def test_what_comes_in_windows_has_its_steps():
    rows = Windows({"ids": Ragged.of_lengths(np.arange(9), np.array([9]))}, "ids", 4, 3)
    assert limited(rows, None) is rows
    with pytest.raises(InputError, match=r"training.batch_tokens is 7, but rows come in windows of 4 x 3 steps: leave"):
        limited(rows, 7)


def test_rows_share_what_lies_in_memory_once():
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    columns = {
        "ids": Ragged.of_lengths(np.ones(6, np.int32), np.array([1, 2, 3])),
        "image": Shared(images, np.array([1, 0, 1])),
    }
    for batch in Pipeline(columns, {"ids": (3,)}, 2).batches((0, 0)).as_numpy_iterator():
        assert batch["image"].dtype == np.float32
        np.testing.assert_array_equal(batch["image"], images[np.array([1, 0, 1])[batch["rows"]]])


def test_shared_items_are_taken_by_row_and_computed_from_once():
    shared = Shared(np.arange(10) * 10, np.array([7, 2, 7, 9, 0, 2]))
    assert len(shared) == 6
    assert shared[np.array([0, 3])].tolist() == [70, 90]
    assert shared.take(np.array([5, 0]))[np.arange(2)].tolist() == [20, 70]
    assert [part.tolist() for part in shared.chunks(3)] == [[0, 20, 70], [90]]
    assert [len(part) for part in Shared(np.arange(300), np.arange(300)).chunks()] == [256, 44]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_what_is_mapped_from_a_file_is_cut_as_from_memory(dtype, tmp_path):
    values = np.memmap(tmp_path / "values", dtype, "w+", shape=(6, 2))
    values[:] = np.arange(1, 13).reshape(6, 2)
    for source in (values, np.array(values)):
        cut = padded_rows(Ragged(source, np.array([0, 2, 2, 5])), np.array([2, 1, 0]), 3)
        assert cut.dtype == ("float32" if dtype in ("uint8", "float32") else "int32")
        assert cut[..., 0].tolist() == [[5, 7, 9], [0, 0, 0], [1, 3, 0]]
    one = Pipeline(
        {"ids": Ragged.of_lengths(np.ones(3, np.int32), np.array([1, 2])), "image": Shared(values, np.array([3, 1]))},
        {"ids": (2,)},
        2,
    )
    batch = next(one.batches().as_numpy_iterator())
    assert batch["image"].tolist() == [[7, 8], [3, 4]]
    assert batch["image"].dtype == ("float32" if dtype == "uint8" else "int32")


def test_rows_that_are_all_empty_are_padding():
    cut = padded_rows(Ragged(np.zeros((0, 2), np.float32), np.zeros(2, np.int64)), np.array([0]), 2)
    np.testing.assert_array_equal(cut, np.zeros((1, 2, 2)))


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


def test_boundaries_of_very_many_lengths_are_coarser():
    found = boundaries(np.arange(1, 4 * 513 + 1))  # 513 multiples of 4
    assert len(found) == 12
    assert all(width % 8 == 0 for width in found)
    assert found[-1] == 8 * 257
    assert max(np.diff([0, *found])) <= 8 * 22, "an even spread leaves the least padding"
    assert boundaries(np.arange(1, 4 * 512 + 1), most=512) == tuple(range(4, 4 * 512 + 1, 4))


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


@settings(max_examples=8)
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


@settings(max_examples=30)
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
