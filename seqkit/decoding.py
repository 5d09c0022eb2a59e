"""Symbols out of a model, one after the other: the model is a callable, `step`, of which nothing else is known.

`generate` draws, in NumPy, for a text that streams as it is drawn. `beam_search` looks for the likeliest sequences, and
`sample` draws some, in TensorFlow, so that an exported graph holds the whole of it.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqkit import drawing
from seqkit.settings import Search, check_sampling

State = Any
Step = Callable[[np.ndarray, State], tuple[np.ndarray, State]]


def generate(
    step: Step,
    state: State,
    first: np.ndarray,
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    excluded: Sequence[int] = (),
) -> Iterator[np.ndarray]:
    """Draw one symbol after the other, each from what the model makes of those before.

    The caller stops when it has enough: nothing is computed beyond the symbol that it took last.

    Args:
        step: (ids, int (batch,); state) -> (logits of what comes next, float (batch, tokens); state after).
        state: What `step` starts from; it is passed on unseen.
        first: int, (batch,), the last symbols before those that are drawn.
        length: How many to draw at most.
        temperature, top_k, top_p: As in `next_probabilities`.
        seed: Of the draws.
        excluded: Ids that are never drawn.
    Yields:
        int64, (batch,).
    Raises:
        InputError: A setting is out of its range.
    """
    check_sampling(temperature, top_k, top_p)
    return _draws(step, state, first, length, (temperature, top_k, top_p), np.random.default_rng(seed), list(excluded))


def _draws(step, state, ids, length, settings, rng, excluded):
    for _ in range(length):
        logits, state = step(ids, state)
        logits = np.array(logits, np.float64)
        logits[:, excluded] = -np.inf
        ids = draw(next_probabilities(logits, *settings), rng)
        yield ids


def next_probabilities(logits: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """The distribution to draw from: softmax(logits / temperature), cut to its likely part and scaled to one.

    Args:
        logits: float, (batch, tokens); -inf for a symbol that is out of the question.
        temperature: 0 for the most likely symbol, the first of equals.
        top_k: Keep so many of the most likely symbols; 0 for all (Fan et al. 2018).
        top_p: Keep the fewest symbols, the most likely first, whose probabilities add up to at least this share: the
            nucleus (Holtzman et al. 2020). It is taken of what `top_k` has left.
    Returns:
        float64, (batch, tokens).
    """
    logits = np.asarray(logits, np.float64)
    order = np.argsort(-logits, axis=-1, kind="stable")  # (batch, tokens), the most likely first
    if temperature == 0:
        top_k, temperature = 1, 1.0
    ranked = np.take_along_axis(logits, order, axis=-1)
    if top_k:
        ranked[:, top_k:] = -np.inf
    shares = np.exp((ranked - ranked[:, :1]) / temperature)
    shares /= shares.sum(axis=-1, keepdims=True)
    if top_p < 1:
        before = np.cumsum(shares, axis=-1) - shares  # of those that are likelier: (batch, tokens)
        shares = np.where(before < top_p, shares, 0.0)
        shares /= shares.sum(axis=-1, keepdims=True)
    probabilities = np.empty_like(shares)
    np.put_along_axis(probabilities, order, shares, axis=-1)
    return probabilities


def draw(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One id a row: int64, (batch,), by inversion of the cumulated probabilities, float (batch, tokens)."""
    cumulated = np.cumsum(probabilities, axis=-1)
    level = rng.random((len(probabilities), 1)) * cumulated[:, -1:]
    return (cumulated <= level).sum(axis=-1)


Tree = Any  # nested lists, tuples and dicts of tensors
SearchStep = Callable[[tf.Tensor, Tree, Tree], tuple[tf.Tensor, tf.Tensor, Tree]]
Choice = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Hypotheses(NamedTuple):
    """What a search found, the best first, or what was drawn, as it was drawn.

    Attributes:
        ids: int32, (rows, n_best, steps), without what begins and ends them; padded with zeros.
        lengths: int32, (rows, n_best), of ids; 0 also where there are fewer hypotheses than asked for.
        scores: float32, (rows, n_best), normalised; -inf where there is no hypothesis.
        log_probabilities: float32, (rows, n_best), in nats, the end included.
        ended: bool, (rows, n_best), False where it was cut short.
        weights: float32, (rows, n_best, steps + 1, places), the attention as each symbol and the end were written.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    log_probabilities: tf.Tensor
    ended: tf.Tensor
    weights: tf.Tensor


def beam_search(
    step: SearchStep,
    state: Tree,
    memory: Tree,
    *,
    begin: int,
    end: int,
    longest: tf.Tensor,
    search: Search,
    excluded: Sequence[int] = (),
    places: tf.Tensor | int = 1,
    choose: Choice | None = None,
) -> Hypotheses:
    """The likeliest sequences, as far as a beam finds them; with a beam of 1 the greedy one.

    A hypothesis that has ended takes its place in the beam with it (Bahdanau et al. 2015) and is computed no further; nor is
    a row whose open hypotheses can't reach what has ended. Of equally likely symbols the one of the smaller id goes first.

    Args:
        step: (ids, int32 (live,); state; memory) -> (logits of what comes next, float (live, tokens); attention weights,
            float (live, places), with one place where there is no attention; state after). Where rows have ended, it gets
            the others only.
        state: Tensors (rows, ...), what `step` starts from; each hypothesis has its own.
        memory: Tensors (rows, ...) that stay what they are for all steps and hypotheses of a row.
        begin, end: Ids before the first symbol and behind the last.
        longest: int32, (rows,), symbols at most, the end included; a hypothesis that gets there is taken as it is. It stands
            for the bounds of `search`, which may differ from row to row.
        search: How wide to look, what scores and what is forbidden. Scores are log-probabilities over
            ((5 + length) / 6)^length_penalty, (14) of Wu et al. 2016, plus coverage_penalty times the sum of
            log(min(attention in all steps, 1)) over the places that were looked at at all. Where the rules leave a row no
            symbol to write before anything has ended, its hypotheses end there after all, at no cost.
        excluded: Ids that are never written.
        places: Of the attention.
        choose: (step, int32 (); row of each hypothesis, int32 (live,); log-probabilities, float (live, tokens), -inf where
            the rules forbid) -> (those of the ways on that count, float (live, width); their tokens, int32 (live, width));
            None for the likeliest.
    """

    def likeliest(t: tf.Tensor, row: tf.Tensor, nats: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        best, tokens = tf.math.top_k(nats, min(search.beam, nats.shape[-1]))
        return best, tokens

    choose = choose or likeliest
    rows, beam, n_best = tf.size(longest), search.beam, search.n_best
    impossible = tf.constant(-np.inf, tf.float32)

    def normalised(values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        return values / ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** search.length_penalty

    def advance(t, live, pool):
        ids, state, memory, values, row, written, looked = live
        logits, weights, state = step(ids, state, memory)
        nats = tf.nn.log_softmax(tf.cast(logits, tf.float32))  # (live, tokens)
        forbidden = tf.reduce_sum(tf.one_hot(tf.constant(list(excluded), tf.int32), nats.shape[-1]), axis=0)
        forbidden += tf.where(t < search.shortest, tf.one_hot(end, nats.shape[-1]), 0.0)
        nats = tf.where(forbidden > 0, impossible, nats)
        if search.no_repeat:
            nats = tf.where(_repeated(written, search.no_repeat, nats.shape[-1]), impossible, nats)
        able = tf.cast(tf.reduce_any(nats > impossible, axis=1), tf.int32)  # (live,), to write something
        stuck = tf.gather(tf.math.unsorted_segment_sum(able, row, rows) + pool["count"] == 0, row)  # (live,)
        nats = tf.where(stuck[:, None] & (tf.range(nats.shape[-1]) == end), 0.0, nats)
        looked = tf.concat([looked, weights[:, None]], axis=1)  # (live, t + 1, places)

        # the best `beam` ways on for each row, from those chosen of each hypothesis
        best, tokens = choose(t, row, nats)  # (live, width)
        width = best.shape[-1]
        first = tf.searchsorted(row, tf.range(rows))  # (rows,), where a row's hypotheses start
        slot = tf.range(tf.size(row)) - tf.gather(first, row)
        shape = tf.stack([rows, beam, width])
        place = tf.stack([row, slot], axis=1)
        ways = tf.tensor_scatter_nd_update(tf.fill(shape, impossible), place, values[:, None] + best)
        tokens = tf.reshape(tf.scatter_nd(place, tokens, shape), [rows, beam * width])
        ways, chosen = tf.math.top_k(tf.reshape(ways, [rows, beam * width]), beam)  # (rows, beam)
        open_places = beam - pool["count"]
        real = (ways > impossible) & (tf.range(beam) < open_places[:, None])
        token = tf.gather(tokens, chosen, batch_dims=1)
        parent = tf.minimum(first[:, None] + chosen // width, tf.size(row) - 1)  # (rows, beam)

        # what has ended goes into the pool
        over = real & ((token == end) | (t + 1 >= longest[:, None]))
        covered = 0.0
        if search.coverage_penalty:
            seen = tf.reduce_sum(looked, axis=1)  # (live, places)
            log = tf.where(seen > 0, tf.math.log(tf.clip_by_value(seen, 1e-30, 1.0)), 0.0)
            covered = search.coverage_penalty * tf.gather(tf.reduce_sum(log, axis=1), parent)
        scores = normalised(ways, tf.fill(tf.shape(ways), t + 1)) + covered
        where = tf.where(over)  # (ended, 2) of row and rank
        at = tf.cast(
            tf.gather_nd(pool["count"][:, None] + tf.cumsum(tf.cast(over, tf.int32), axis=1) - 1, where), tf.int64
        )
        at = tf.stack([where[:, 0], at], axis=1)
        from_ = tf.gather_nd(parent, where)
        written_here = tf.concat([tf.gather(written, from_), tf.gather_nd(token, where)[:, None]], axis=1)
        ended = tf.gather_nd(token, where) == end

        def put(into, values):
            return tf.tensor_scatter_nd_update(into, at, values)

        pool = {
            "scores": put(pool["scores"], tf.gather_nd(scores, where)),
            "values": put(pool["values"], tf.gather_nd(ways, where)),
            "lengths": put(pool["lengths"], t + tf.where(ended, 0, 1)),  # of those cut short the last symbol counts too
            "ended": put(pool["ended"], ended),
            "ids": put(_one_more(pool["ids"]), written_here),
            "weights": put(_one_more(pool["weights"]), tf.gather(looked, from_)),
            "count": pool["count"] + tf.reduce_sum(tf.cast(over, tf.int32), axis=1),
        }

        # what goes on: not where the worst of the pool that counts is out of reach
        goes_on = real & ~over
        reach = normalised(ways, tf.broadcast_to(longest[:, None], tf.shape(ways)))
        reach = tf.reduce_max(tf.where(goes_on, reach, impossible), axis=1)
        settled = tf.math.top_k(pool["scores"], n_best).values[:, -1] >= reach
        goes_on &= ~settled[:, None]
        where = tf.where(goes_on)
        parent, token, rows_on = tf.gather_nd(parent, where), tf.gather_nd(token, where), tf.cast(where[:, 0], tf.int32)
        same = tf.cond(tf.size(row) == tf.size(rows_on), lambda: tf.reduce_all(row == rows_on), lambda: False)
        live = (
            token,
            tf.nest.map_structure(lambda x: tf.gather(x, parent), state),
            tf.nest.map_structure(lambda x: tf.cond(same, lambda: x, lambda: tf.gather(x, parent)), memory),
            tf.gather_nd(ways, where),
            rows_on,
            tf.concat([tf.gather(written, parent), token[:, None]], axis=1),
            tf.gather(looked, parent),
        )
        return t + 1, live, pool

    live = (
        tf.fill([rows], begin),
        state,
        memory,
        tf.zeros([rows]),
        tf.range(rows),
        tf.zeros([rows, 0], tf.int32),
        tf.zeros([rows, 0, places]),
    )
    pool = {
        "scores": tf.fill([rows, beam], impossible),
        "values": tf.fill([rows, beam], impossible),
        "lengths": tf.zeros([rows, beam], tf.int32),
        "ended": tf.zeros([rows, beam], tf.bool),
        "ids": tf.zeros([rows, beam, 0], tf.int32),
        "weights": tf.zeros([rows, beam, 0, places]),
        "count": tf.zeros([rows], tf.int32),
    }
    start = (tf.constant(0), live, pool)
    _, _, pool = tf.while_loop(
        lambda t, live, pool: tf.size(live[0]) > 0,
        advance,
        start,
        shape_invariants=tf.nest.map_structure(_any_rows, start),
    )
    scores, order = tf.math.top_k(pool["scores"], n_best)
    lengths = tf.gather(pool["lengths"], order, batch_dims=1)
    ids = tf.gather(pool["ids"], order, batch_dims=1)
    return Hypotheses(
        tf.where(tf.sequence_mask(lengths, tf.shape(ids)[2]), ids, 0)[:, :, : tf.reduce_max(lengths)],
        lengths,
        scores,
        tf.gather(pool["values"], order, batch_dims=1),
        tf.gather(pool["ended"], order, batch_dims=1),
        tf.gather(pool["weights"], order, batch_dims=1)[:, :, : tf.reduce_max(lengths) + 1],
    )


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
        keys: uint64, (rows,), from `seqkit.drawing.row_keys`: rows of the same key are given the same.
        search: Its temperature is above 0; its beam and penalties count for nothing.
        step, state, memory, begin, end, longest, excluded, places: As in `beam_search`.
    """

    def again(tensor: tf.Tensor) -> tf.Tensor:
        return tf.repeat(tensor, search.n_best, axis=0)

    keys = drawing.several(keys, search.n_best)

    def drawn(t: tf.Tensor, row: tf.Tensor, nats: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shares = drawing.likely(tf.cast(nats, tf.float64), search.temperature, search.top_k, search.top_p)
        token = drawing.draw(*shares, drawing.uniform(tf.gather(keys, row), t))
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


def _any_rows(tensor: tf.Tensor) -> tf.TensorShape:
    """The shape of a loop's variable, of which all but the last axes of states change from step to step."""
    return tf.TensorShape([None] * min(len(tensor.shape), 3) + list(tensor.shape[3:]))


def _one_more(pool: tf.Tensor) -> tf.Tensor:
    """(rows, beam, steps, ...) with one more step, of zeros."""
    return tf.pad(pool, [(0, 0), (0, 0), (0, 1)] + [(0, 0)] * (len(pool.shape) - 3))


def _repeated(written: tf.Tensor, size: int, tokens: int) -> tf.Tensor:
    """Which symbol would complete a run of `size` symbols that is there already: bool, (live, tokens).

    Args:
        written: int32, (live, steps).
    """
    steps = tf.shape(written)[1]
    starts = tf.range(tf.maximum(steps - size + 1, 0))
    runs = tf.gather(written, starts[:, None] + tf.range(size), axis=1)  # (live, starts, size)
    begun = tf.pad(written, [(0, 0), (size - 1, 0)], constant_values=-1)[:, steps:]  # (live, size - 1)
    same = tf.reduce_all(runs[:, :, :-1] == begun[:, None], axis=-1)  # (live, starts)
    return tf.reduce_any(tf.one_hot(tf.where(same, runs[:, :, -1], -1), tokens, True, False), axis=1)
