"""What a decoder writes: the likeliest texts, as far as a beam finds them, or texts that are drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqkit_runner.sampling import independent_keys, token_of

Arrays = dict[str, np.ndarray]
Step = Callable[[np.ndarray, Arrays, Arrays], tuple[np.ndarray, np.ndarray, Arrays]]
Choice = Callable[[int, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Hypothesis(NamedTuple):
    """What was found.

    Attributes:
        score: Its normalised log-probability.
        ids: Without what begins and ends them.
        looked: As each was written, the place that was looked at most, of those that count; -1 where none does.
        log_probability: In nats, the end included.
        ended: Whether it was not cut short.
    """

    score: float
    ids: tuple[int, ...]
    looked: tuple[int, ...]
    log_probability: float
    ended: bool


class _Live(NamedTuple):
    """Hypotheses that go on, row by row.

    Attributes:
        rows: int, (live,).
        values: float32, (live,), log-probabilities.
        ids, looked: int, (live, t), as in `Hypothesis`.
        seen: float32, (live, places), the attention so far, summed; (live, 1) zeros before there was any.
        state, memory: Arrays (live, ...).
    """

    rows: np.ndarray
    values: np.ndarray
    ids: np.ndarray
    looked: np.ndarray
    seen: np.ndarray
    state: Arrays
    memory: Arrays


class Beam:
    """A search. See `seqkit.decoding.beam_search` of seqkit, whose answers these are.

    Args:
        step: (ids, int32 (live,); state; memory) -> (logits of what comes next, float (live, tokens); attention weights,
            float (live, places); state after).
        settings: The field "search" of a manifest.
        longest: int, (rows,), symbols at most, the end included; a row of 0 has the empty hypothesis.
        words: int, (rows,), the places of the attention that count for `Hypothesis.looked`.
        excluded: Ids that are never written.
        keys: uint64, (rows,), of `sampling.row_keys`, for what is drawn.
    """

    def __init__(
        self,
        step: Step,
        settings: Mapping[str, Any],
        *,
        begin: int,
        end: int,
        longest: np.ndarray,
        words: np.ndarray,
        excluded: Sequence[int],
        keys: np.ndarray,
    ):
        self._step, self._settings, self._begin, self._end = step, settings, begin, end
        self._excluded, self._drawn = list(excluded), settings["temperature"] > 0
        self._draws: int = settings["n_best"] if self._drawn else 1  # each is a row of its own
        self._longest, self._words = (np.repeat(one, self._draws) for one in (longest, words))
        self._keys = independent_keys(keys, self._draws)
        self._beam: int = 1 if self._drawn else settings["beam"]
        self._n_best: int = 1 if self._drawn else settings["n_best"]
        self._penalty = 0.0 if self._drawn else settings["length_penalty"]

    def find(self, state: Arrays, memory: Arrays) -> list[list[Hypothesis]]:
        """The best of each row, the best first; what was drawn, as it was drawn.

        Args:
            state: Arrays (rows, ...), what `step` starts from.
            memory: Arrays (rows, ...) that stay what they are.
        """
        rows = np.flatnonzero(self._longest > 0)
        pool: list[list[Hypothesis]] = [
            [] if steps > 0 else [Hypothesis(0.0, (), (), 0.0, False)] for steps in self._longest
        ]
        live = _Live(
            rows,
            values=np.zeros(len(rows), np.float32),
            ids=np.zeros((len(rows), 0), np.int32),
            looked=np.zeros((len(rows), 0), np.int32),
            seen=np.zeros((len(rows), 1), np.float32),
            state=_taken(state, rows // self._draws),
            memory=_taken(memory, rows // self._draws),
        )
        t = 0
        while len(live.rows):
            live = self._advance(t, live, pool)
            t += 1
        found = [sorted(own, key=lambda one: -one.score)[: self._n_best] for own in pool]
        every = range(0, len(found), self._draws)
        return [[one for own in found[row : row + self._draws] for one in own] for row in every]

    def _advance(self, t: int, live: _Live, pool: list[list[Hypothesis]]) -> _Live:
        """One symbol more; what has ended goes into the pool."""
        last = live.ids[:, -1] if t else np.full(len(live.rows), self._begin, np.int32)
        logits, weights, state = self._step(last, live.state, live.memory)
        nats = self._allowed(t, _log_softmax(logits.astype(np.float32)), live, pool)
        counts = np.arange(weights.shape[1]) < self._words[live.rows][:, None]
        looked = np.where(counts.any(axis=1), np.where(counts, weights, -1.0).argmax(axis=1), -1)
        live = live._replace(
            state=state, seen=live.seen + weights, looked=np.concatenate([live.looked, looked[:, None]], axis=1)
        )
        best, tokens = self._drawn_tokens(t, live.rows, nats) if self._drawn else _top(nats, self._beam)
        ways = live.values[:, None] + best  # (live, width)
        goes_on: list[tuple[int, int, np.float32]] = []  # parent, token, log-probability
        for row in np.unique(live.rows):
            first, after = np.searchsorted(live.rows, [row, row + 1])
            goes_on += self._ways_of_row(t, row, first, ways[first:after], tokens[first:after], live, pool[row])
        parents = np.array([parent for parent, _, _ in goes_on], np.intp)
        written = np.array([token for _, token, _ in goes_on], np.int32)
        same = np.array_equal(live.rows[parents], live.rows)
        return _Live(
            live.rows[parents],
            values=np.array([value for _, _, value in goes_on], np.float32),
            ids=np.concatenate([live.ids[parents], written[:, None]], axis=1),
            looked=live.looked[parents],
            seen=live.seen[parents],
            state=_taken(live.state, parents),
            memory=live.memory if same else _taken(live.memory, parents),
        )

    def _allowed(self, t: int, nats: np.ndarray, live: _Live, pool: list[list[Hypothesis]]) -> np.ndarray:
        """Log-probabilities, (live, tokens): -inf where the rules forbid, 0 for the end where they leave a row nothing."""
        nats[:, self._excluded] = -np.inf
        if t < self._settings["shortest"]:
            nats[:, self._end] = -np.inf
        if self._settings["no_repeat"]:
            for own, written in zip(nats, live.ids.tolist(), strict=True):
                own[_repeated(written, self._settings["no_repeat"])] = -np.inf
        able = set(live.rows[(nats > -np.inf).any(axis=1)].tolist())
        stuck = [row not in able and not pool[row] for row in live.rows.tolist()]
        nats[stuck, self._end] = 0.0
        return nats

    def _ways_of_row(
        self,
        t: int,
        row: int,
        first: int,
        ways: np.ndarray,
        tokens: np.ndarray,
        live: _Live,
        ended: list[Hypothesis],
    ) -> list[tuple[int, int, np.float32]]:
        """The best ways on of one row that go on; those that are over join what has ended.

        Args:
            first: The first of its hypotheses.
            ways: float32, (its hypotheses, width), log-probabilities.
            tokens: int, the same shape.
        """
        flat, longest = ways.reshape(-1), int(self._longest[row])
        goes_on = []
        for place in np.argsort(-flat, kind="stable")[: self._beam - len(ended)]:
            value, token = flat[place], int(tokens.reshape(-1)[place])
            parent = first + int(place) // ways.shape[1]
            if value == -np.inf:
                break
            if token == self._end or t + 1 >= longest:
                over = token == self._end
                ids = tuple(live.ids[parent].tolist()) + (() if over else (token,))
                score = self._normalised(value, t + 1) + self._coverage(live.seen[parent])
                looked = tuple(live.looked[parent].tolist())[: len(ids)]
                ended.append(Hypothesis(float(score), ids, looked, float(value), over))
            else:
                goes_on.append((parent, token, value))
        reach = max((self._normalised(value, longest) for _, _, value in goes_on), default=np.float32(-np.inf))
        scores = sorted((one.score for one in ended), reverse=True)
        settled = len(scores) >= self._n_best and scores[self._n_best - 1] >= reach
        return [] if settled else goes_on

    def _normalised(self, value: np.float32, length: int) -> np.float32:
        """(14) of Wu et al. 2016."""
        return np.float32(value / (np.float32(5 + length) / np.float32(6)) ** np.float32(self._penalty))

    def _coverage(self, seen: np.ndarray) -> np.float32 | float:
        """What the score loses for places, (places,), that were looked at too little."""
        if not self._settings["coverage_penalty"]:
            return 0.0
        log = np.log(np.clip(seen[seen > 0], 1e-30, 1.0))
        return np.float32(self._settings["coverage_penalty"] * log.sum(dtype=np.float32))

    def _drawn_tokens(self, t: int, rows: np.ndarray, nats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        settings = self._settings["temperature"], self._settings["top_k"], self._settings["top_p"]
        tokens = token_of(nats.astype(np.float64), self._keys[rows], t, settings)[:, None]
        return np.take_along_axis(nats, tokens, axis=1), tokens


def _taken(arrays: Arrays, places: np.ndarray) -> Arrays:
    return {name: array[places] for name, array in arrays.items()}


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted: np.ndarray = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _top(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The greatest of each row and their places, the first of equals first: (rows, count) each."""
    rest, rows = values.copy(), np.arange(len(values))
    found, places = [], []
    for _ in range(min(count, values.shape[1])):
        place = rest.argmax(axis=1)
        found.append(rest[rows, place])
        places.append(place)
        rest[rows, place] = -np.inf
    return np.stack(found, axis=1), np.stack(places, axis=1)


def _repeated(written: list[int], size: int) -> list[int]:
    """The symbols that would complete a run of `size` symbols that is there already."""
    begun = written[len(written) - size + 1 :]
    return [
        written[start + size - 1]
        for start in range(len(written) - size + 1)
        if written[start : start + size - 1] == begun
    ]
