"""Spans of tokens written as tags: BIO, IOB1 and BIOES, and scores by exact span. Other letters are in `tag_schemes`.

A tag is O, or a prefix, a dash and the type of the span: B-PER. In BIO (Ratnaparkhi's IOB2) every span begins with B; in
IOB1 (Ramshaw and Marcus 1995) only one that touches a span of its own type before it; BIOES also marks its end, and S the
span of one token. Sequences are read as the conlleval script of CoNLL-2000 reads them, which takes all three, and makes
spans of illegal ones too.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

Scheme = Literal["bio", "iob1", "bioes"]
Span = tuple[str, int, int]  # its type, its first token, the token after its last
TAG = re.compile(r"([BIES])-(.*)")
OUTSIDE = "O"
PREFIXES: dict[Scheme, tuple[str, ...]] = {"bio": ("", "B", "I"), "iob1": ("", "B", "I"), "bioes": ("", *"BIES")}


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of a sequence, in order.

    A span begins at B and S, and at I and E where no span of that type is open: after O, after E and S, and where the type
    changes. It ends before the next span, or before O. A tag that is of no scheme counts as O.
    """
    found: list[Span] = []
    begin, before, kind = 0, "", ""  # of the open span; no prefix where none is
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, type_ = _parts(tag)
        if before and (not prefix or _begins(before, kind, prefix, type_)):
            found.append((kind, begin, place))
            before = ""
        if prefix and not before:
            begin = place
        before, kind = prefix, type_
    return found


def write(found: Iterable[Span], length: int, scheme: Scheme) -> tuple[str, ...]:
    """The tags of a sequence of `length` tokens with these spans, which are in order and don't overlap."""
    tags = [OUTSIDE] * length
    before: Span = ("", 0, -1)
    for kind, begin, end in found:
        tags[begin:end] = [f"I-{kind}"] * (end - begin)
        if scheme != "iob1" or (before[0], before[2]) == (kind, begin):
            tags[begin] = f"B-{kind}"
        if scheme == "bioes":
            tags[end - 1] = f"E-{kind}" if end - begin > 1 else f"S-{kind}"
        before = (kind, begin, end)
    return tuple(tags)


def convert(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """The same spans in another scheme; in its own scheme an illegal sequence is repaired as conlleval reads it."""
    return write(spans(tags), len(tags), scheme)


def allowed(before: str | None, tag: str | None, scheme: Scheme) -> bool:
    """Whether `tag` may follow `before`; None stands for the beginning and the end of a sequence."""
    (last, open_), (prefix, kind) = _parts(before), _parts(tag)
    if prefix not in PREFIXES[scheme]:
        return False
    inside = last in ("B", "I") and prefix != "" and open_ == kind
    if scheme == "bio":
        return prefix != "I" or inside
    if scheme == "iob1":
        return prefix != "B" or inside
    return (inside and prefix in ("I", "E")) if last in ("B", "I") else prefix not in ("I", "E")


def legal(tags: Sequence[str], scheme: Scheme) -> np.ndarray:
    """Whether tag (column) may follow tag (row): bool, (tags + 1, tags + 1); last row the beginning, last column the end."""
    return np.array([[allowed(before, tag, scheme) for tag in (*tags, None)] for before in (*tags, None)])


def illegal(tags: Sequence[str], scheme: Scheme) -> int:
    """How often a sequence has a tag, or its end, where the scheme allows none such."""
    return sum(not allowed(before, tag, scheme) for before, tag in zip([None, *tags], [*tags, None], strict=True))


def count_spans(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> np.ndarray:
    """What the scores are made of: int64 (rows, 3), each row's spans that are right, that are predicted, that are there."""
    return np.array([[len(set(y) & set(p)), len(p), len(y)] for y, p in _pairs(truth, predicted)], np.int64)


def span_scores(counts: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of summed counts, (3,); 0 where there is nothing to divide by, as in conlleval."""
    right, predicted, there = counts.tolist()
    return {
        "span_precision": right / max(predicted, 1),
        "span_recall": right / max(there, 1),
        "span_f1": 2 * right / max(predicted + there, 1),
    }


def scores_by_type(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each type on its own, and how many spans of it are there and are predicted."""
    right, guesses, there = Counter[str](), Counter[str](), Counter[str]()
    for y, p in _pairs(truth, predicted):
        right.update(kind for kind, *_ in set(y) & set(p))
        guesses.update(kind for kind, *_ in p)
        there.update(kind for kind, *_ in y)
    rows = []
    for kind in sorted(there | guesses):
        scores = span_scores(np.array([right[kind], guesses[kind], there[kind]]))
        figures = {name.removeprefix("span_"): value for name, value in scores.items()}
        rows.append({"label": kind, **figures, "support": there[kind], "predicted": guesses[kind]})
    return rows


def _parts(tag: str | None) -> tuple[str, str]:
    """Prefix and type; two empty strings outside of spans."""
    match = TAG.fullmatch(tag or "")
    return (match[1], match[2]) if match else ("", "")


def _begins(before: str, open_: str, prefix: str, kind: str) -> bool:
    return prefix in ("B", "S") or before in ("E", "S") or open_ != kind


def _pairs(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> Iterable[tuple[list[Span], list[Span]]]:
    return ((spans(y), spans(p)) for y, p in zip(truth, predicted, strict=True))
