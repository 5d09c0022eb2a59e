"""Tagged sentences, made on the spot."""

from collections.abc import Callable

import numpy as np

from seqkit.corpora.grammar import draws, grammar
from seqkit.corpora.sentence_grammar import SENTENCE_RULES

SYLLABLE = (  # a stem's: two in each stem at most
    (
        "b",
        "br",
        "d",
        "dr",
        "f",
        "fl",
        "g",
        "gl",
        "k",
        "kl",
        "l",
        "m",
        "n",
        "p",
        "pl",
        "r",
        "s",
        "sk",
        "st",
        "t",
        "tr",
        "v",
    ),
    "aeiou",
    ("b", "d", "g", "k", "l", "m", "n", "nd", "r", "rt", "t", "x"),
)
TaggedPart = dict[str, list[tuple[str, ...]]]


def sentences(seed: int = 0, rows: int = 3200) -> dict[str, TaggedPart]:
    """Sentences whose words are tagged as parts of speech, most of them by what stands before, perhaps far before.

    A grammar (`sentence_grammar.py`) puts the same words in places of nouns and of verbs, in lists that open with what
    decides, and invents words that only their endings explain.

    Args:
        seed: two calls with one seed give the same sentences.
        rows: how many altogether; three quarters for training, an eighth each for validation and test.
    Returns:
        {"train", "valid", "test"}, each {"tokens", "tags"}, lists of tuples of str; no sentence occurs twice.
    Raises:
        ValueError: `rows` is under 16 or over 1,000,000.
    """
    if not 16 <= rows <= 1_000_000:
        raise ValueError(f"rows={rows}: give a number from 16 to 1,000,000, so that each part has several sentences.")
    draw = draws(np.random.default_rng(seed))
    expand = grammar(SENTENCE_RULES)
    seen: set[tuple[str, ...]] = set()

    def part(size: int) -> TaggedPart:
        tokens: list[tuple[str, ...]] = []
        tags: list[tuple[str, ...]] = []
        while len(tokens) < size:
            pairs = [pair.rsplit("/", 1) for pair in expand("sentence", True, draw).split()]
            words = tuple(_spelt(word, tag, draw) for word, tag in pairs)
            words = (words[0][0].upper() + words[0][1:], *words[1:])
            if words not in seen:
                seen.add(words)
                tokens.append(words)
                tags.append(tuple(tag for _, tag in pairs))
        return {"tokens": tokens, "tags": tags}

    eighth = rows // 8
    return {"train": part(rows - 2 * eighth), "valid": part(eighth), "test": part(eighth)}


def _spelt(word: str, tag: str, draw: Callable[[], float]) -> str:
    """A word of the grammar with a stem in place of "~": one syllable or two, with a capital in a name."""
    if "~" not in word:
        return word
    syllables = ["".join(part[int(draw() * len(part))] for part in SYLLABLE) for _ in range(1 + int(draw() * 2))]
    stem = "".join(syllables)
    return word.replace("~", stem.capitalize() if tag == "PROPN" else stem)
