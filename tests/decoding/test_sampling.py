"""Draws inside a graph: published numbers, the distribution in closed form, and rows that don't know of each other."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqkit.core.errors import InputError
from seqkit.core.settings import Search
from seqkit.decoding.sampling import independent_keys, likely_tokens, row_keys, sample, uniform
from seqkit.decoding.stepwise import next_probabilities

BEGIN, END, TOKENS = 0, 1, 4
LONGEST = 3


def test_streams_are_splitmix64():
    """The first numbers of the seed 1234567 as its authors' program prints them."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    keys = tf.constant([1234567], tf.uint64)
    got = [uniform(keys, tf.constant(t)).numpy()[0] for t in range(4)]
    assert got == [(number >> 11) / 2**53 for number in published]


def test_keys_are_of_what_a_row_holds():
    rows = np.array([[5, 6, 7], [6, 5, 7], [5, 6, 0], [0, 5, 6], [5, 6, 7]], np.int32)
    image = np.zeros((5, 2, 2, 3), np.float32)
    image[4, 1, 1, 2] = 0.5
    keys = row_keys([tf.constant(rows), tf.constant(image)], 3).numpy()
    assert len(set(keys)) == 5
    padded = row_keys([tf.constant(np.pad(rows, [(0, 0), (0, 4)])[2:]), tf.constant(image[2:])], 3).numpy()
    np.testing.assert_array_equal(padded, keys[2:])
    assert not set(row_keys([tf.constant(rows), tf.constant(image)], 4).numpy()) & set(keys)
    many = row_keys([tf.range(1, 20_001)[:, None]], 0)
    counts = np.histogram(uniform(many, tf.constant(0)), bins=10, range=(0, 1))[0]
    assert np.sum((counts - 2000) ** 2 / 2000) < 27.9  # once in a thousand (9 degrees of freedom)


def mixed(word):
    """The end of SplitMix64 in whole numbers (Steele, Lea and Flood 2014, figure 16)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def test_keys_stay_what_they_are():
    """An exported graph and every version to come give the same draws: a sum over places and values, mixed."""
    rows, shares = [[5, 6, 0], [0, 2**31 - 1, 8]], [[0.5, -2.0], [0.0, 1e-3]]
    expected = []
    for ids, numbers in zip(rows, shares, strict=True):
        key = mixed(3)
        for words in (ids, np.array(numbers, np.float32).view(np.uint32).tolist()):
            words = [word - 2**32 if word >= 2**31 else word for word in words]  # as the 32 bits with their sign
            hashes = [mixed((place * 0x9E3779B97F4A7C15 + word) % 2**64) for place, word in enumerate(words, 1) if word]
            key = mixed((key + sum(hashes)) % 2**64)
        expected.append(key)
    keys = row_keys([tf.constant(rows), tf.constant(shares)], 3)
    assert keys.numpy().tolist() == expected
    several = [mixed((key + draw * 0x94D049BB133111EB) % 2**64) for key in expected for draw in range(3)]
    assert independent_keys(keys, 3).numpy().tolist() == several


@settings(max_examples=60)
@given(
    logits=arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(2, 9)), elements=st.floats(-20, 20)),
    out=st.sets(st.integers(0, 8)),
    temperature=st.floats(1e-3, 10),
    top_k=st.integers(0, 10),
    top_p=st.floats(0.01, 1),
)
def test_the_graph_cuts_to_the_likely_part_as_numpy_does(logits, out, temperature, top_k, top_p):
    tokens = logits.shape[1]
    logits[:, [token for token in out if token < tokens - 1]] = -np.inf
    for edge in (1 - 1e-9, 1 + 1e-9):  # shares that add up to top_p to the last bit may be cut either way
        other = next_probabilities(logits, temperature, top_k, min(top_p * edge, 1.0))
        assume(np.array_equal(other > 0, next_probabilities(logits, temperature, top_k, top_p) > 0))
    ids, shares = (part.numpy() for part in likely_tokens(tf.constant(logits), temperature, top_k, top_p))
    got = np.zeros_like(logits)
    np.put_along_axis(got, ids, shares, axis=1)
    np.testing.assert_allclose(got, next_probabilities(logits, temperature, top_k, top_p), rtol=1e-9, atol=1e-300)


TABLE = np.random.default_rng(2).normal(size=(LONGEST, TOKENS, TOKENS)).astype("float32") * 1.5


def drawn(keys, steps=None, **options):
    """(symbols, log-probability) of the draws of each row: the next symbol depends on the step and on the last one."""
    rows = len(keys)

    def step(ids, state, memory):
        if steps is not None:
            tf.py_function(lambda size: steps.append(int(size)), [tf.size(ids)], [])
        return tf.gather_nd(TABLE, tf.stack([state, ids], axis=1)), tf.ones([tf.size(ids), 1]), state + 1

    found = sample(
        step,
        tf.zeros([rows], tf.int32),
        tf.zeros([rows]),
        keys=tf.constant(keys, tf.uint64),
        begin=BEGIN,
        end=END,
        longest=tf.fill([rows], LONGEST),
        search=Search(**{"temperature": 1.0} | options),
        excluded=[BEGIN],
    )
    ids, lengths, ended, nats = (part.numpy() for part in (found.ids, found.lengths, found.ended, found.scores))
    return [
        [
            ((*ids[row, place, : lengths[row, place]].tolist(), *[END] * int(ended[row, place])), nats[row, place])
            for place in range(ids.shape[1])
        ]
        for row in range(rows)
    ]


def every_sequence(**options):
    """Sequence -> (probability of being drawn, the model's own log-probability)."""
    begun, whole = {(BEGIN,): (1.0, 0.0)}, {}
    for step in range(LONGEST):
        longer = {}
        for sequence, (share, nats) in begun.items():
            logits = TABLE[step, sequence[-1]].astype(np.float64)
            own = logits - np.log(np.exp(logits).sum())
            cut = next_probabilities(np.where(np.arange(TOKENS) == BEGIN, -np.inf, own)[None], **options)[0]
            for token in np.flatnonzero(cut):
                into = whole if token == END or step == LONGEST - 1 else longer
                into[(*sequence, int(token))] = share * cut[token], nats + own[token]
        begun = longer
    return {sequence[1:]: both for sequence, both in whole.items()}


def check_draws(given, expected):
    """Chi-squared of 8,000 draws of sequences: its mean is the degrees of freedom, their double its variance."""
    sequences = list(expected)
    counts = np.zeros(len(sequences))
    for ((sequence, nats),) in given:
        counts[sequences.index(sequence)] += 1
        assert nats == pytest.approx(expected[sequence][1], rel=1e-5)
    wanted = len(given) * np.array([share for share, _ in expected.values()])
    freedom = len(sequences) - 1
    assert np.sum((counts - wanted) ** 2 / wanted) < freedom + 4 * np.sqrt(2 * freedom)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.6, "top_p": 0.8}, {"temperature": 1.5, "top_k": 2}], ids=["all", "top_p", "top_k"]
)
def test_sequences_are_drawn_with_their_probabilities(options):
    keys = row_keys([tf.range(8000)[:, None] + 1], 0).numpy()
    given = drawn(keys, **options)
    check_draws(given, every_sequence(**options))
    with pytest.raises((AssertionError, ValueError)):
        check_draws(given, every_sequence(temperature=1.3))


def test_draws_are_independent_of_each_other_and_of_other_rows():
    keys = row_keys([tf.range(2000)[:, None]], 0).numpy()
    three = drawn(keys, n_best=3)
    assert three[:100:10] == [drawn(keys[row : row + 1], n_best=3)[0] for row in range(0, 100, 10)]
    assert [row[:1] for row in three] == drawn(keys, n_best=1)
    share = sum(every**2 for every, _ in every_sequence().values())  # of two draws that are the same
    for one, other in ((0, 1), (1, 2), (0, 2)):
        same = np.mean([row[one][0] == row[other][0] for row in three])
        assert abs(same - share) < 4 * np.sqrt(share * (1 - share) / len(three))


def test_rows_that_have_ended_are_asked_no_more_and_rules_hold():
    keys, steps = row_keys([tf.range(50)[:, None]], 0).numpy(), []
    lengths = [len(sequence) for ((sequence, _),) in drawn(keys, steps)]
    assert steps == [sum(length > step for length in lengths) for step in range(max(lengths))]
    for ((sequence, _),) in drawn(keys, shortest=2, no_repeat=1):
        symbols = [symbol for symbol in sequence if symbol != END]
        assert len(symbols) == len(set(symbols)) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"temperature": -1.0}, "search.temperature is -1.0"),
        ({"top_k": 3}, "search.top_k is 3 and search.top_p 1.0 with search.temperature 0, where nothing is drawn"),
        ({"temperature": 1.0, "top_p": 0.0}, "search.top_p is 0.0"),
        ({"temperature": 1.0, "coverage_penalty": 0.2}, "search.coverage_penalty is 0.2 with search.temperature 1.0"),
        ({"temperature": 1.0, "seed": -1}, "search.seed is -1"),
    ],
)
def test_settings_that_can_not_be_are_named(options, complaint):
    with pytest.raises(InputError, match=complaint):
        Search(**options)
