"""Draws inside a graph: each a function of what a row holds, of a seed and of the step, and of nothing else.

So a row is given the same whatever batch it comes in, in the run as in an exported graph.
"""

from collections.abc import Sequence

import tensorflow as tf

_GAMMA = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def row_keys(inputs: Sequence[tf.Tensor], seed: int) -> tf.Tensor:
    """A key for each row, of its own values and of the seed: uint64, (rows,).

    Args:
        inputs: Numbers, each (rows, ...). Padding by zeros along the second axis changes no key; rows of the same values
            have the same one.
    """
    rows = tf.shape(inputs[0])[0]
    keys = tf.zeros([rows], tf.uint64) + _mixed(_word(seed))
    for values in inputs:
        flat = tf.reshape(values, [rows, tf.reduce_prod(tf.shape(values)[1:])])
        bits = tf.bitcast(tf.cast(flat, tf.float32), tf.int32) if flat.dtype.is_floating else flat
        places = tf.cast(tf.range(1, tf.shape(flat)[1] + 1), tf.uint64) * _word(_GAMMA)
        hashed = _mixed(places + tf.cast(bits, tf.uint64))  # (rows, values)
        keys = _mixed(keys + tf.reduce_sum(tf.where(bits != 0, hashed, tf.zeros_like(hashed)), axis=1))
    return keys


def several(keys: tf.Tensor, draws: int) -> tf.Tensor:
    """Keys of so many independent draws for each: uint64, (rows,) -> (rows * draws,)."""
    numbers = tf.cast(tf.range(draws), tf.uint64)
    return tf.reshape(_mixed(keys[:, None] + numbers * _word(_SECOND)), [-1])


def uniform(keys: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Number `t` (from 0) of the stream of each key, from 0 up to, but not including, 1: float64, (rows,).

    SplitMix64 (Steele, Lea and Flood 2014) with the key as its state.
    """
    bits = _mixed(keys + (tf.cast(t, tf.uint64) + _word(1)) * _word(_GAMMA))
    return tf.cast(tf.bitwise.right_shift(bits, _word(11)), tf.float64) * 2.0**-53


def likely(logits: tf.Tensor, temperature: float, top_k: int, top_p: float) -> tuple[tf.Tensor, tf.Tensor]:
    """What `seqkit.decoding.next_probabilities` gives, for a temperature above 0, by ranks.

    Args:
        logits: float64, (rows, tokens); -inf for a symbol that is out of the question, which not all are.
    Returns:
        Ids, int32, and their probabilities, float64, both (rows, ranks); not in order where all symbols are kept.
    """
    tokens = logits.shape[-1]
    if top_k or top_p < 1:
        logits, ids = tf.math.top_k(logits, min(top_k or tokens, tokens))
    else:
        ids = tf.broadcast_to(tf.range(tokens), tf.shape(logits))
    probabilities = tf.nn.softmax((logits - tf.reduce_max(logits, axis=1, keepdims=True)) / temperature)
    if top_p < 1:
        before = tf.cumsum(probabilities, axis=1) - probabilities  # of those that are likelier
        probabilities = tf.where(before < top_p, probabilities, 0.0)
        probabilities /= tf.reduce_sum(probabilities, axis=1, keepdims=True)
    return ids, probabilities


def draw(ids: tf.Tensor, probabilities: tf.Tensor, levels: tf.Tensor) -> tf.Tensor:
    """One id a row, by inversion of the cumulated probabilities at `levels`, float64 (rows,): int32, (rows,)."""
    cumulated = tf.cumsum(probabilities, axis=1)
    places = tf.reduce_sum(tf.cast(cumulated <= levels[:, None] * cumulated[:, -1:], tf.int32), axis=1)
    return tf.gather(ids, tf.minimum(places, tf.shape(ids)[1] - 1), batch_dims=1)


def _word(number: int) -> tf.Tensor:
    return tf.constant(number, tf.uint64)


def _mixed(words: tf.Tensor) -> tf.Tensor:
    """The bits of 64-bit words, mixed so that each depends on all."""
    words = tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _word(30))) * _word(_FIRST)
    words = tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _word(27))) * _word(_SECOND)
    return tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _word(31)))
