"""Kneser-Ney n-grams: the paper's formula in dictionaries, distributions that add up to one, files that change nothing."""

import dataclasses
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.baselines.gram_counts import count_grams
from seqkit.baselines.ngrams import KneserNey
from seqkit.core.ragged import Ragged

BEGIN, OUTCOMES = 2, np.array([1, 3, 4, 5, 6, 7])

symbols = st.sampled_from([1, 3, 4, 5, 6])  # 7 never occurs in training
texts = st.lists(st.lists(symbols, max_size=12), min_size=1, max_size=6).filter(any)


def ragged(rows):
    return Ragged.of_lengths(np.array([i for row in rows for i in row], np.int32), np.array([len(row) for row in rows]))


class ByTheFormula:
    """Chen and Goodman 1998, section 2.7 with equation (4.37), one n-gram at a time."""

    def __init__(self, rows, order):
        self.order, self.counts = order, {}
        grams = defaultdict(int)
        for row in rows:
            padded = [BEGIN] * max(order - 1, 0) + list(row)
            for place in range(len(padded) - order + 1):
                grams[tuple(padded[place : place + order])] += 1
        for size in range(order, 0, -1):
            self.counts[size] = dict(grams)
            fewer = defaultdict(set)  # N1+(. w): how many different symbols came before
            for gram in grams:
                fewer[gram[1:]].add(gram[0])
            grams = {gram: len(before) for gram, before in fewer.items()}

    def discount(self, size):
        once, twice = (sum(c == n for c in self.counts[size].values()) for n in (1, 2))
        return once / (once + 2 * twice) if once and twice else 0.5

    def probability(self, symbol, context):
        if len(context) == 0 and self.order == 0:
            return 1 / len(OUTCOMES)
        size = len(context) + 1
        lower = self.probability(symbol, context[1:]) if context else 1 / len(OUTCOMES)
        after = {gram[-1]: count for gram, count in self.counts[size].items() if gram[:-1] == context}
        if not after:
            return lower
        d, total = self.discount(size), sum(after.values())
        return max(after.get(symbol, 0) - d, 0) / total + d * len(after) / total * lower

    def log_probabilities(self, rows):
        result = []
        for row in rows:
            padded = [BEGIN] * max(self.order - 1, 0) + list(row)
            for place in range(len(row)):
                context = tuple(padded[place : place + max(self.order - 1, 0)])
                result.append(math.log(self.probability(row[place], context)))
        return result


@given(train=texts, test=texts, order=st.integers(0, 6))
def test_log_probabilities_follow_the_formula(train, test, order):
    test = [[*row, 7] for row in test]
    model = KneserNey.fit(ragged(train), OUTCOMES, order=order, begin=BEGIN)
    expected = ByTheFormula(train, order).log_probabilities(test)
    np.testing.assert_allclose(model.log_probabilities(ragged(test), BEGIN), expected, rtol=1e-9)


def check_sums_to_one(model, contexts):
    """Over all outcomes, after each context."""
    for context in contexts:
        rows = ragged([[*context, symbol] for symbol in OUTCOMES])
        last = np.exp(model.log_probabilities(rows, BEGIN)[len(context) :: len(context) + 1])
        assert last.sum() == pytest.approx(1.0, abs=1e-12)


@given(train=texts, contexts=st.lists(st.lists(st.sampled_from(OUTCOMES.tolist()), max_size=5), max_size=5))
def test_probabilities_add_up_to_one(train, contexts):
    for order in (0, 1, 2, 4):
        check_sums_to_one(KneserNey.fit(ragged(train), OUTCOMES, order=order, begin=BEGIN), contexts)


def test_sum_check_catches_a_lost_discount(monkeypatch):
    model = KneserNey.fit(ragged([[3, 4, 3, 5], [3, 4]]), OUTCOMES, order=2, begin=BEGIN)
    check_sums_to_one(model, [[3]])
    fair = type(model.levels[0]).discount
    reads = iter(range(100))
    monkeypatch.setattr(
        type(model.levels[0]), "discount", property(lambda level: fair.fget(level) * (1 + next(reads) % 2))
    )
    with pytest.raises(AssertionError):
        check_sums_to_one(model, [[3]])


def test_ids_outside_the_vocabulary_are_no_outcome_and_no_context():
    model = KneserNey.fit(ragged([[3, 4, 3, 5]]), OUTCOMES, order=3, begin=BEGIN)
    got = model.log_probabilities(ragged([[3, 0, 99, 4]]), BEGIN)
    assert np.isneginf(got[1:3]).all()
    assert np.isfinite(got[[0, 3]]).all()


def test_a_model_of_a_long_text_is_read_back_the_same(rng, tmp_path):
    values = np.cumsum(rng.integers(0, 3, 200_000)).astype(np.int32) % 60 + 4
    rows, outcomes = Ragged.of_lengths(values, np.array([150_000, 50_000])), np.arange(4, 64)
    model = KneserNey.fit(rows.take(np.array([0])), outcomes, order=6, begin=BEGIN)
    model.save(tmp_path / "kneser_ney.npz")
    probe = rows.take(np.array([1]))
    got = model.log_probabilities(probe, BEGIN)
    np.testing.assert_array_equal(KneserNey.load(tmp_path / "kneser_ney.npz").log_probabilities(probe, BEGIN), got)
    assert -got.mean() == pytest.approx(np.log(3), abs=0.05)  # the entropy of the steps


class Pruned(ByTheFormula):
    """The same with only so many n-grams of a length kept, those counted most: the rest of a context goes one order down."""

    def __init__(self, rows, order, most):
        super().__init__(rows, order)
        self.least = dict.fromkeys(self.counts, 1)
        for size, counts in self.counts.items():
            while size > 1 and sum(count >= self.least[size] for count in counts.values()) > most:
                self.least[size] += 1

    def probability(self, symbol, context):
        size = len(context) + 1
        lower = self.probability(symbol, context[1:]) if context else 1 / len(OUTCOMES)
        after = {gram[-1]: count for gram, count in self.counts[size].items() if gram[:-1] == context}
        if not after:
            return lower
        d, kept = self.discount(size), {one for one, count in after.items() if count >= self.least[size]}
        own = (after[symbol] - d) if symbol in kept else 0.0
        return (own + (sum(after.values()) - sum(after[one] - d for one in kept)) * lower) / sum(after.values())


@given(train=texts, test=texts, order=st.integers(1, 6), most=st.integers(1, 12))
def test_what_is_dropped_goes_one_order_down(train, test, order, most):
    model = KneserNey.fit(ragged(train), OUTCOMES, order=order, begin=BEGIN, most=most)
    expected = Pruned(train, order, most)
    np.testing.assert_allclose(
        model.log_probabilities(ragged(test), BEGIN), expected.log_probabilities(test), rtol=1e-9
    )
    assert all(len(level.grams) <= most for level in model.levels[1:])
    assert bool(model.bounds) == any(least > 1 for least in expected.least.values())
    check_sums_to_one(model, [[3], [4, 5], [3, 4, 5]])


@given(rows=texts, order=st.integers(1, 6), most=st.integers(1, 20), size=st.integers(1, 9), piece=st.integers(1, 9))
def test_counts_do_not_depend_on_ranges_and_pieces(rows, order, most, size, piece):
    whole = count_grams(ragged(rows), 8, order, BEGIN, most=most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqkit.baselines.gram_counts.PIECE", piece)
        parts = count_grams(ragged(rows), 8, order, BEGIN, most=most, size=size)
    for one, other in zip(whole, parts, strict=True):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)


def test_of_a_text_past_the_bound_the_beginning_is_counted():
    rows, begins = [[3, 4, 3, 5, 6], [4, 4], [6, 6, 5, 3]], [[3, 4, 3, 5, 6], [4]]
    model = KneserNey.fit(ragged(rows), OUTCOMES, order=3, begin=BEGIN, symbols=6)
    assert model.bounds == "counted on the first 6 of 11 symbols"
    expected = ByTheFormula(begins, 3).log_probabilities(rows)
    np.testing.assert_allclose(model.log_probabilities(ragged(rows), BEGIN), expected, rtol=1e-9)


def test_more_symbols_than_long_keys_hold_shorten_the_grams():
    outcomes = np.arange(3, 10_000)
    model = KneserNey.fit(ragged([[3, 9_999, 3, 9_999, 4]]), outcomes, order=6, begin=BEGIN)
    assert (len(model.levels), model.bounds) == (4, "4-grams, not 6-grams")
    assert np.isfinite(model.log_probabilities(ragged([[9_999, 3, 9_999, 4]]), BEGIN)).all()
