"""The likeliest sequences of a `step`, a callable of which nothing else is known.

All in TensorFlow, so that an exported graph holds the whole search.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqkit.core.settings import Search

Tree = Any  # nested lists, tuples and dicts of tensors
SearchStep = Callable[[tf.Tensor, Tree, Tree], tuple[tf.Tensor, tf.Tensor, Tree]]
Choice = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Breadth(NamedTuple):
    """Of a search, what may be a tensor, so that a graph is asked for it.

    Attributes:
        beam: int32, ().
        length_penalty, coverage_penalty: float32, ().
    """

    beam: tf.Tensor | int
    length_penalty: tf.Tensor | float
    coverage_penalty: tf.Tensor | float


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
    begin: int | tf.Tensor,
    end: int,
    longest: tf.Tensor,
    search: Search,
    excluded: Sequence[int] = (),
    places: tf.Tensor | int = 1,
    choose: Choice | None = None,
    breadth: Breadth | None = None,
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
        begin: The id before the first symbol, or those of the rows, int32 (rows,).
        end: The id behind the last; -1 where there is none, so that only `longest` ends a row.
        longest: int32, (rows,), symbols at most, the end included; a hypothesis that gets there is taken as it is, and a row
            of 0 has the empty one, for certain. It stands for the bounds of `search`, which may differ from row to row.
        search: How wide to look, what scores and what is forbidden. Scores are log-probabilities over
            ((5 + length) / 6)^length_penalty, (14) of Wu et al. 2016, plus coverage_penalty times the sum of
            log(min(attention in all steps, 1)) over the places that were looked at at all. Where the rules leave a row no
            symbol to write before anything has ended, its hypotheses end there after all, at no cost.
        excluded: Ids that are never written.
        places: Of the attention.
        choose: (step, int32 (); row of each hypothesis, int32 (live,); log-probabilities, float (live, tokens), -inf where
            the rules forbid) -> (those of the ways on that count, float (live, width); their tokens, int32 (live, width));
            None for the likeliest.
        breadth: Instead of that of `search`; its beam is as wide as `search.n_best` at least.
    Example:
        >>> from seqkit.decoding.beam_search import beam_search
        >>> logits = tf.math.log([[0.1, 0.5, 0.4], [0.5, 0.4, 0.1], [1.0, 1.0, 1.0]])  # after 0, 1 and 2, the end
        >>> def step(ids, state, memory):
        ...     return tf.gather(logits, ids), tf.ones((tf.size(ids), 1)), state
        >>> for beam in (1, 3):  # the greedy one goes on, though to end at once is likelier
        ...     how = {"begin": 0, "end": 2, "longest": tf.constant([3]), "search": Search(beam=beam, length_penalty=0.0)}
        ...     found = beam_search(step, {"none": tf.zeros((1, 1))}, {}, **how)
        ...     print(int(found.lengths[0, 0]), f"{np.exp(found.log_probabilities[0, 0]):.3f}")
        3 0.125
        0 0.400
    """
    breadth = breadth or Breadth(search.beam, search.length_penalty, search.coverage_penalty)
    beam = _Beam(step, begin, end, longest, search, tuple(excluded), places, choose, breadth)
    start = (tf.constant(0), beam.live(state, memory), beam.pool())
    _, _, pool = tf.while_loop(
        lambda t, live, pool: tf.size(live.ids) > 0,
        beam.advance,
        start,
        shape_invariants=tf.nest.map_structure(_any_rows, start),
    )
    return _best(pool, search.n_best)


class _Live(NamedTuple):
    """Hypotheses that go on, row by row.

    Attributes:
        ids: int32, (live,), the last symbol of each.
        state: Tensors (live, ...).
        memory: Tensors (live, ...).
        values: float32, (live,), log-probabilities.
        rows: int32, (live,).
        written: int32, (live, t).
        looked: float32, (live, t, places), the attention so far.
    """

    ids: tf.Tensor
    state: Tree
    memory: Tree
    values: tf.Tensor
    rows: tf.Tensor
    written: tf.Tensor
    looked: tf.Tensor


class _Pool(NamedTuple):
    """What has ended, in the order in which it did: as in `Hypotheses`, with `beam` for n_best.

    Attributes:
        count: int32, (rows,), how many there are.
    """

    scores: tf.Tensor
    values: tf.Tensor
    lengths: tf.Tensor
    ended: tf.Tensor
    ids: tf.Tensor
    weights: tf.Tensor
    count: tf.Tensor


class _Ways(NamedTuple):
    """The ways on of each row, the likeliest first, all (rows, beam).

    Attributes:
        values: float32, log-probabilities.
        tokens: int32, what is written.
        parents: int32, the live hypothesis that it continues.
        real: bool, False where there are fewer than places in the beam.
    """

    values: tf.Tensor
    tokens: tf.Tensor
    parents: tf.Tensor
    real: tf.Tensor


@dataclasses.dataclass(frozen=True)
class _Beam:
    """A search, as `beam_search` was asked for it."""

    step: SearchStep
    begin: int | tf.Tensor
    end: int
    longest: tf.Tensor
    search: Search
    excluded: tuple[int, ...]
    places: tf.Tensor | int
    choose: Choice | None
    breadth: Breadth

    @property
    def rows(self) -> tf.Tensor:
        return tf.size(self.longest)

    def live(self, state: Tree, memory: Tree) -> _Live:
        """One empty hypothesis of each row that may write something."""
        rows = tf.cast(tf.squeeze(tf.where(self.longest > 0), axis=1), tf.int32)
        live = tf.size(rows)
        return _Live(
            ids=tf.fill([live], self.begin) if isinstance(self.begin, int) else tf.gather(self.begin, rows),
            state=tf.nest.map_structure(lambda x: tf.gather(x, rows), state),
            memory=tf.nest.map_structure(lambda x: tf.gather(x, rows), memory),
            values=tf.zeros([live]),
            rows=rows,
            written=tf.zeros([live, 0], tf.int32),
            looked=tf.zeros([live, 0, self.places]),
        )

    def pool(self) -> _Pool:
        """Nothing has ended, but the empty hypothesis of each row that may write nothing."""
        rows, beam = self.rows, self.breadth.beam
        empty = (self.longest <= 0)[:, None] & (tf.range(beam) == 0)  # (rows, beam)
        values = tf.where(empty, 0.0, -np.inf)
        return _Pool(
            scores=values,
            values=values,
            lengths=tf.zeros([rows, beam], tf.int32),
            ended=tf.zeros([rows, beam], tf.bool),
            ids=tf.zeros([rows, beam, 0], tf.int32),
            weights=tf.zeros([rows, beam, 0, self.places]),
            count=tf.reduce_sum(tf.cast(empty, tf.int32), axis=1),
        )

    def advance(self, t: tf.Tensor, live: _Live, pool: _Pool) -> tuple[tf.Tensor, _Live, _Pool]:
        """One symbol more."""
        logits, weights, state = self.step(live.ids, live.state, live.memory)
        nats = self.allowed(t, tf.nn.log_softmax(tf.cast(logits, tf.float32)), live, pool)
        live = live._replace(state=state, looked=tf.concat([live.looked, weights[:, None]], axis=1))
        ways = self.ways_on(t, nats, live, pool)
        over = ways.real & ((ways.tokens == self.end) | (t + 1 >= self.longest[:, None]))  # (rows, beam)
        pool = self.pooled(t, over, ways, live, pool)
        goes_on = self.within_reach(ways.real & ~over, ways, pool)
        return t + 1, _continued(goes_on, ways, live), pool

    def allowed(self, t: tf.Tensor, nats: tf.Tensor, live: _Live, pool: _Pool) -> tf.Tensor:
        """Log-probabilities, (live, tokens): -inf where the rules forbid, 0 for the end where they leave a row nothing."""
        tokens = nats.shape[-1]
        forbidden = tf.reduce_sum(tf.one_hot(tf.constant(list(self.excluded), tf.int32), tokens), axis=0)
        forbidden += tf.where(t < self.search.shortest, tf.one_hot(self.end, tokens), 0.0)
        nats = tf.where(forbidden > 0, -np.inf, nats)
        if self.search.no_repeat:
            nats = tf.where(_repeated(live.written, self.search.no_repeat, tokens), -np.inf, nats)
        able = tf.cast(tf.reduce_any(nats > -np.inf, axis=1), tf.int32)  # (live,), to write something
        of_rows = tf.math.unsorted_segment_sum(able, live.rows, self.rows) + pool.count
        stuck = tf.gather(of_rows == 0, live.rows)  # (live,)
        return tf.where(stuck[:, None] & (tf.range(tokens) == self.end), 0.0, nats)

    def ways_on(self, t: tf.Tensor, nats: tf.Tensor, live: _Live, pool: _Pool) -> _Ways:
        """The best `beam` of each row, from those chosen of each hypothesis."""
        rows, beam = self.rows, self.breadth.beam
        best, tokens = self.choose(t, live.rows, nats) if self.choose else likeliest(nats, beam)
        width = best.shape[-1] if best.shape[-1] is not None else tf.shape(best)[-1]
        first = tf.searchsorted(live.rows, tf.range(rows))  # (rows,), where a row's hypotheses start
        slot = tf.range(tf.size(live.rows)) - tf.gather(first, live.rows)
        shape = tf.stack([rows, beam, width])
        place = tf.stack([live.rows, slot], axis=1)
        values = tf.tensor_scatter_nd_update(tf.fill(shape, -np.inf), place, live.values[:, None] + best)
        tokens = tf.reshape(tf.scatter_nd(place, tokens, shape), [rows, beam * width])
        values, chosen = tf.math.top_k(tf.reshape(values, [rows, beam * width]), beam)  # (rows, beam)
        return _Ways(
            values,
            tokens=tf.gather(tokens, chosen, batch_dims=1),
            parents=tf.minimum(first[:, None] + chosen // width, tf.size(live.rows) - 1),
            real=(values > -np.inf) & (tf.range(beam) < (beam - pool.count)[:, None]),
        )

    def pooled(self, t: tf.Tensor, over: tf.Tensor, ways: _Ways, live: _Live, pool: _Pool) -> _Pool:
        """The pool with those ways on that are over, bool (rows, beam), behind what it holds."""
        where = tf.where(over)  # (ended, 2) of row and rank
        behind = pool.count[:, None] + tf.cumsum(tf.cast(over, tf.int32), axis=1) - 1
        at = tf.stack([where[:, 0], tf.cast(tf.gather_nd(behind, where), tf.int64)], axis=1)
        parents, tokens = tf.gather_nd(ways.parents, where), tf.gather_nd(ways.tokens, where)
        scores = self.normalised(ways.values, tf.fill(tf.shape(ways.values), t + 1)) + self.coverage(ways, live)
        ended = tokens == self.end

        def put(into: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_update(into, at, values)

        return _Pool(
            scores=put(pool.scores, tf.gather_nd(scores, where)),
            values=put(pool.values, tf.gather_nd(ways.values, where)),
            lengths=put(pool.lengths, t + tf.where(ended, 0, 1)),  # of those cut short the last symbol counts too
            ended=put(pool.ended, ended),
            ids=put(_one_more(pool.ids), tf.concat([tf.gather(live.written, parents), tokens[:, None]], axis=1)),
            weights=put(_one_more(pool.weights), tf.gather(live.looked, parents)),
            count=pool.count + tf.reduce_sum(tf.cast(over, tf.int32), axis=1),
        )

    def normalised(self, values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        return values / ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** self.breadth.length_penalty

    def coverage(self, ways: _Ways, live: _Live) -> tf.Tensor | float:
        """What the score of each way on loses for places that were looked at too little: (rows, beam)."""
        if not self.search.coverage_penalty:
            return 0.0
        seen = tf.reduce_sum(live.looked, axis=1)  # (live, places)
        log = tf.where(seen > 0, tf.math.log(tf.clip_by_value(seen, 1e-30, 1.0)), 0.0)
        return self.breadth.coverage_penalty * tf.gather(tf.reduce_sum(log, axis=1), ways.parents)

    def within_reach(self, goes_on: tf.Tensor, ways: _Ways, pool: _Pool) -> tf.Tensor:
        """bool, (rows, beam): False also where the worst of the pool that counts is out of a row's reach."""
        reach = self.normalised(ways.values, tf.broadcast_to(self.longest[:, None], tf.shape(ways.values)))
        reach = tf.reduce_max(tf.where(goes_on, reach, -np.inf), axis=1)
        settled = tf.math.top_k(pool.scores, self.search.n_best).values[:, -1] >= reach
        return goes_on & ~settled[:, None]


def likeliest(nats: tf.Tensor, beam: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
    """So many of the highest, or all where there are fewer, and their places: (live, width)."""
    tokens = nats.shape[-1]
    values, places = tf.math.top_k(nats, min(beam, tokens) if isinstance(beam, int) else tf.minimum(beam, tokens))
    return values, places


def _continued(goes_on: tf.Tensor, ways: _Ways, live: _Live) -> _Live:
    """The hypotheses with the ways on of which `goes_on`, bool (rows, beam), is true."""
    where = tf.where(goes_on)
    parents, tokens = tf.gather_nd(ways.parents, where), tf.gather_nd(ways.tokens, where)
    rows = tf.cast(where[:, 0], tf.int32)
    same = tf.cond(tf.size(live.rows) == tf.size(rows), lambda: tf.reduce_all(live.rows == rows), lambda: False)
    return _Live(
        ids=tokens,
        state=tf.nest.map_structure(lambda x: tf.gather(x, parents), live.state),
        memory=tf.nest.map_structure(lambda x: tf.cond(same, lambda: x, lambda: tf.gather(x, parents)), live.memory),
        values=tf.gather_nd(ways.values, where),
        rows=rows,
        written=tf.concat([tf.gather(live.written, parents), tokens[:, None]], axis=1),
        looked=tf.gather(live.looked, parents),
    )


def _best(pool: _Pool, n_best: int) -> Hypotheses:
    """The best of each row, the best first."""
    scores, order = tf.math.top_k(pool.scores, n_best)
    values, lengths, ended, ids, weights = (
        tf.gather(part, order, batch_dims=1) for part in (pool.values, pool.lengths, pool.ended, pool.ids, pool.weights)
    )
    longest = tf.reduce_max(lengths)
    ids = tf.where(tf.sequence_mask(lengths, tf.shape(ids)[2]), ids, 0)
    return Hypotheses(ids[:, :, :longest], lengths, scores, values, ended, weights[:, :, : longest + 1])


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
    where = tf.where(tf.reduce_all(tf.equal(runs[:, :, :-1], begun[:, None]), axis=-1))  # (repeated, 2)
    places = tf.stack([tf.cast(where[:, 0], tf.int32), tf.gather_nd(runs[:, :, -1], where)], axis=1)
    nothing = tf.zeros([tf.shape(written)[0], tokens], tf.bool)  # a place may come twice, and hold True all the same
    return tf.tensor_scatter_nd_update(nothing, places, tf.ones(tf.shape(places)[:1], tf.bool))
