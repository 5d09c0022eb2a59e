"""Draws: of a language model by a random generator; of a decoder by a function of its input, a seed and the step."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from seqkit_runner.errors import ArtefactError

Advance = Callable[[np.ndarray, Any], tuple[np.ndarray, Any]]


def check_sampling(length: int, temperature: float, top_k: int, top_p: float, seed: int) -> None:
    """Raise ArtefactError where a setting of draws is out of its range."""
    for name, value, right, expected in (
        ("length", length, length >= 1, "a number of at least 1"),
        (
            "temperature",
            temperature,
            0 <= temperature < math.inf,
            "a number of at least 0, where 0 takes the likeliest",
        ),
        ("top_k", top_k, top_k >= 0, "a number of at least 0, where 0 keeps all symbols"),
        ("top_p", top_p, 0 < top_p <= 1, "a share above 0 and up to 1, which keeps all symbols"),
        ("seed", seed, seed >= 0, "a number of at least 0"),
    ):
        if not right:
            raise ArtefactError(f"{name} is {value}: give {expected}.")


def drawn(
    step: Advance,
    state: Any,
    ids: np.ndarray,
    *,
    length: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    excluded: Sequence[int],
) -> Iterator[np.ndarray]:
    """Draw one symbol after the other, each from what the model makes of those before.

    Args:
        step: (ids, int (rows,); state) -> (logits of what comes next, float (rows, tokens); state after).
        ids: int, (rows,), the last symbols before those that are drawn.
        excluded: Ids that are never drawn.
    Yields:
        int, (rows,).
    """
    rng = np.random.default_rng(seed)
    for _ in range(length):
        logits, state = step(ids, state)
        logits = np.array(logits, np.float64)
        logits[:, list(excluded)] = -np.inf
        probabilities = next_probabilities(logits, temperature, top_k, top_p)
        cumulated = np.cumsum(probabilities, axis=-1)
        level = rng.random((len(probabilities), 1)) * cumulated[:, -1:]
        ids = (cumulated <= level).sum(axis=-1)
        yield ids


def next_probabilities(logits: np.ndarray, temperature: float, top_k: int, top_p: float) -> np.ndarray:
    """The distribution to draw from, cut to its likely part and scaled to one: float64, (rows, tokens).

    Args:
        logits: float64, (rows, tokens); -inf for a symbol that is out of the question.
        temperature: 0 for the most likely symbol, the first of equals.
        top_k: Keep so many of the most likely symbols; 0 for all (Fan et al. 2018).
        top_p: Keep the fewest symbols that have this share of what is left (Holtzman et al. 2020).
    """
    if temperature == 0:
        top_k, temperature = 1, 1.0
    order, shares = ranked(logits, temperature, top_k, top_p)
    probabilities = np.zeros_like(logits)
    np.put_along_axis(probabilities, order, shares, axis=-1)
    return probabilities


def ranked(logits: np.ndarray, temperature: float, top_k: int, top_p: float) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that are kept, the likeliest first, and their probabilities: (rows, kept) each."""
    order = np.argsort(-logits, axis=-1, kind="stable")[:, : top_k or None]
    logits = np.take_along_axis(logits, order, axis=-1)
    shares = np.exp((logits - logits[:, :1]) / temperature)
    shares /= shares.sum(axis=-1, keepdims=True)
    if top_p < 1:
        before = np.cumsum(shares, axis=-1) - shares  # of those that are likelier
        shares = np.where(before < top_p, shares, 0.0)
        shares /= shares.sum(axis=-1, keepdims=True)
    return order, shares


_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def row_keys(inputs: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """A key for each row, of its own values, padding aside, and of the seed: uint64, (rows,).

    Args:
        inputs: int32 or float32, (rows, ...) each.
    """
    keys: np.ndarray = np.zeros(len(inputs[0]), np.uint64) + _mixed(np.array([seed], np.uint64))
    for values in inputs:
        flat = np.ascontiguousarray(values).reshape(len(values), -1)
        bits = flat.astype(np.float32).view(np.int32) if flat.dtype.kind == "f" else flat
        places = np.arange(1, flat.shape[1] + 1, dtype=np.uint64) * _GAMMA
        hashed = _mixed(places + bits.astype(np.uint64))
        keys = _mixed(keys + np.where(bits != 0, hashed, np.uint64(0)).sum(axis=1, dtype=np.uint64))
    return keys


def independent_keys(keys: np.ndarray, draws: int) -> np.ndarray:
    """Keys of so many independent draws for each: uint64, (rows,) -> (rows * draws,)."""
    drawn: np.ndarray = _mixed(keys[:, None] + np.arange(draws, dtype=np.uint64) * _SECOND).reshape(-1)
    return drawn


def token_of(logits: np.ndarray, keys: np.ndarray, t: int, settings: tuple[float, int, float]) -> np.ndarray:
    """The token that each row draws at step `t`: int, (rows,).

    The level is number `t` of the stream of a row's key: SplitMix64 (Steele, Lea and Flood 2014) with the key as its state.

    Args:
        logits: float64, (rows, tokens); -inf for a symbol that is out of the question, which not all are.
        settings: Temperature above 0, top_k and top_p.
    """
    _, top_k, top_p = settings
    ids, probabilities = ranked(logits, *settings)
    if not top_k and top_p == 1:  # in the order of ids, since nothing needs to be ranked
        probabilities = next_probabilities(logits, *settings)
        ids = np.broadcast_to(np.arange(logits.shape[1]), logits.shape)
    levels = (_mixed(keys + np.uint64(t + 1) * np.array([_GAMMA])) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    cumulated = np.cumsum(probabilities, axis=1)
    places = (cumulated <= levels[:, None] * cumulated[:, -1:]).sum(axis=1)
    return np.take_along_axis(ids, np.minimum(places, ids.shape[1] - 1)[:, None], axis=1)[:, 0]


def _mixed(words: np.ndarray) -> np.ndarray:
    """The bits of 64-bit words, mixed so that each depends on all."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    words = words ^ (words >> np.uint64(31))
    return words
