"""Parts of batches: together they are the whole ones, row for row and step for step, for any number of processes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.batches.rows import Part
from seqkit.batches.windows import Windows
from seqkit.core.ragged import Ragged

SHUFFLE = (3, 1)


def columns(lengths, weighed):
    ids = Ragged.of_lengths(np.arange(1, lengths.sum() + 1, dtype=np.int32), lengths)
    weights = np.random.default_rng(0).integers(0, 3, lengths.sum()) if weighed else np.ones(lengths.sum())
    return {"ids": ids, "targets": ids, "weights": Ragged(weights.astype(np.float32), ids.offsets)}


@settings(max_examples=20)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=30).map(np.array),
    size=st.integers(1, 4),
    start=st.integers(0, 3),
    kind=st.sampled_from(["rows", "windows"]),
    weighed=st.booleans(),
)
def test_parts_are_together_the_whole(lengths, size, start, kind, weighed):
    given = columns(lengths, weighed)
    rows = (
        Windows(given, "ids", 5, 4) if kind == "windows" else Pipeline(given, {"ids": boundaries(lengths, most=3)}, 5)
    )
    whole = list(rows.batches(SHUFFLE, start=start).as_numpy_iterator())
    parts = [
        list(rows.batches(SHUFFLE, start=start, part=Part(index, size)).as_numpy_iterator()) for index in range(size)
    ]
    assert all(len(part) == len(whole) for part in parts)
    for batch, *shares in zip(whole, *parts, strict=True):
        assert batch["items"] == pytest.approx(batch["weights"].sum())
        assert batch["steps"] == sum(share["steps"] for share in shares)
        count = len(batch["ids"])
        for index, share in enumerate(shares):
            assert share["items"] == batch["items"]
            assert share["whole"] == batch["whole"] == count
            own = range(index, count, size)
            assert share["counts"] == (len(own) > 0)
            for name in given:
                np.testing.assert_array_equal(share[name], batch[name][own] if own else batch[name][:1])


def test_items_are_the_targets_that_count():
    lengths = np.array([3, 1, 2])
    ids = Ragged.of_lengths(np.ones(6, np.int32), lengths)
    labels = np.zeros(3, np.int32)
    for more, expected in (
        ({"targets": labels}, 3.0),
        ({"targets": labels, "weights": np.array([0.5, 0, 2], np.float32)}, 2.5),
        ({"targets": ids}, 6.0),
        ({}, 3.0),
    ):
        (batch,) = Pipeline({"ids": ids} | more, {"ids": (3,)}, 3).batches().as_numpy_iterator()
        assert batch["items"] == expected
