"""Small corpora made on the spot: no network, no files, the same for everybody who names the same seed.

One function a corpus, named after what it holds, returning {"train": fields, "valid": fields, "test": fields}, where
fields are lists of equal length by name, as every other source gives them. Rules and word lists lie in files of their
own.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from seqkit.data.review_grammar import REVIEW_RULES
from seqkit.data.sentence_grammar import SENTENCE_RULES

SLOT = re.compile(r"\{([+-]?)(\w+)\}")
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

Part = dict[str, list[str]]
TaggedPart = dict[str, list[tuple[str, ...]]]


def reviews(seed: int = 0, rows: int = 8000) -> dict[str, Part]:
    """Short film reviews whose verdict depends on the order of the words.

    Negation, contrast, expectation, comparison and other people's opinions are composed by a grammar
    (`review_grammar.py`), and the label follows from the composition. Praise and blame occur in either class about
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
    expand = grammar(REVIEW_RULES)
    seen: set[str] = set()

    def part(size: int) -> Part:
        texts: list[str] = []
        labels: list[str] = []
        while len(texts) < size:
            positive = len(texts) % 2 == 0
            text = _sentences(expand("review", positive, draw))
            if text not in seen and text.count(" ") >= 7:
                seen.add(text)
                texts.append(text)
                labels.append("positive" if positive else "negative")
        order = sorted(range(size), key=[draw() for _ in range(size)].__getitem__)
        return {"text": [texts[i] for i in order], "label": [labels[i] for i in order]}

    eighth = rows // 8
    return {"train": part(rows - 2 * eighth), "valid": part(eighth), "test": part(eighth)}


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


def grammar(rules: dict[str, list[str]]) -> Callable[[str, bool, Callable[[], float]], str]:
    """Compile the rules of a grammar with verdicts (see `review_grammar.py` for the notation).

    Returns:
        `expand(symbol, positive, draw)`, which writes `symbol` for the given verdict; `draw()` gives floats in [0, 1).
        A phrase without slots is seldom used twice in one text (it is drawn anew, a few times at most).
    Raises:
        KeyError: a slot names a symbol that has no rules.
    """
    # [text, (sign, symbol), text, (sign, symbol), ..., text] for every way to write a symbol
    compiled = {symbol: [_parts(way) for way in ways] for symbol, ways in rules.items()}
    for ways in compiled.values():
        for _, slots in ways:
            for sign, symbol in slots:
                if symbol not in compiled and not (sign and f"+{symbol}" in compiled and f"-{symbol}" in compiled):
                    raise KeyError(f"The slot {{{sign}{symbol}}} names a symbol without rules.")

    def expand(symbol: str, positive: bool, draw: Callable[[], float]) -> str:
        used: set[str] = set()

        def write(symbol: str, positive: bool) -> str:
            ways = compiled.get(symbol) or compiled[f"{'+' if positive else '-'}{symbol}"]
            for _ in range(10):
                texts, slots = ways[int(draw() * len(ways))]
                if slots or texts[0] not in used:
                    break
            if not slots:
                used.add(texts[0])
                return texts[0]
            written = [texts[0]]
            for (sign, name), text in zip(slots, texts[1:], strict=True):
                written += [write(name, positive if sign != "-" else not positive), text]
            return "".join(written)

        return write(symbol, positive)

    return expand


def _parts(way: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Split "a {+thing} it was" into (["a ", " it was"], [("+", "thing")])."""
    pieces = SLOT.split(way)
    return pieces[0::3], list(zip(pieces[1::3], pieces[2::3], strict=True))


def _sentences(text: str) -> str:
    """Give sentences their capitals, and "a" its "n" before a vowel (the word lists avoid "hour" and "useful")."""
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r"(?:^|(?<=[.?!] ))[a-z]", lambda match: match.group().upper(), text)


def draws(rng: np.random.Generator) -> Callable[[], float]:
    """Floats in [0, 1) one by one, drawn from NumPy by the thousand: single draws would take most of the time."""

    def stream() -> Iterator[float]:
        while True:
            yield from rng.random(4096).tolist()

    return stream().__next__
