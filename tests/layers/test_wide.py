"""The wide path: what it starts from, and that a text is the set of its runs."""

import itertools
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.wide import Wide
from seqkit.layers import wide
from seqkit.layers.wide import FACTORS, Runs, log_ratios_of, start_wide, wide_logits

TOKENS, CLASSES, FIRST = 40, 3, 4  # ids below the first stand for no word
texts = st.lists(st.lists(st.integers(FIRST, 9), max_size=6), min_size=4, max_size=8)


def runs_of(text, longest):
    return {tuple(text[at : at + size]) for size in range(1, longest + 1) for at in range(len(text) - size + 1)}


def expected_scores(train, labels, text, longest):
    """From the equations: log-ratios by counting sets of runs, in no table; and how frequent each class is."""
    held = [runs_of(own, longest) for own in train]
    known = [run for run in set().union(*held) if sum(run in own for own in held) > 1]
    ratios = {run: [] for run in known}
    for name in range(CLASSES):
        p, q = (
            {
                run: 1 + sum(run in own for own, label in zip(held, labels, strict=True) if (label == name) == ours)
                for run in known
            }
            for ours in (True, False)
        )
        for run in known:
            ratios[run].append(math.log(p[run] / sum(p.values())) - math.log(q[run] / sum(q.values())))
    sums = np.array([np.sum([ratios[run] for run in own if run in ratios] or [[0] * CLASSES], axis=0) for own in held])
    spread = np.sqrt(np.mean((sums - sums.mean(axis=1, keepdims=True)) ** 2)) or 2.0
    own = np.sum([ratios[run] for run in runs_of(text, longest) if run in ratios] or [[0] * CLASSES], axis=0)
    return own * 2.0 / spread + np.log([(labels.count(name) + 1) / (len(labels) + CLASSES) for name in range(CLASSES)])


def started(train, labels, longest, rate=20.0):
    runs = Runs(TOKENS, longest, 1 << 16)
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, wide_logits(ids, runs, outputs=CLASSES, rate=rate))
    start_wide(
        model,
        Ragged.of_lengths(np.array(list(itertools.chain(*train)), np.int32), [len(t) for t in train]),
        np.array(labels),
        runs,
    )
    return model


def padded(rows, more=0):
    width = max(map(len, rows)) + 1 + more
    return np.array([[*row, wide.END] + [0] * (width - len(row) - 1) for row in rows], np.int32)


@settings(max_examples=20)
@given(train=texts, longest=st.integers(1, 3), seed=st.integers(0, 9))
def test_it_begins_as_naive_bayes_on_the_sets_of_runs(train, longest, seed):
    labels = np.random.default_rng(seed).integers(0, CLASSES, len(train)).tolist()
    model = started(train, labels, longest)
    expected = [expected_scores(train, labels, text, longest) for text in train]
    for more in (0, 3):
        np.testing.assert_allclose(model(padded(train, more)), expected, atol=1e-4)


def test_a_step_moves_the_factor_of_each_run_that_a_text_holds_once():
    train, labels = [[5, 6, 5], [5, 6, 7], [7, 8], [7, 8, 8]], [0, 0, 1, 2]
    model = started(train, labels, 2, rate=10.0)
    before = model(padded([[5, 6, 5]])).numpy()
    table = model.get_layer(FACTORS)
    table.set_weights([np.full(table.get_weights()[0].shape, 0.1)])
    np.testing.assert_allclose(model(padded([[5, 6, 5]])), 2 * before, rtol=1e-5)  # 1 + 10 times 0.1


def test_counts_do_not_depend_on_how_many_texts_are_counted_at_once(monkeypatch, rng):
    lengths = rng.integers(0, 7, 30)
    ids, labels = Ragged.of_lengths(rng.integers(FIRST, 9, lengths.sum()), lengths), rng.integers(0, CLASSES, 30)
    whole = log_ratios_of(ids, labels, Runs(TOKENS, 3, 64), CLASSES)
    assert np.count_nonzero(whole) > 60
    monkeypatch.setattr(wide, "CHUNK", 5)
    np.testing.assert_allclose(log_ratios_of(ids, labels, Runs(TOKENS, 3, 64), CLASSES), whole, rtol=1e-6)


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
        ({"rate": 0}, "wide.rate is 0"),
    ],
)
def test_wrong_settings_get_one_sentence(given, complaint):
    with pytest.raises(InputError, match=complaint):
        Wide(**given)
