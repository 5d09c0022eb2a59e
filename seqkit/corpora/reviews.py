"""Film reviews, made on the spot."""

import tomllib
from pathlib import Path

import numpy as np

from seqkit.corpora.grammar import Part, as_sentences, draws, grammar


def reviews(seed: int = 0, rows: int = 8000) -> dict[str, Part]:
    """Short film reviews whose verdict depends on the order of the words.

    Negation, contrast, expectation, comparison and other people's opinions are composed by a grammar
    (`grammars/reviews.toml`), and the label follows from the composition. Praise and blame occur in either class about
    equally often, so a linear model on words, or on pairs of them, falls short of one that reads.

    Args:
        seed: two calls with one seed give the same reviews.
        rows: how many altogether; three quarters for training, an eighth each for validation and test.
    Returns:
        {"train", "valid", "test"}, each {"text": list of str, "label": list of "positive" and "negative"}; as many of
        one label as of the other (give or take one); no text occurs twice.
    Raises:
        ValueError: `rows` is under 16 or over 1,000,000.
    """
    if not 16 <= rows <= 1_000_000:
        raise ValueError(f"rows={rows}: give a number from 16 to 1,000,000, so that each part has both labels.")
    draw = draws(np.random.default_rng(seed))
    expand = grammar(review_rules())
    seen: set[str] = set()

    def part(size: int) -> Part:
        texts: list[str] = []
        labels: list[str] = []
        while len(texts) < size:
            positive = len(texts) % 2 == 0
            text = as_sentences(expand("review", positive, draw))
            if text not in seen and text.count(" ") >= 7:
                seen.add(text)
                texts.append(text)
                labels.append("positive" if positive else "negative")
        order = sorted(range(size), key=[draw() for _ in range(size)].__getitem__)
        return {"text": [texts[i] for i in order], "label": [labels[i] for i in order]}

    eighth = rows // 8
    return {"train": part(rows - 2 * eighth), "valid": part(eighth), "test": part(eighth)}


def review_rules() -> dict[str, list[str]]:
    """The grammar: symbol -> the ways to write it."""
    with open(Path(__file__).with_name("grammars") / "reviews.toml", "rb") as file:
        return tomllib.load(file)
