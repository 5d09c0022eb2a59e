"""Requests of travellers with their intents and slots, made on the spot."""

import numpy as np

from seqkit.corpora.grammar import draws, grammar
from seqkit.corpora.travel_grammar import INTENTS, TRAVEL_RULES

Part = dict[str, list[tuple[str, ...]] | list[str]]


def travel_requests(seed: int = 0, rows: int = 3200) -> dict[str, Part]:
    """What travellers ask for, with a tag for each word and an intent for each request.

    A grammar (`travel_grammar.py`) puts the same cities and days in all roles, which words before or behind them tell; and
    names in most requests a second thing that is not wanted, so that the words alone don't give the intent away.

    Args:
        seed: two calls with one seed give the same requests.
        rows: how many altogether; three quarters for training, an eighth each for validation and test.
    Returns:
        {"train", "valid", "test"}, each {"tokens", "tags", "label"}: lists of tuples of str, tags in BIO, and a list of
        str; as many of one label as of another (give or take one); no request occurs twice.
    Raises:
        ValueError: `rows` is under 64 or over 1,000,000.
    """
    if not 64 <= rows <= 1_000_000:
        raise ValueError(f"rows={rows}: give a number from 64 to 1,000,000, so that each part has all labels.")
    draw = draws(np.random.default_rng(seed))
    expand = grammar(TRAVEL_RULES)
    seen: set[tuple[str, ...]] = set()

    def part(size: int) -> Part:
        tokens: list[tuple[str, ...]] = []
        tags: list[tuple[str, ...]] = []
        labels: list[str] = []
        while len(tokens) < size:
            intent = INTENTS[len(tokens) % len(INTENTS)]
            pairs = [pair.rpartition("/") for pair in expand(intent, True, draw).split()]
            words = tuple(word or tag for word, _, tag in pairs)  # a word without a slash is outside of slots
            if words not in seen:
                seen.add(words)
                tokens.append(words)
                tags.append(tuple(tag if word else "O" for word, _, tag in pairs))
                labels.append(intent)
        order = sorted(range(size), key=[draw() for _ in range(size)].__getitem__)
        return {
            "tokens": [tokens[i] for i in order],
            "tags": [tags[i] for i in order],
            "label": [labels[i] for i in order],
        }

    eighth = rows // 8
    return {"train": part(rows - 2 * eighth), "valid": part(eighth), "test": part(eighth)}
