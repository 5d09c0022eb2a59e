"""Scores of the probabilities that a language model gives to texts."""

from collections.abc import Callable

import numpy as np

Scorer = Callable[[np.ndarray], dict[str, float]]
MOST = 700.0  # nats: above it a float has no exponential


def likelihood_scorer(nats: np.ndarray, symbols: np.ndarray, words: np.ndarray, characters: np.ndarray) -> Scorer:
    """Scores of texts of which every character was paid for, as a function of the rows.

    What `nats` pays for has to be counted: with a line's end that is predicted, so do symbols, words and characters.

    Args:
        nats: float, (texts,), the negative log-probability of each.
        symbols, words, characters: int, (texts,).
    Returns:
        Row numbers -> nats_per_symbol; bits_per_character; perplexity, e to the nats a word.
    """

    def score(rows: np.ndarray) -> dict[str, float]:
        total = nats[rows].sum()
        return {
            "nats_per_symbol": _shared(total, symbols[rows]),
            "bits_per_character": _shared(total / np.log(2), characters[rows]),
            "perplexity": _perplexity(total, words[rows]),
        }

    return score


def closed_vocabulary_scorer(nats: np.ndarray, words: np.ndarray, unknown: np.ndarray) -> Scorer:
    """Scores of texts in which an unknown word costs what any unknown word costs, whatever it is.

    They fall as the vocabulary shrinks, so that only figures of one vocabulary compare.

    Args:
        nats: float, (texts,).
        words, unknown: int, (texts,), all words, with the line ends that are predicted, and those unknown.
    Returns:
        Row numbers -> closed_vocabulary_perplexity; nats_per_symbol, its logarithm; unknown_symbol_share.
    """

    def score(rows: np.ndarray) -> dict[str, float]:
        total = nats[rows].sum()
        return {
            "closed_vocabulary_perplexity": _perplexity(total, words[rows]),
            "nats_per_symbol": _shared(total, words[rows]),
            "unknown_symbol_share": _shared(unknown[rows].sum(), words[rows]),
        }

    return score


def _shared(total: float, among: np.ndarray) -> float:
    return float(total / max(int(among.sum()), 1))


def _perplexity(nats: float, words: np.ndarray) -> float:
    return float(np.exp(min(_shared(nats, words), MOST)))
