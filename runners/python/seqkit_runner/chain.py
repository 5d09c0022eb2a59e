"""The best tags of a sentence, and the spans that they mark."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

FORBIDDEN = -1e4  # a score that no path recovers from
UNTYPED = "_"  # the type of spans whose tags are prefixes alone, without a separator
# Of each scheme: the prefixes, those that open a span whatever stands before, and those that close it whatever comes.
SCHEMES = {
    "bio": ("BI", "B", ""),
    "iob1": ("BI", "B", ""),
    "bioes": ("BIES", "BS", "ES"),
    "bilou": ("BILU", "BU", "LU"),
    "bmes": ("BMES", "BS", "ES"),
    "ioe1": ("IE", "", "E"),
    "ioe2": ("IE", "", "E"),
}


class Chain(NamedTuple):
    """Scores of tags after tags.

    Attributes:
        transitions: float32, (tags + 1, tags), the last row from the beginning.
        end: float32, (tags,), before the end.
    """

    transitions: np.ndarray
    end: np.ndarray


def chain_of(labels: Mapping[str, Any]) -> Chain | None:
    """What labels.json says: a CRF's scores, or those of what is forbidden, or nothing."""
    if "transitions" in labels:
        return Chain(np.array(labels["transitions"], np.float32), np.array(labels["end"], np.float32))
    if labels["constraints"] is None:
        return None
    allowed = np.array(labels["constraints"], bool)  # (tags + 1, tags + 1); the last column is the end
    scores = np.where(allowed, 0.0, FORBIDDEN).astype(np.float32)
    return Chain(scores[:, :-1], scores[:-1, -1])


def best_tags(scores: np.ndarray, chain: Chain | None) -> np.ndarray:
    """The most probable tags of a sentence (Viterbi 1967); of equal ones that of the smaller number.

    Args:
        scores: float32, (words, tags).
        chain: Nothing where tags stand for themselves.
    Returns:
        int, (words,).
    """
    if chain is None or not len(scores):
        alone: np.ndarray = scores.argmax(axis=1)
        return alone
    scores = scores.copy()
    scores[-1] += chain.end
    best = chain.transitions[-1] + scores[0]  # (tags,)
    pointers = []
    for here in scores[1:]:
        ways = best[:, None] + chain.transitions[:-1]  # (tag before, tag)
        pointers.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + here
    path = [int(best.argmax())]
    for before in reversed(pointers):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def spans(tags: Sequence[str], scheme: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """The spans of a sentence, as conlleval of CoNLL-2000 reads them: type, first token, the token after the last.

    A span begins at a prefix that can't go on or end another, and at any other where none of that type is open. It ends with
    a prefix that can't begin one or go on, else before the next span and before a tag of none.
    """
    _, opening, closing = SCHEMES[scheme["name"]]
    found: list[tuple[str, int, int]] = []
    begin, open_ = 0, ""  # the type of the open span
    for place, tag in enumerate([*tags, None]):
        prefix, kind = _parts(tag, scheme)
        if open_ and (kind != open_ or prefix in opening):
            found.append((open_, begin, place))
            open_ = ""
        if prefix and not open_:
            begin, open_ = place, kind
        if prefix and prefix in closing:
            found.append((open_, begin, place + 1))
            open_ = ""
    return found


def _parts(tag: str | None, scheme: Mapping[str, Any]) -> tuple[str, str]:
    """Prefix and type; two empty texts of a tag that is of no span, and of the end."""
    separator = scheme["separator"]
    if tag is None or tag == scheme.get("outside"):
        return "", ""
    if not separator:
        return (tag, UNTYPED) if len(tag) == 1 and tag in SCHEMES[scheme["name"]][0] else ("", "")
    prefix, between, kind = (tag[-1:], tag[-2:-1], tag[:-2]) if scheme["after"] else (tag[:1], tag[1:2], tag[2:])
    right = kind and between == separator and prefix in SCHEMES[scheme["name"]][0]
    return (prefix, kind) if right else ("", "")
