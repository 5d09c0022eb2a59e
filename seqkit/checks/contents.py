"""What stands in the cells: broken encodings, images without a picture; and what the model's vocabulary makes of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.checks.classes import WORDS
from seqkit.core.findings import Finding
from seqkit.sources.examples import Examples

CUT_SHARE = 0.05  # of the texts, from which what is cut may matter
UNKNOWN_SHARE = 0.2  # of the tokens, and
FOREIGN = 3  # times the validation data's, from which a source is not of the kind that the model was trained on
# UTF-8 that was read as Latin-1 or Windows-1252 and written again: an accented letter as two, a dash or a quote as three
_CONTINUED = "".join(chr(byte) + bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xC0))
_MOJIBAKE = re.compile(f"[\u00c3\u00c2][{_CONTINUED}]|\u00e2[\u0080\u20ac][{_CONTINUED}]")
_CONTROL = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]")
_ODD = {
    "replacement_character": ("a character in place of one that could not be read (U+FFFD)", re.compile("\ufffd")),
    "mojibake": ("letters of UTF-8 read as Latin-1, such as \u00c3\u00a9 for \u00e9,", _MOJIBAKE),
    "control_character": ("control characters", _CONTROL),
}


def check_contents(examples: Examples, name: str) -> list[Finding]:
    """Texts with traces of a wrong encoding, and images of one colour.

    Args:
        name: Of the split, as a sentence has it: "training".
    """
    found = []
    for field, values in examples.columns.items():
        if isinstance(values[0], str | tuple):
            odd: dict[str, list[int]] = {kind: [] for kind in _ODD}
            for row, value in enumerate(values):
                text = value if isinstance(value, str) else " ".join(map(str, value))
                for kind, (_, pattern) in _ODD.items():
                    if pattern.search(text):
                        odd[kind].append(row)
            for kind, (what, _) in _ODD.items():
                rows = odd[kind]
                advice = "Convert the source again from the encoding that it has."
                found += _at(
                    kind, f"{_share(rows, examples)} {name} rows have {what} in the {field}", examples, rows, advice
                )
        elif hasattr(values[0], "__array__") and np.ndim(values[0]) == 3:
            rows = [row for row, image in enumerate(values) if _one_colour(np.asarray(image))]
            what = f"{_share(rows, examples)} {name} images have one colour and no picture"
            found += _at("one_colour", what, examples, rows, "Look at them.")
    return found


def check_facts(facts: Mapping[str, Mapping[str, Any]], splits: Mapping[str, Examples]) -> list[Finding]:
    """Texts that are cut, and data whose tokens the vocabulary doesn't know.

    Args:
        facts: Of each split, as `encode` counts them.
    """
    found = []
    for name, counted in facts.items():
        cut, rows = counted.get("cut_texts", 0), len(splits[name])
        if cut >= max(1, CUT_SHARE * rows):
            what = f"{cut:,} of {rows:,} {WORDS[name]} texts are longer than max_length and are read only so far"
            found.append(Finding("cut", "warning", what, advice="Raise max_length, if what comes later matters."))
    usual = facts.get("valid", {})
    if "test" in facts and (odd := check_foreign(splits["test"], facts["test"], usual)):
        found += odd
    elif (share := _unknown_share(usual)) is not None and share >= UNKNOWN_SHARE:
        what = f"{share:.0%} of the validation tokens are unknown to the vocabulary"
        advice = "Raise vocabulary_size, lower min_count, or use smaller units."
        found.append(Finding("unknown_tokens", "warning", what, advice=advice))
    return found


def check_foreign(examples: Examples, facts: Mapping[str, Any], reference: Mapping[str, Any]) -> list[Finding]:
    """Whether a source is of another kind, say another language, than what a model was validated on.

    Args:
        facts: Of the source.
        reference: Of the validation data.
    """
    share, usual = _unknown_share(facts), _unknown_share(reference)
    if share is None or usual is None or share < max(UNKNOWN_SHARE, FOREIGN * usual):
        return []
    what = (
        f"{share:.0%} of the tokens of {examples.origin} are unknown to the model, of the validation data's {usual:.0%}: it "
        "is another language or another kind of text"
    )
    return [Finding("foreign", "error", what, advice="Scores on it say little of the model on its own kind.")]


def _unknown_share(facts: Mapping[str, Any]) -> float | None:
    """Of the tokens, or symbols, of a source; None where none were counted."""
    for name in ("unknown_token_share", "unknown_symbol_share"):
        if name in facts:
            return float(facts[name])
    return None


def _at(kind: str, what: str, examples: Examples, rows: Sequence[int], advice: str) -> list[Finding]:
    return [Finding.at(kind, "warning", what, examples.places(rows), advice)] if rows else []


def _share(rows: Sequence[int], examples: Examples) -> str:
    return f"{len(rows):,} of {len(examples):,}"


def _one_colour(image: np.ndarray) -> bool:
    return bool((image == image[:1, :1]).all())
