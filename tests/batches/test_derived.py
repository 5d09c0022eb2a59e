"""What follows from ids, batch by batch, beside lists written out; from memory and from a file."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqkit.batches.derived import Ones, shifted, with_end
from seqkit.batches.gathering import padded_rows, padded_windows
from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.ragged import LookedUp, Ragged

BEGIN, END = 2, 3
rows = st.lists(st.lists(st.integers(4, 9), max_size=5), min_size=1, max_size=6)


def ragged(lists, dtype=np.int32):
    values = np.array([one for row in lists for one in row], dtype)
    return Ragged.of_lengths(values, np.array([len(row) for row in lists], np.int64))


def padded(lists, width):
    return [row + [0] * (width - len(row)) for row in lists]


@given(rows, st.integers(1, 8), st.sampled_from([np.int32, np.uint16]), st.data())
def test_what_surrounds_ids(lists, longest, dtype, data):
    ids, order = ragged(lists, dtype), np.array(data.draw(st.permutations(range(len(lists)))))
    ended = [[*row[: longest - 1], END] for row in lists]
    begun = [[BEGIN, *row][: len(row)] for row in lists]
    for column, wanted in (
        (with_end(ids, END, longest=longest), ended),
        (with_end(ids, END), [[*row, END] for row in lists]),
        (shifted(ids, BEGIN), begun),
        (Ones(ids.lengths), [[1.0] * len(row) for row in lists]),
        (Ones(ids.lengths, ends=False), [[1.0] * (len(row) - 1) + [0.0] if row else [] for row in lists]),
        (ids, lists),
        (LookedUp(ids, 10 - np.arange(10, dtype=np.int32)), [[10 - one for one in row] for row in lists]),
    ):
        assert column.lengths.tolist() == [len(row) for row in wanted]
        assert [column[row].tolist() for row in range(len(column))] == wanted
        batch = padded_rows(column, order, 7)
        assert batch.tolist() == padded([wanted[row] for row in order], 7)
        assert batch.dtype == (np.float32 if isinstance(column, Ones) else np.int32)
        if not isinstance(column, Ragged):
            assert padded_rows(column.take(order), np.arange(len(order)), 7).tolist() == batch.tolist()
    assert Ones(ids.lengths, ends=False).sums().tolist() == [max(len(row) - 1, 0) for row in lists]


@given(rows, st.integers(1, 4), st.integers(1, 3))
def test_windows_show_what_stands_before(lists, window, slots):
    """Laid one after the other, a slot's windows are its rows: each behind what begins it, and without its last."""
    ids = ragged(lists)
    columns = {"before": shifted(ids, BEGIN), "targets": ids, "weights": Ones(ids.lengths)}
    if not len(ids.values):
        return
    seen = {name: [[] for _ in range(slots)] for name in columns}
    for starts, sizes, fresh, width in zip(*Windows(columns, "targets", slots, window).plan((0, 0)), strict=True):
        for name, column in columns.items():
            batch = padded_windows(column, starts, sizes, fresh, int(width))
            for slot, (steps, size) in enumerate(zip(batch.tolist(), sizes.tolist(), strict=True)):
                seen[name][slot] += steps[:size]
                assert not any(steps[size:])
    for before, targets, weights in zip(*(seen[name] for name in columns), strict=True):
        row = []
        for one, target in zip(before, targets, strict=True):
            assert one == BEGIN or one == row[-1]
            row = [target] if one == BEGIN else [*row, target]
        assert weights == [1.0] * len(targets)
    begun = sum(before.count(BEGIN) for before in seen["before"])
    assert begun == sum(map(bool, lists))
    assert sorted(itertools.chain(*seen["targets"])) == sorted(ids.values.tolist())


def test_items_of_a_batch_are_the_weights_that_count():
    ids = ragged([[4, 5], [6], [7, 8, 9]])
    column = with_end(ids, END)
    for ends, items in ((True, 9), (False, 6)):
        columns = {"targets": column, "weights": Ones(column.lengths, ends)}
        (batch,) = Pipeline(columns, {"targets": (4,)}, 3).batches().as_numpy_iterator()
        assert (batch["items"], batch["weights"].sum(), batch["steps"]) == (items, items, 9)
