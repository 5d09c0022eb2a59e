"""Beam search on models small enough to look at every sequence."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.settings import Search
from seqkit.decoding.beam_search import beam_search

BEGIN, END, TOKENS = 0, 1, 4


def toy(seed, rows, places=3):
    """A model whose next symbol depends on the row, the step and the last two symbols; its attention on the last one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 8, TOKENS, TOKENS, TOKENS)).astype("float32") * 2
    attention = rng.dirichlet(np.ones(places), size=(rows, TOKENS)).astype("float32")
    return logits, attention


def search(model, longest, **options):
    logits, attention = (tf.constant(part) for part in model)
    rows = logits.shape[0]

    def step(ids, state, memory):
        at = tf.stack([memory["row"], state["step"], state["before"], ids], axis=1)
        weights = tf.gather_nd(attention, tf.stack([memory["row"], ids], axis=1))
        return tf.gather_nd(logits, at), weights, {"step": state["step"] + 1, "before": ids}

    zeros = tf.zeros([rows], tf.int32)
    found = beam_search(
        step,
        {"step": zeros, "before": zeros + BEGIN},
        {"row": tf.range(rows)},
        begin=BEGIN,
        end=END,
        longest=tf.fill([rows], longest),
        places=attention.shape[-1],
        excluded=[BEGIN],
        search=Search(**{"beam": 1, "length_penalty": 0.0} | options),
    )
    return [
        [
            (tuple(ids[:length].tolist()), float(score), float(nats))
            for ids, length, score, nats in zip(*row, strict=True)
            if np.isfinite(score)
        ]
        for row in zip(*(part.numpy() for part in found[:4]), strict=True)
    ]


def every_sequence(model, row, longest):
    """(symbols with the end where there is one) -> log-probability, of all that can be written."""
    logits = model[0][row].astype(np.float64)
    symbols = [token for token in range(TOKENS) if token not in (BEGIN, END)]
    found = {}
    for length in range(longest + 1):
        for body in itertools.product(symbols, repeat=length):
            sequence = body if length == longest else (*body, END)
            total, before, last = 0.0, BEGIN, BEGIN
            for step, token in enumerate(sequence):
                scores = logits[step, before, last]
                total += scores[token] - np.log(np.exp(scores).sum())
                before, last = last, token
            found[sequence] = total
    return found


def attention_sums(model, row, sequence):
    return sum(model[1][row][last] for last in (BEGIN, *sequence[:-1]))


def repeats(sequence, size):
    runs = [sequence[place : place + size] for place in range(len(sequence) - size + 1)]
    return size > 0 and len(runs) > len(set(runs))


def allowed(model, row, longest, shortest, no_repeat):
    """Of all that can be written what the rules leave; where that is nothing, what gets furthest, ended at no cost."""
    whole = {
        sequence: total
        for sequence, total in every_sequence(model, row, longest).items()
        if not repeats(sequence, no_repeat) and (END not in sequence or len(sequence) > shortest)
    }
    for length in range(longest - 1, -1, -1):
        begun = every_sequence(model, row, length).items()
        whole = whole or {
            (*sequence, END): total
            for sequence, total in begun
            if END not in sequence and not repeats(sequence, no_repeat)
        }
    return whole


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    penalty=st.sampled_from([0.0, 0.6, 2.0]),
    coverage=st.sampled_from([0.0, 0.3]),
    shortest=st.integers(0, 5),
    no_repeat=st.integers(0, 2),
)
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all(seed, penalty, coverage, shortest, no_repeat):
    longest, model = 6 if no_repeat else 4, toy(seed, rows=3)
    rules = {"shortest": shortest, "no_repeat": no_repeat}
    wide = search(model, longest, beam=31, n_best=3, length_penalty=penalty, coverage_penalty=coverage, **rules)
    for row, found in enumerate(wide):
        best = sorted(
            (
                (total / ((5 + len(sequence)) / 6) ** penalty
                 + coverage * np.log(np.minimum(attention_sums(model, row, sequence), 1)).sum(), sequence, total)
                for sequence, total in allowed(model, row, longest, **rules).items()
            ),
            reverse=True,
        )[:3]  # fmt: skip
        assert [ids for ids, _, _ in found] == [tuple(s for s in sequence if s != END) for _, sequence, _ in best]
        assert [score for _, score, _ in found] == pytest.approx([score for score, _, _ in best], rel=1e-4)
        assert [nats for _, _, nats in found] == pytest.approx([nats for _, _, nats in best], rel=1e-4)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), beam=st.integers(1, 3), shortest=st.integers(0, 8), no_repeat=st.integers(1, 3))
def test_there_is_always_an_answer(seed, beam, shortest, no_repeat):
    """One that keeps the rules, or has come to where each symbol would break them."""
    for (written, _, _), *_ in search(toy(seed, rows=4), 8, beam=beam, shortest=shortest, no_repeat=no_repeat):
        assert not repeats(written, no_repeat)
        symbols = set(range(TOKENS)) - {BEGIN, END}
        assert len(written) >= shortest or all(repeats((*written, symbol), no_repeat) for symbol in symbols)


def greedy(model, row, longest):
    logits, written, before, last = model[0][row], [], BEGIN, BEGIN
    for step in range(longest):
        scores = logits[step, before, last].copy()
        scores[BEGIN] = -np.inf
        token = int(scores.argmax())
        if token == END:
            break
        written.append(token)
        before, last = last, token
    return tuple(written)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), penalty=st.sampled_from([0.0, 1.0]))
def test_a_beam_of_one_is_greedy(seed, penalty):
    model = toy(seed, rows=6)
    found = search(model, 6, beam=1, length_penalty=penalty)
    assert [row[0][0] for row in found] == [greedy(model, row, 6) for row in range(6)]


def test_a_wider_beam_differs_from_greedy_somewhere():
    """What the check above rests on: these models are not such that everything finds the same."""
    models = [toy(seed, rows=6) for seed in range(5)]
    assert any(search(model, 6, beam=4)[row][0][0] != greedy(model, row, 6) for model in models for row in range(6))


def test_a_row_alone_finds_what_it_finds_in_company():
    model = toy(5, rows=4)
    together = search(model, 5, beam=3, n_best=2)
    for row in range(4):
        (alone,) = search(tuple(part[row : row + 1] for part in model), 5, beam=3, n_best=2)
        assert [ids for ids, _, _ in alone] == [ids for ids, _, _ in together[row]]


def test_memory_follows_its_row_where_another_row_has_ended():
    """As one row ends the other's hypotheses become two: as many as before, but of other rows."""
    logits, attention = toy(7, rows=2)
    logits[0, ..., END] += 30
    (_, together), (alone,) = (
        search((logits[rows], attention[rows]), 5, beam=2) for rows in (slice(0, 2), slice(1, 2))
    )
    assert together == alone


def test_what_has_ended_is_computed_no_further():
    """A row that ends at once costs one step, though its neighbours go on."""
    logits = np.zeros((2, 8, TOKENS, TOKENS, TOKENS), "float32")
    logits[0, ..., END] = 9.0
    logits[1, ..., END] = -9.0
    sizes = []

    def step(ids, state, memory):
        tf.py_function(lambda size: sizes.append(int(size)), [tf.size(ids)], [])
        at = tf.stack([memory, state, tf.zeros_like(ids), ids], axis=1)
        return tf.gather_nd(tf.constant(logits), at), tf.ones([tf.size(ids), 1]), state + 1

    greedy = Search(beam=1)
    beam_search(
        step, tf.zeros([2], tf.int32), tf.range(2), begin=BEGIN, end=END, longest=tf.constant([8, 8]), search=greedy
    )
    assert sizes == [2, *[1] * 7]


def test_settings_out_of_range_are_named():
    with pytest.raises(InputError, match="n_best is 3 with a beam of 2"):
        Search(beam=2, n_best=3)
    with pytest.raises(InputError, match="beam is 0"):
        Search(beam=0)
