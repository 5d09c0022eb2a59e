"""The wide path: a text is the set of its runs."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.wide import Wide
from seqkit.layers import wide
from seqkit.layers.wide import TABLE, Runs, held_by, wide_logits

TOKENS, CLASSES, FIRST = 40, 3, 4  # ids below the first stand for no word
texts = st.lists(st.lists(st.integers(FIRST, 9), max_size=6), min_size=1, max_size=8)


def runs_of(text, longest):
    return {tuple(text[at : at + size]) for size in range(1, longest + 1) for at in range(len(text) - size + 1)}


def padded(rows, more=0):
    width = max(map(len, rows)) + 1 + more
    return np.array([[*row, wide.END] + [0] * (width - len(row) - 1) for row in rows], np.int32)


def ragged(rows):
    return Ragged.of_lengths(np.array(list(itertools.chain(*rows)), np.int32), np.array([len(row) for row in rows]))


@settings(max_examples=20)
@given(rows=texts, longest=st.integers(1, 3), seed=st.integers(0, 9))
def test_a_score_is_the_sum_of_the_weights_of_the_set_of_runs_and_of_the_end(rows, longest, seed):
    """In the graph, and in the matrix that the weights are fitted by; whatever the padding."""
    runs = Runs(TOKENS, longest, 1 << 16)
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, wide_logits(ids, runs, outputs=CLASSES))
    weights = np.random.default_rng(seed).normal(size=(runs.size, CLASSES)).astype(np.float32)
    weights[wide.PADDING] = 0
    model.get_layer(TABLE).set_weights([weights])
    bare = np.array(
        [
            np.sum([weights[runs.places(run)] for run in runs_of(row, longest)] or [[0] * CLASSES], axis=0)
            for row in rows
        ]
    )
    for more in (0, 3):
        np.testing.assert_allclose(model(padded(rows, more)), bare + weights[wide.END], atol=1e-4)
    held = held_by(ragged(rows), runs)
    assert held.shape == (len(rows), runs.size)
    np.testing.assert_allclose(held @ weights, bare, atol=1e-4)


def test_counts_do_not_depend_on_how_many_texts_are_counted_at_once(monkeypatch, rng):
    lengths = rng.integers(0, 7, 30)
    ids = Ragged.of_lengths(rng.integers(FIRST, 9, lengths.sum()), lengths)
    whole = held_by(ids, Runs(TOKENS, 3, 64)).toarray()
    assert whole.sum() > 100
    monkeypatch.setattr(wide, "CHUNK", 5)
    np.testing.assert_array_equal(held_by(ids, Runs(TOKENS, 3, 64)).toarray(), whole)


class Within(int):
    """A number whose products are to be 32-bit integers: not every format's wrap around."""

    def __mul__(self, other):
        assert int(self) * other < 2**31
        return int(self) * other


@pytest.mark.parametrize("tokens", [600, 20_000, 3_000_000])
def test_runs_fall_into_all_buckets_alike_and_no_integer_runs_over(tokens, rng):
    runs = Runs(tokens, 3, 1 << 12)
    for length in (2, 3):
        ids = [rng.integers(FIRST, tokens, 200_000, np.int32) for _ in range(length)]
        places = runs.places(ids)
        np.testing.assert_array_equal(places, runs.places([part.astype(np.int64) for part in ids]))
        counts = np.bincount(places - tokens - (length - 2) * runs.buckets, minlength=runs.buckets)
        assert len(counts) == runs.buckets
        assert counts.var() < 1.5 * counts.mean()  # of draws they are equal
    assert places.max() < runs.size
    Runs(tokens, 6, 1 << 12).places([Within(tokens - 1)] * 6)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"ngrams": -1}, "wide.ngrams is -1"),
        ({"ngrams": 7}, "give 6 at most"),
        ({"buckets": 1}, "wide.buckets is 1"),
        ({"characters": -1}, "wide.characters is -1"),
    ],
)
def test_wrong_settings_get_one_sentence(given, complaint):
    with pytest.raises(InputError, match=complaint):
        Wide(**given)
