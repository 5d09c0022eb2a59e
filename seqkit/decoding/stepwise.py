"""Text drawn symbol by symbol, in NumPy, as it streams: the model is a callable, `step`, of which nothing else is known."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.core.bounds import at_least, check_sampling

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
    repetition_penalty: float = 1.0,
    seed: int | Sequence[int] = 0,
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
        repetition_penalty: As in `penalised`, for what was drawn before; 1 for none.
        seed: Of the draws; or one for each row, which is given what it would be given by itself.
        excluded: Ids that are never drawn.
    Yields:
        int64, (batch,).
    Raises:
        InputError: A setting is out of its range.
    Example:
        >>> from seqkit.decoding.stepwise import generate
        >>> logits = np.log([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])  # what comes after 0, 1 and 2
        >>> drawn = generate(lambda ids, state: (logits[ids], state), None, np.array([0]), length=6, temperature=0)
        >>> [int(ids[0]) for ids in drawn]
        [1, 2, 0, 1, 2, 0]
    """
    check_sampling(temperature, top_k, top_p)
    at_least("length", length, 1)
    at_least("repetition_penalty", repetition_penalty, 1)
    seeds = tuple(seed) if isinstance(seed, Sequence | np.ndarray) else (seed,)
    at_least("seed", min(seeds), 0)
    rngs = [np.random.default_rng(one) for one in seeds]
    settings = (temperature, top_k, top_p)
    return _draws(step, state, first, length, settings, repetition_penalty, rngs, list(excluded))


def _draws(
    step: Step,
    state: State,
    ids: np.ndarray,
    length: int,
    settings: tuple[float, int, float],
    penalty: float,
    rngs: list[np.random.Generator],
    excluded: list[int],
) -> Iterator[np.ndarray]:
    drawn = None
    for _ in range(length):
        logits, state = step(ids, state)
        logits = np.array(logits, np.float64)
        logits[:, excluded] = -np.inf
        if penalty != 1:
            drawn = np.zeros(logits.shape, bool) if drawn is None else drawn
            logits = penalised(logits, drawn, penalty)
        probabilities = next_probabilities(logits, *settings)
        if len(rngs) == 1:
            ids = draw_tokens(probabilities, rngs[0])
        else:
            rows = zip(probabilities, rngs, strict=True)
            ids = np.concatenate([draw_tokens(row[None], rng) for row, rng in rows])
        if drawn is not None:
            drawn[np.arange(len(ids)), ids] = True
        yield ids


def penalised(logits: np.ndarray, drawn: np.ndarray, penalty: float) -> np.ndarray:
    """Logits of which those of symbols that were drawn before are lowered: the penalised sampling of CTRL, section 4.1 of
    Keskar et al. 2019, by whom 1.2 is a good value. They divide by the penalty, which raises a logit below 0: such a one is
    multiplied by it, as is the custom since.

    Args:
        logits: float, (batch, tokens).
        drawn: bool, (batch, tokens).
        penalty: At least 1.
    """
    lowered: np.ndarray = np.where(logits > 0, logits / penalty, logits * penalty)
    return np.where(drawn, lowered, logits)


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
    probabilities: np.ndarray = np.empty_like(shares)
    np.put_along_axis(probabilities, order, shares, axis=-1)
    return probabilities


def draw_tokens(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One id a row: int64, (batch,), by inversion of the cumulated probabilities, float (batch, tokens)."""
    cumulated = np.cumsum(probabilities, axis=-1)
    level = rng.random((len(probabilities), 1)) * cumulated[:, -1:]
    drawn: np.ndarray = (cumulated <= level).sum(axis=-1)
    return drawn
