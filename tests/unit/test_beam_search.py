"""Beam search on models small enough to look at every sequence."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit import InputError
from seqkit.decoding import beam_search

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
        **options,
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


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 999),
    penalty=st.sampled_from([0.0, 0.6, 2.0]),
    coverage=st.sampled_from([0.0, 0.3]),
    shortest=st.integers(0, 2),
)
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all(seed, penalty, coverage, shortest):
    longest, model = 4, toy(seed, rows=3)
    wide = search(
        model, longest, beam=31, n_best=3, length_penalty=penalty, coverage_penalty=coverage, shortest=shortest
    )
    for row, found in enumerate(wide):
        best = sorted(
            (
                (total / ((5 + len(sequence)) / 6) ** penalty
                 + coverage * np.log(np.minimum(attention_sums(model, row, sequence), 1)).sum(), sequence, total)
                for sequence, total in every_sequence(model, row, longest).items()
                if END not in sequence or len(sequence) > shortest
            ),
            reverse=True,
        )[:3]  # fmt: skip
        assert [ids for ids, _, _ in found] == [tuple(s for s in sequence if s != END) for _, sequence, _ in best]
        assert [score for _, score, _ in found] == pytest.approx([score for score, _, _ in best], rel=1e-4)
        assert [nats for _, _, nats in found] == pytest.approx([nats for _, _, nats in best], rel=1e-4)


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


@given(seed=st.integers(0, 99), size=st.integers(2, 3))
@settings(max_examples=15, deadline=None)
def test_no_run_comes_twice(seed, size):
    for ((written, _, _),) in search(toy(seed, rows=4), 8, beam=2, shortest=3, no_repeat=size):
        runs = [written[place : place + size] for place in range(len(written) - size + 1)]
        assert len(runs) == len(set(runs))


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

    beam_search(step, tf.zeros([2], tf.int32), tf.range(2), begin=BEGIN, end=END, beam=1, longest=tf.constant([8, 8]))
    assert sizes == [2, *[1] * 7]


def test_settings_out_of_range_are_named():
    with pytest.raises(InputError, match="n_best is 3 with a beam of 2"):
        search(toy(0, 1), 3, beam=2, n_best=3)
    with pytest.raises(InputError, match="beam is 0"):
        search(toy(0, 1), 3, beam=0)
