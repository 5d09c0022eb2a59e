"""Draws inside a graph: each a function of what a row holds, of a seed and of the step, and of nothing else.

So a row is given the same whatever batch it comes in, in the run as in an exported graph.
"""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from seqkit.core.settings import Search
from seqkit.decoding.beam_search import Breadth, Hypotheses, SearchStep, Tree, beam_search, likeliest


def sample(
    step: SearchStep,
    state: Tree,
    memory: Tree,
    *,
    keys: tf.Tensor,
    begin: int,
    end: int,
    longest: tf.Tensor,
    search: Search,
    excluded: Sequence[int] = (),
    places: tf.Tensor | int = 1,
) -> Hypotheses:
    """Draw sequences, `search.n_best` for each row, each independently of the others.

    What the rules leave of the symbols is cut to its likely part as in `next_probabilities`. Scores are log-probabilities,
    those that the model itself gives, whatever the temperature.

    Args:
        keys: uint64, (rows,), from `seqkit.decoding.sampling.row_keys`: rows of the same key are given the same.
        search: Its temperature is above 0; its beam and penalties count for nothing.
        step, state, memory, begin, end, longest, excluded, places: As in `beam_search`.
    Example:
        >>> from seqkit.decoding.sampling import row_keys, sample
        >>> logits = tf.math.log([[0.1, 0.5, 0.4], [0.5, 0.4, 0.1], [1.0, 1.0, 1.0]])  # after 0, 1 and 2, the end
        >>> def step(ids, state, memory):
        ...     return tf.gather(logits, ids), tf.ones((tf.size(ids), 1)), state
        >>> start, rows = {"none": tf.zeros((1, 1))}, tf.constant([[5, 6, 7]])  # one row, and what its draws follow from
        >>> how = {"begin": 0, "end": 2, "longest": tf.constant([4]), "search": Search(temperature=1.0, n_best=3)}
        >>> sample(step, start, {}, keys=row_keys([rows], seed=0), **how).ids.shape  # (rows, n_best, steps)
        TensorShape([1, 3, 4])
    """

    def again(tensor: tf.Tensor) -> tf.Tensor:
        return tf.repeat(tensor, search.n_best, axis=0)

    keys = independent_keys(keys, search.n_best)

    def drawn(t: tf.Tensor, row: tf.Tensor, nats: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shares = likely_tokens(tf.cast(nats, tf.float64), search.temperature, search.top_k, search.top_p)
        token = draw(*shares, uniform(tf.gather(keys, row), t))
        return tf.gather(nats, token, batch_dims=1)[:, None], token[:, None]

    found = beam_search(
        step,
        tf.nest.map_structure(again, state),
        tf.nest.map_structure(again, memory),
        begin=begin,
        end=end,
        longest=again(longest),
        search=dataclasses.replace(search, beam=1, n_best=1, length_penalty=0.0),
        excluded=excluded,
        places=places,
        choose=drawn,
    )

    def of_rows(tensor: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tensor, tf.concat([[tf.size(longest), search.n_best], tf.shape(tensor)[2:]], axis=0))

    return Hypotheses(*map(of_rows, found))


def search_or_sample(
    step: SearchStep,
    state: Tree,
    memory: Tree,
    *,
    keys: tf.Tensor,
    beam: tf.Tensor,
    temperature: tf.Tensor,
    begin: int | tf.Tensor,
    end: int,
    longest: tf.Tensor,
    search: Search,
    excluded: Sequence[int] = (),
    places: tf.Tensor | int = 1,
) -> Hypotheses:
    """One sequence for each row: what `beam_search` finds, or, where the temperature is above 0, what `sample` draws.

    Args:
        keys: As in `sample`.
        beam: int32, (); below 1 as 1.
        temperature: float32, ().
        search: Its `n_best` is 1; its beam and temperature count for nothing.
        step, state, memory, begin, end, longest, excluded, places: As in `beam_search`.
    """
    keys, draws = independent_keys(keys, 1), temperature > 0

    def chosen(t: tf.Tensor, row: tf.Tensor, nats: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def drawn() -> tuple[tf.Tensor, tf.Tensor]:
            warmth = tf.cast(temperature, tf.float64)
            shares = likely_tokens(tf.cast(nats, tf.float64), warmth, search.top_k, search.top_p)
            token = draw(*shares, uniform(tf.gather(keys, row), t))
            return tf.gather(nats, token, batch_dims=1)[:, None], token[:, None]

        values, tokens = tf.cond(draws, drawn, lambda: likeliest(nats, beam))
        return values, tokens

    beam = tf.where(draws, 1, tf.maximum(beam, 1))
    penalties = (tf.where(draws, 0.0, penalty) for penalty in (search.length_penalty, search.coverage_penalty))
    return beam_search(
        step,
        state,
        memory,
        begin=begin,
        end=end,
        longest=longest,
        search=search,
        excluded=excluded,
        places=places,
        choose=chosen,
        breadth=Breadth(beam, *penalties),
    )


_GAMMA = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def row_keys(inputs: Sequence[tf.Tensor], seed: int | tf.Tensor) -> tf.Tensor:
    """A key for each row, of its own values and of the seed: uint64, (rows,).

    Args:
        inputs: Numbers, each (rows, ...). Padding by zeros along the second axis changes no key; rows of the same values
            have the same one.
    """
    rows = tf.shape(inputs[0])[0]
    keys = tf.zeros([rows], tf.uint64) + _mixed(_word(seed) if isinstance(seed, int) else tf.cast(seed, tf.uint64))
    for values in inputs:
        flat = tf.reshape(values, [rows, tf.reduce_prod(tf.shape(values)[1:])])
        bits = tf.bitcast(tf.cast(flat, tf.float32), tf.int32) if flat.dtype.is_floating else flat
        places = tf.cast(tf.range(1, tf.shape(flat)[1] + 1), tf.uint64) * _word(_GAMMA)
        hashed = _mixed(places + tf.cast(bits, tf.uint64))  # (rows, values)
        keys = _mixed(keys + tf.reduce_sum(tf.where(bits != 0, hashed, tf.zeros_like(hashed)), axis=1))
    return keys


def independent_keys(keys: tf.Tensor, draws: int) -> tf.Tensor:
    """Keys of so many independent draws for each: uint64, (rows,) -> (rows * draws,)."""
    numbers = tf.cast(tf.range(draws), tf.uint64)
    return tf.reshape(_mixed(keys[:, None] + numbers * _word(_SECOND)), [-1])


def uniform(keys: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Number `t` (from 0) of the stream of each key, from 0 up to, but not including, 1: float64, (rows,).

    SplitMix64 (Steele, Lea and Flood 2014) with the key as its state.
    """
    bits = _mixed(keys + (tf.cast(t, tf.uint64) + _word(1)) * _word(_GAMMA))
    return tf.cast(tf.bitwise.right_shift(bits, _word(11)), tf.float64) * 2.0**-53


def likely_tokens(
    logits: tf.Tensor, temperature: float | tf.Tensor, top_k: int, top_p: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `seqkit.decoding.stepwise.next_probabilities` gives, for a temperature above 0, by ranks.

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
