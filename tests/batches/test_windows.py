"""Windows: every row once and in order, slots that are busy alike, lengths of windows that are drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.batches.rows import Part
from seqkit.batches.windows import Windows
from seqkit.core.ragged import Ragged

lengths = st.lists(st.integers(0, 40), min_size=1, max_size=60).map(np.array)


def windows(lengths, *settings, **options):
    ids = Ragged.of_lengths(np.arange(1, np.sum(lengths) + 1, dtype=np.int32), np.array(lengths))
    return Windows({"ids": ids}, "ids", *settings, **options)


def test_a_plan_by_hand():
    rows = windows([5, 3, 0, 4], 2, 2)  # the longest first, each to the slot that is free first: 5 | 4 3
    starts, sizes, fresh, widths = rows.plan()
    assert starts.tolist() == [[0, 8], [2, 10], [4, 5], [0, 7]]
    assert sizes.tolist() == [[2, 2], [2, 2], [1, 2], [0, 1]]
    assert fresh.tolist() == [[True, True], [False, False], [False, True], [False, False]]
    assert widths.tolist() == [2, 2, 2, 2]
    assert (rows.rows, len(rows), rows.shapes(), rows.boundaries) == (4, 4, [(2, 2)], (2,))


@given(
    lengths=lengths.filter(lambda lengths: lengths.sum() > 0),
    slots=st.integers(1, 5),
    window=st.integers(1, 12),
    epoch=st.none() | st.integers(0, 3),
)
def test_slots_are_busy_alike(lengths, slots, window, epoch):
    """Greedy balancing ends at most one row after an even share (Graham 1966)."""
    rows = windows(lengths, slots, window)
    starts, sizes, _, widths = rows.plan(None if epoch is None else (7, epoch))
    pieces = -(-lengths // window)
    assert len(starts) <= pieces.sum() / slots + (1 - 1 / slots) * pieces.max()
    assert np.count_nonzero(sizes) == pieces.sum(), "a row takes no more windows than it needs"
    assert (widths == window).all()
    assert not starts[sizes == 0].any()


@given(
    lengths=lengths.filter(lambda lengths: lengths.sum() > 0),
    window=st.integers(2, 12),
    random=st.booleans(),
    bounds=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_a_part_of_a_plan_is_what_the_whole_has_there(lengths, window, random, bounds):
    rows = windows(lengths, 3, window, random=random)
    part = slice(*sorted(bounds))
    for one, whole in zip(rows.plan((7, 1), start=part.start, stop=part.stop), rows.plan((7, 1)), strict=True):
        np.testing.assert_array_equal(one, whole[part])


def test_windows_of_random_length_are_drawn_anew_in_each_epoch():
    rows = windows([100, 150, 90, 60] * 3, 2, 12, random=True)
    drawn = [rows.plan((1, epoch))[3].tolist() for epoch in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) == {12, 9, 6}
    assert rows.boundaries == (6, 9, 12)
    for length in range(
        10, 60, 7
    ):  # so short that seeds and epochs differ in which widths and how many windows there are
        few = windows([length, length // 2], 2, 12, random=True)
        _, sizes, _, widths = few.plan((0, 0))
        assert (len(few), few.boundaries) == (len(widths), tuple(sorted(set(widths.tolist()))))
        assert few.padding_share() == pytest.approx(1 - sizes.sum() / (2 * widths.sum()))
        assert few.shapes() == [(2, width) for width in few.boundaries]
    assert set(rows.plan()[3]) == {12}, "without a seed each is whole"
    assert set(windows([9, 9], 1, 1, random=True).plan((0, 0))[3]) == {1}, "no window is empty"


@settings(max_examples=30)
@given(
    lengths=lengths.filter(lambda lengths: lengths.sum() > 0),
    slots=st.integers(1, 5),
    window=st.integers(2, 12),
    random=st.booleans(),
    epoch=st.none() | st.integers(0, 3),
)
def test_windows_bring_every_row_once_and_in_order(lengths, slots, window, random, epoch):
    rows = windows(lengths, slots, window, random=random)
    ids = rows.columns["ids"]
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


@pytest.mark.parametrize("block", [3, 256])
def test_an_epoch_of_windows_can_be_entered_anywhere(block, monkeypatch):
    monkeypatch.setattr("seqkit.batches.windows.BLOCK", block)
    rows = windows([100, 150, 90, 60], 2, 16, random=True)
    whole = list(rows.batches((1, 1)).as_numpy_iterator())
    for place, batch in enumerate(rows.batches((1, 1), start=5).as_numpy_iterator()):
        np.testing.assert_array_equal(batch["ids"], whole[5 + place]["ids"])
    assert len({batch["ids"].shape[1] for batch in whole}) > 1
    assert len(rows.shapes()) <= 3
    starts, sizes, fresh, _ = rows.plan((1, 1))
    for place, batch in enumerate(rows.batches((1, 1), part=Part(1, 2)).as_numpy_iterator()):
        assert (batch["fresh"].tolist(), batch["steps"]) == ([fresh[place, 1]], sizes[place, 1])
        assert batch["items"] == sizes[place].sum(), "of the whole batch"
        assert (
            batch["ids"][0, : sizes[place, 1]].tolist() == (starts[place, 1] + 1 + np.arange(sizes[place, 1])).tolist()
        )


def test_a_plan_is_made_as_it_is_read(monkeypatch):
    """A whole one has 17 bytes a window, which of a long text is much."""
    monkeypatch.setattr("seqkit.batches.windows.BLOCK", 3)
    planned, plan = [], Windows.plan
    monkeypatch.setattr(
        Windows, "plan", lambda rows, *order, **part: planned.append(part) or plan(rows, *order, **part)
    )
    batches = iter(windows([1000, 1000], 2, 5).batches((0, 0)))
    assert next(batches)["ids"].shape == (2, 5)
    assert all(part["stop"] - part["start"] == 3 for part in planned)
    assert max(part["stop"] for part in planned) <= 12, "and some batches are read before they are asked for"


@pytest.mark.parametrize("slots", [1, 3])
def test_the_number_of_slots_is_known_to_a_graph(slots):
    """A loop over steps keeps the shape of its states, of which each slot has one."""
    ids = Ragged.of_lengths(np.arange(20, dtype=np.int32), np.array([12, 8]))
    spec = Windows({"ids": ids}, "ids", slots, 4).batches().element_spec
    assert (spec["ids"].shape.as_list(), spec["fresh"].shape.as_list()) == ([slots, None], [slots])
