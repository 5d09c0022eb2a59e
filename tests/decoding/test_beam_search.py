"""Beam search on models small enough to look at every sequence."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.settings import Search
from seqkit.decoding.beam_search import Hypotheses, _repeated, beam_search

BEGIN, END, TOKENS = 0, 1, 4


def toy(seed, rows, places=3):
    """A model whose next symbol depends on the row, the step and the last two symbols; its attention on the last one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 8, TOKENS, TOKENS, TOKENS)).astype("float32") * 2
    attention = rng.dirichlet(np.ones(places), size=(rows, TOKENS)).astype("float32")
    return logits, attention


def found_by(model, longest, *, way="by step", **options):
    """What the search returns, in NumPy.

    Args:
        longest: For all rows or for each.
        way: Step by step; or in a graph, of any rows or of as many as there are.
    """
    logits, attention = (tf.constant(part) for part in model)
    rows = logits.shape[0]

    def step(ids, state, memory):
        at = tf.stack([memory["row"], state["step"], state["before"], ids], axis=1)
        weights = tf.gather_nd(attention, tf.stack([memory["row"], ids], axis=1))
        return tf.gather_nd(logits, at), weights, {"step": state["step"] + 1, "before": ids}

    def run(longest):
        zeros = tf.zeros_like(longest)
        return beam_search(
            step,
            {"step": zeros, "before": zeros + BEGIN},
            {"row": tf.range(tf.size(longest))},
            begin=BEGIN,
            end=END,
            longest=longest,
            places=attention.shape[-1],
            excluded=[BEGIN],
            search=Search(**{"beam": 1, "length_penalty": 0.0} | options),
        )

    if way != "by step":
        signature = [tf.TensorSpec([rows if way == "rows known" else None], tf.int32)]
        run = tf.function(run, input_signature=signature, autograph=False)
    return Hypotheses(*(part.numpy() for part in run(tf.constant(np.broadcast_to(longest, rows), tf.int32))))


def search(model, longest, **options):
    return [
        [
            (tuple(ids[:length].tolist()), float(score), float(nats))
            for ids, length, score, nats in zip(*row, strict=True)
            if np.isfinite(score)
        ]
        for row in zip(*found_by(model, longest, **options)[:4], strict=True)
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


WAYS = st.sampled_from(["by step", "rows unknown", "rows known"])


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 999),
    way=WAYS,
    penalty=st.sampled_from([0.0, 0.6, 2.0]),
    coverage=st.sampled_from([0.0, 0.3]),
    shortest=st.integers(0, 5),
    no_repeat=st.integers(0, 2),
)
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all(seed, way, penalty, coverage, shortest, no_repeat):
    longest, model = 6 if no_repeat else 4, toy(seed, rows=3)
    rules = {"shortest": shortest, "no_repeat": no_repeat}
    penalties = {"length_penalty": penalty, "coverage_penalty": coverage}
    wide = search(model, longest, way=way, beam=31, n_best=3, **penalties, **rules)
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


def plain_beam(model, row, longest, beam, penalty):
    """(score, log-probability, symbols, whether it ended) by the docstring, with lists: the best first."""
    if not longest:
        return [(0.0, 0.0, (), False)]
    open_, ended = [(0.0, ())], []
    for step in range(longest):
        ways = []
        for total, written in open_:
            before, last = (BEGIN, BEGIN, *written)[-2:]
            scores = model[0][row, step, before, last].astype(np.float64)
            nats = scores - np.logaddexp.reduce(scores)
            ways += [(total + nats[token], (*written, token)) for token in range(TOKENS) if token != BEGIN]
        ways = sorted(ways, reverse=True)[: beam - len(ended)]
        over = [way for way in ways if way[1][-1] == END or step + 1 == longest]
        ended += [(total / ((5 + step + 1) / 6) ** penalty, total, written) for total, written in over]
        open_ = [way for way in ways if way not in over]
    return [
        (score, total, written[:-1] if written[-1] == END else written, written[-1] == END)
        for score, total, written in sorted(ended, reverse=True)
    ]


@settings(max_examples=20)
@given(
    seed=st.integers(0, 999),
    way=WAYS,
    longest=st.lists(st.integers(0, 7), min_size=1, max_size=4),
    beam=st.integers(1, 5),
    penalty=st.sampled_from([0.0, 1.0, 3.0]),
    data=st.data(),
)
def test_a_narrow_beam_finds_what_a_plain_one_finds(seed, way, longest, beam, penalty, data):
    """In every part of the answer, for rows of bounds of their own; a row that may write nothing is answered by nothing."""
    model, n_best = toy(seed, rows=len(longest)), data.draw(st.integers(1, beam))
    found = found_by(model, longest, way=way, beam=beam, n_best=n_best, length_penalty=penalty)
    symbols = steps = 0
    for row, bound in enumerate(longest):
        expected = plain_beam(model, row, bound, beam, penalty)[:n_best]
        assert np.isfinite(found.scores[row]).sum() == len(expected)
        for place, (score, total, written, ended) in enumerate(expected):
            symbols, steps = max(symbols, len(written)), max(steps, len(written) + ended)
            assert found.lengths[row, place] == len(written)
            assert found.ids[row, place, : len(written)].tolist() == list(written)
            assert not found.ids[row, place, len(written) :].any()
            assert found.scores[row, place] == pytest.approx(score, rel=1e-4)
            assert found.log_probabilities[row, place] == pytest.approx(total, rel=1e-4)
            assert found.ended[row, place] == ended
            looked = [model[1][row, last] for last in (BEGIN, *written)][: len(written) + ended]
            np.testing.assert_allclose(found.weights[row, place, : len(looked)], np.reshape(looked, (-1, 3)))
            assert not found.weights[row, place, len(looked) :].any()
        for part in (found.lengths, found.ids, found.ended, found.weights):
            assert not part[row, len(expected) :].any(), "there are fewer hypotheses than asked for"
    if any(longest):
        assert (found.ids.shape[2], found.weights.shape[2]) == (symbols, steps)


def test_a_graph_of_any_rows_finds_what_is_found_step_by_step():
    """Also with states of many axes."""
    logits = np.random.default_rng(0).normal(size=(3, 6, TOKENS)).astype("float32") * 2

    def run(logits):
        def step(ids, state, memory):
            at = tf.cast(state[:, 0, 0, 0, 0], tf.int32)
            scores = tf.ensure_shape(tf.gather(memory, at, batch_dims=1), [None, TOKENS])
            return scores, tf.ones([tf.size(ids), 1]), state + 1.0

        rows = tf.shape(logits)[0]
        options = {"begin": BEGIN, "end": END, "longest": tf.fill([rows], 6), "search": Search(beam=3, n_best=2)}
        return beam_search(step, tf.zeros([rows, 2, 1, 5, 2]), logits, **options)

    graph = tf.function(run, input_signature=[tf.TensorSpec([None, 6, TOKENS])], autograph=False)
    for rows in (3, 1):
        for ours, theirs in zip(graph(logits[:rows]), run(tf.constant(logits[:rows])), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_of_equals_the_smaller_id_goes_first():
    logits, attention = toy(0, rows=1)
    logits[:] = 0.0
    assert search((logits, attention), 3)[0][0][0] == ()
    logits[..., END] = -9.0
    assert search((logits, attention), 3)[0][0][0] == (2, 2, 2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), beam=st.integers(1, 3), shortest=st.integers(0, 8), no_repeat=st.integers(1, 3))
def test_there_is_always_an_answer(seed, beam, shortest, no_repeat):
    """One that keeps the rules, or has come to where each symbol would break them."""
    for (written, _, _), *_ in search(toy(seed, rows=4), 8, beam=beam, shortest=shortest, no_repeat=no_repeat):
        assert not repeats(written, no_repeat)
        symbols = set(range(TOKENS)) - {BEGIN, END}
        assert len(written) >= shortest or all(repeats((*written, symbol), no_repeat) for symbol in symbols)


def test_what_would_be_written_twice_is_found_without_a_table_of_symbols_for_each_place():
    symbols = 32_003
    found = tf.function(lambda written: _repeated(written, 3, symbols), autograph=False)
    graph = found.get_concrete_function(tf.TensorSpec([None, None], tf.int32)).graph
    shapes = [tensor.shape for one in graph.get_operations() for tensor in one.outputs]
    assert {shape.rank for shape in shapes if shape.rank and symbols in shape.as_list()} == {2}


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


@settings(max_examples=10, deadline=None)
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


def sizes_of_steps(logits, **options):
    """How many hypotheses each step was asked about, of a model that doesn't see the symbols before."""
    sizes = []

    def step(ids, state, memory):
        tf.py_function(lambda size: sizes.append(int(size)), [tf.size(ids)], [])
        return (
            tf.gather_nd(tf.constant(logits), tf.stack([memory, state], axis=1)),
            tf.ones([tf.size(ids), 1]),
            state + 1,
        )

    rows, longest = logits.shape[:2]
    zeros, most = tf.zeros([rows], tf.int32), tf.fill([rows], longest)
    beam_search(step, zeros, tf.range(rows), begin=BEGIN, end=END, longest=most, search=Search(**options))
    return sizes


def test_what_has_ended_is_computed_no_further():
    """A row that ends at once costs one step, though its neighbours go on."""
    logits = np.zeros((2, 8, TOKENS), "float32")
    logits[:, :, END] = [[9.0], [-9.0]]
    assert sizes_of_steps(logits, beam=1) == [2, *[1] * 7]


def test_a_row_is_left_where_nothing_open_can_get_ahead():
    logits = np.zeros((1, 8, TOKENS), "float32")
    logits[:, 0] = np.log([0.1, 0.6, 0.2, 0.1])  # it ends with 0.6; of what goes on nothing is above 0.2,
    logits[:, 1:] = np.log([0.001, 0.001, 0.997, 0.001])  # and hardly below
    assert sizes_of_steps(logits, beam=2, length_penalty=0.0) == [1]
    # of eight symbols log 0.2 / (13 / 6)^penalty: ahead of log 0.6 with a penalty above 1.484, and not with one below
    assert sizes_of_steps(logits, beam=2, length_penalty=1.45) == [1]
    assert sizes_of_steps(logits, beam=2, length_penalty=1.6) == [1] * 8
    # its neighbour, which can't end and is nearly sure of its symbols, keeps the two that it has
    endless = np.zeros_like(logits) + np.array([0, -99, 9, 0], np.float32)
    assert sizes_of_steps(np.concatenate([logits, endless]), beam=2, length_penalty=0.0) == [2] * 8
    # a second best is asked for: the one that goes on is computed until it is there
    assert sizes_of_steps(logits, beam=2, n_best=2, length_penalty=0.0) == [1] * 8


def test_settings_out_of_range_are_named():
    with pytest.raises(InputError, match="n_best is 3 with a beam of 2"):
        Search(beam=2, n_best=3)
    with pytest.raises(InputError, match="beam is 0"):
        Search(beam=0)
