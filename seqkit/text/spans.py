"""Spans of tokens, and scores by exact span, as the conlleval script of CoNLL-2000 counts them.

`seqkit.text.tag_schemes` reads spans from tags, and writes them.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

Span = tuple[str, int, int]  # its type, its first token, the token after its last
Rows = Sequence[Sequence[Span]]


def count_spans(truth: Rows, predicted: Rows) -> np.ndarray:
    """What the scores are made of: int64 (rows, 3), each row's spans that are right, that are predicted, that are there."""
    pairs = zip(truth, predicted, strict=True)
    return np.array([[len(set(y) & set(p)), len(p), len(y)] for y, p in pairs], np.int64)


def span_scores(counts: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of summed counts, (3,); 0 where there is nothing to divide by, as in conlleval."""
    right, predicted, there = counts.tolist()
    return {
        "span_precision": right / max(predicted, 1),
        "span_recall": right / max(there, 1),
        "span_f1": 2 * right / max(predicted + there, 1),
    }


def scores_by_type(truth: Rows, predicted: Rows) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each type on its own, and how many spans of it are there and are predicted."""
    right, guesses, there = Counter[str](), Counter[str](), Counter[str]()
    for y, p in zip(truth, predicted, strict=True):
        right.update(kind for kind, *_ in set(y) & set(p))
        guesses.update(kind for kind, *_ in p)
        there.update(kind for kind, *_ in y)
    rows = []
    for kind in sorted(there | guesses):
        scores = span_scores(np.array([right[kind], guesses[kind], there[kind]]))
        figures = {name.removeprefix("span_"): value for name, value in scores.items()}
        rows.append({"label": kind, **figures, "support": there[kind], "predicted": guesses[kind]})
    return rows
