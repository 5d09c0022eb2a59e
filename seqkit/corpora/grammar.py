"""Grammars that draw texts: slots that are filled, with a sign that says how a part's verdict goes into the whole."""

import re
from collections.abc import Callable, Iterator

import numpy as np

SLOT = re.compile(r"\{([+-]?)(\w+)\}")
Part = dict[str, list[str]]


def grammar(rules: dict[str, list[str]]) -> Callable[[str, bool, Callable[[], float]], str]:
    """Compile the rules of a grammar with verdicts (see `grammars/reviews.toml` for the notation).

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


def as_sentences(text: str) -> str:
    """Give sentences their capitals, and "a" its "n" before a vowel (the word lists avoid "hour" and "useful")."""
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r"(?:^|(?<=[.?!] ))[a-z]", lambda match: match.group().upper(), text)


def draws(rng: np.random.Generator) -> Callable[[], float]:
    """Floats in [0, 1) one by one, drawn from NumPy by the thousand: single draws would take most of the time."""

    def stream() -> Iterator[float]:
        while True:
            yield from rng.random(4096).tolist()

    return stream().__next__
