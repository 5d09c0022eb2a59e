"""Scores of the probabilities that a language model gives to texts."""

import numpy as np

from seqkit.metrics.sums import Summed, summed

MOST = 700.0  # nats: above it a float has no exponential
LONGEST = 50  # characters a word: where they are longer on average, what blanks part are no words


def likelihood_scorer(nats: np.ndarray, symbols: np.ndarray, words: np.ndarray, characters: np.ndarray) -> Summed:
    """Scores of texts of which every character was paid for, as a function of the rows.

    What `nats` pays for has to be counted: with a line's end that is predicted, so do symbols, words and characters.

    Args:
        nats: float, (texts,), the negative log-probability of each.
        symbols, words, characters: int, (texts,).
    Returns:
        Row numbers -> nats_per_symbol; bits_per_character; perplexity, e to the nats a word, where there are words.
    """
    if wordless(words, characters):
        return summed([nats, symbols, characters], wordless_scores)
    return summed([nats, symbols, words, characters], likelihood_scores)


def wordless(words: np.ndarray, characters: np.ndarray) -> bool:
    """Whether blanks part nothing that could be called words: a script without them, or a text of one endless word."""
    return bool(characters.sum() > LONGEST * words.sum())


def likelihood_scores(sums: np.ndarray) -> dict[str, float]:
    """Of sums, (4,): nats, symbols, words, characters."""
    nats, symbols, words, characters = map(float, sums)
    return wordless_scores(np.array([nats, symbols, characters])) | {"perplexity": _perplexity(nats, words)}


def wordless_scores(sums: np.ndarray) -> dict[str, float]:
    """Of sums, (3,): nats, symbols, characters."""
    nats, symbols, characters = map(float, sums)
    return {
        "nats_per_symbol": _shared(nats, symbols),
        "bits_per_character": _shared(nats / np.log(2), characters),
    }


def closed_vocabulary_scorer(nats: np.ndarray, words: np.ndarray, unknown: np.ndarray) -> Summed:
    """Scores of texts in which an unknown word costs what any unknown word costs, whatever it is.

    They fall as the vocabulary shrinks, so that only figures of one vocabulary compare.

    Args:
        nats: float, (texts,).
        words, unknown: int, (texts,), all words, with the line ends that are predicted, and those unknown.
    Returns:
        Row numbers -> closed_vocabulary_perplexity; nats_per_symbol, its logarithm; unknown_symbol_share.
    """

    return summed([nats, words, unknown], closed_vocabulary_scores)


def closed_vocabulary_scores(sums: np.ndarray) -> dict[str, float]:
    """Of sums, (3,): nats, words, unknown ones."""
    nats, words, unknown = map(float, sums)
    return {
        "closed_vocabulary_perplexity": _perplexity(nats, words),
        "nats_per_symbol": _shared(nats, words),
        "unknown_symbol_share": _shared(unknown, words),
    }


def bits_scorer(nats: np.ndarray, characters: np.ndarray) -> Summed:
    """Bits per character of texts, (texts,), whatever the symbols are, as a function of the rows."""
    return summed([nats, characters], bits_scores)


def bits_scores(sums: np.ndarray) -> dict[str, float]:
    """Of sums, (2,): nats, characters."""
    return {"bits_per_character": _shared(float(sums[0]) / np.log(2), float(sums[1]))}


def _shared(total: float, among: float) -> float:
    return float(total / max(among, 1))


def _perplexity(nats: float, words: float) -> float:
    return float(np.exp(min(_shared(nats, words), MOST)))
