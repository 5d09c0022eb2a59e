"""Scores of tagged sentences, as sums over sentences that a bootstrap adds up anew, and what a report shows beside them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqkit.metrics.confusion import confusion
from seqkit.text.spans import Rows, count_spans, span_scores

Tags = Sequence[Sequence[str]]
PAIRS = 12  # truth and prediction, the most frequent mistakes
EXAMPLES = 3  # of each
CONTEXT = 8  # tokens on each side of a mistake


def sentence_sums(
    truth: Tags, predicted: Tags, known: Sequence[np.ndarray], spans: tuple[Rows, Rows] | None = None
) -> np.ndarray:
    """Counts of each sentence.

    Args:
        known: bool, (tokens,), for each sentence: whether the model knows the word.
        spans: Those that the tags mark, in truth and prediction, where they mark any.
    Returns:
        int64, (rows, 4 or 7): tokens, those that are right, those that are unknown, those that are both; then the spans
        that are right, that are predicted, that are there.
    """
    right = [
        np.array([y == p for y, p in zip(*pair, strict=True)], bool) for pair in zip(truth, predicted, strict=True)
    ]
    sums = np.array(
        [[len(r), r.sum(), (~k).sum(), (r & ~k).sum()] for r, k in zip(right, known, strict=True)], np.int64
    )
    return sums if spans is None else np.concatenate([sums, count_spans(*spans)], axis=1)


def tag_scores(sums: np.ndarray, *, unknown: bool) -> dict[str, float]:
    """Scores of summed counts.

    Args:
        sums: int64, (4,) or (7,).
        unknown: Whether to score unknown words apart.
    """
    scores = span_scores(sums[4:]) if len(sums) > 4 else {}
    scores = {name: scores[name] for name in ("span_f1", "span_precision", "span_recall") if name in scores}
    tokens, right, strange, strange_right = map(int, sums[:4])
    scores["token_accuracy"] = right / max(tokens, 1)
    if unknown:
        scores["known_token_accuracy"] = (right - strange_right) / max(tokens - strange, 1)
        scores["unknown_token_accuracy"] = strange_right / max(strange, 1)
    return scores


def scores_by_tag(truth: Tags, predicted: Tags) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each tag that occurs, and how many tokens have it."""
    right = Counter(y for y, p in _pairs(truth, predicted) if y == p)
    there = Counter(y for y, _ in _pairs(truth, predicted))
    guesses = Counter(p for _, p in _pairs(truth, predicted))
    rows = []
    for tag in sorted(there | guesses):
        scores = span_scores(np.array([right[tag], guesses[tag], there[tag]]))
        rows.append({"label": tag} | {name.removeprefix("span_"): value for name, value in scores.items()})
        rows[-1]["support"] = there[tag]
    return rows


def tag_confusion(truth: Tags, predicted: Tags) -> dict[str, Any]:
    """Tokens by truth and prediction; see `seqkit.metrics.confusion.confusion`."""
    flat = [[tag for row in side for tag in row] for side in (truth, predicted)]
    names, places = np.unique(np.array([*flat[0], *flat[1]], str), return_inverse=True)
    return confusion(places[: len(flat[0])], places[len(flat[0]) :], names.tolist())


def tag_mistakes(tokens: Tags, truth: Tags, predicted: Tags) -> list[dict[str, Any]]:
    """The most frequent pairs of truth and prediction, each with its "count" and, as "examples", the first in context."""
    pairs = Counter((y, p) for y, p in _pairs(truth, predicted) if y != p)
    kept = sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:PAIRS]
    examples: dict[tuple[str, str], list[dict[str, str]]] = {pair: [] for pair in kept}
    for words, labels, guesses in zip(tokens, truth, predicted, strict=True):
        for place, pair in enumerate(zip(labels, guesses, strict=True)):
            if len(examples.get(pair, range(EXAMPLES))) < EXAMPLES:
                before, after = words[max(place - CONTEXT, 0) : place], words[place + 1 : place + 1 + CONTEXT]
                examples[pair].append({"before": " ".join(before), "token": words[place], "after": " ".join(after)})
    return [{"label": y, "predicted": p, "count": pairs[y, p], "examples": examples[y, p]} for y, p in kept]


def _pairs(truth: Tags, predicted: Tags) -> list[tuple[str, str]]:
    return [
        pair for labels, guesses in zip(truth, predicted, strict=True) for pair in zip(labels, guesses, strict=True)
    ]
