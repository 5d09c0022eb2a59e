"""Decoding: filtered distributions in closed form, draws that follow them, and models that are plain functions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqkit.core.errors import InputError
from seqkit.decoding.stepwise import draw_tokens, generate, next_probabilities

SHARES = np.array([0.1, 0.4, 0.2, 0.3])
LOGITS = np.log(SHARES)[None] + 5.0

logits = arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(2, 9)), elements=st.floats(-20, 20))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, [1 / 30, 16 / 30, 4 / 30, 9 / 30]),  # shares squared
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.39}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.75}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_k": 3, "top_p": 0.75}, [0, 4 / 7, 0, 3 / 7]),  # 7/9 of what top_k has left
        ({"temperature": 0.5, "top_p": 0.6}, [0, 16 / 25, 0, 9 / 25]),
    ],
)
def test_filters_have_a_closed_form(settings, expected):
    np.testing.assert_allclose(next_probabilities(LOGITS, **settings), [expected], rtol=1e-12)


@given(logits=logits, top_k=st.integers(0, 10), top_p=st.floats(0.01, 1))
def test_a_small_temperature_is_greedy(logits, top_k, top_p):
    logits += np.arange(logits.shape[1]) * 1e-2  # no equals, or both would stay
    greedy = next_probabilities(logits, 0.0, top_k, top_p)
    assert (greedy.argmax(axis=1) == logits.argmax(axis=1)).all()
    assert (greedy.max(axis=1) == 1).all()
    np.testing.assert_array_equal(next_probabilities(logits, 1.0, 1, 1.0), greedy)
    gap = np.diff(np.sort(logits, axis=1)[:, -2:], axis=1).min()
    if gap > 1e-3:
        np.testing.assert_allclose(next_probabilities(logits, gap / 50, 0, 1.0), greedy, atol=1e-12)


def nucleus_by_hand(shares, top_p):
    """The smallest set of symbols with at least that share, by trying all sets."""
    for size in range(1, len(shares) + 1):
        best = max(itertools.combinations(range(len(shares)), size), key=lambda places: shares[list(places)].sum())
        if shares[list(best)].sum() >= top_p:
            break
    kept = np.isin(np.arange(len(shares)), best) * shares
    return kept / kept.sum()


@given(weights=st.lists(st.integers(1, 1000), min_size=2, max_size=7, unique=True), top_p=st.floats(0.05, 0.95))
def test_the_nucleus_is_the_smallest_set(weights, top_p):
    shares = np.array(weights) / sum(weights)
    got = next_probabilities(np.log(shares)[None], top_p=top_p)[0]
    np.testing.assert_allclose(got, nucleus_by_hand(shares, top_p), rtol=1e-9)


def check_draws(sample):
    """Chi-squared of 20,000 draws against the shares: over 16.3 once in a thousand (3 degrees of freedom)."""
    counts = np.bincount(sample(20_000), minlength=4)
    expected = 20_000 * SHARES
    assert np.sum((counts - expected) ** 2 / expected) < 16.3


def test_draws_follow_the_probabilities(rng):
    check_draws(lambda rows: draw_tokens(np.tile(SHARES, (rows, 1)), rng))
    assert (draw_tokens(np.tile([[0.0, 1.0, 0.0, 0.0]], (1000, 1)), rng) == 1).all()


def test_draw_check_catches_another_distribution(rng):
    with pytest.raises(AssertionError):
        check_draws(lambda rows: draw_tokens(np.tile(np.add(SHARES, [0.02, -0.02, 0, 0]), (rows, 1)), rng))


def markov(ids, state):
    """A chain over three symbols that also counts its steps; -inf forbids a repeat."""
    table = np.log([[1e-300, 0.5, 0.5], [0.9, 1e-300, 0.1], [0.3, 0.7, 1e-300]])
    return table[ids], {"steps": state["steps"] + 1}


def test_generate_hands_on_symbols_and_state():
    seen = []

    def step(ids, state):
        seen.append((ids.copy(), state["steps"]))
        return markov(ids, state)

    drawn = list(generate(step, {"steps": 0}, np.array([0, 1]), length=6, seed=3))
    assert [steps for _, steps in seen] == list(range(6))
    np.testing.assert_array_equal([ids for ids, _ in seen], [[0, 1], *drawn[:-1]])
    assert all((before != after).all() for before, after in itertools.pairwise([np.array([0, 1]), *drawn]))


def test_generate_is_a_function_of_its_seed_and_computes_no_more_than_is_taken():
    calls = []

    def step(ids, state):
        calls.append(1)
        return markov(ids, state)

    def text(seed, **options):
        return np.concatenate(list(generate(step, {"steps": 0}, np.array([0]), length=30, seed=seed, **options)))

    assert text(1).tolist() == text(1).tolist() == text(np.int64(1)).tolist() != text(2).tolist()
    plain = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    assert text(1).tolist() == text(1, **plain).tolist() != text(1, **plain | {"temperature": 2.0}).tolist()
    assert text(1, temperature=0).tolist() == text(2, top_k=1).tolist() == [1, 0] * 15
    assert 1 not in text(1, excluded=[1])
    del calls[:]
    first = list(itertools.islice(generate(step, {"steps": 0}, np.array([0]), length=30), 4))
    assert len(calls) == 4
    np.testing.assert_array_equal(np.concatenate(first), text(0)[:4])


def test_a_penalty_lowers_what_was_drawn_and_rows_of_their_own_seeds_are_as_by_themselves():
    """By hand, step by step: x / 4 above 0 and 4 x below, of what the row has drawn so far."""
    table = np.random.default_rng(5).normal(size=(4, 4)) * 2

    def step(ids, state):
        return table[ids], state

    def drawn(first, seed, penalty):
        how = {"length": 25, "seed": seed, "repetition_penalty": penalty}
        return np.array(list(generate(step, None, np.array(first), **how)))

    last, expected, rng = 2, [], np.random.default_rng(7)
    for _ in range(25):
        logits = [x if i not in expected else x / 4 if x > 0 else x * 4 for i, x in enumerate(table[last])]
        shares = np.exp(logits) / np.exp(logits).sum()
        last = int(np.searchsorted(np.cumsum(shares), rng.random(), side="right"))
        expected.append(last)
    assert drawn([2], 7, 4.0)[:, 0].tolist() == expected != drawn([2], 7, 1.0)[:, 0].tolist()
    together = drawn([2, 0, 2], [7, 8, 9], 4.0)
    alone = [drawn([first], seed, 4.0)[:, 0] for first, seed in zip([2, 0, 2], [7, 8, 9], strict=True)]
    np.testing.assert_array_equal(together.T, alone)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"repetition_penalty": 0.5}, "repetition_penalty is 0.5"),
        ({"seed": [0, -1]}, "seed is -1"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(settings, expected):
    with pytest.raises(InputError, match=expected):
        generate(markov, {"steps": 0}, np.array([0]), length=3, **settings)
