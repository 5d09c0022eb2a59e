"""The likeliest sequences of a `step`, a callable of which nothing else is known: in TensorFlow, so that an exported graph holds
the whole search.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqkit.core.settings import Search

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
