"""Scores of captions against several references for each image: BLEU and CIDEr-D."""

import collections
import functools
import itertools
import re
from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from seqkit.metrics.sums import Summed, summed

Grams = collections.Counter[tuple[str, ...]]
ORDERS = (1, 2, 3, 4)  # words of a gram
SIGMA = 6.0  # words of difference in length that CIDEr-D forgives


def words_of(caption: str) -> list[str]:
    """Lower case and without punctuation, as captions are scored by custom."""
    return re.findall(r"\w+(?:['’]\w+)*", caption.lower())


def caption_scorer(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Summed:
    """Scores of captions as a function of the rows, which are images.

    BLEU is sacreBLEU's of the corpus, without smoothing (Papineni et al. 2002), from 0 to 100; the length that it wants is
    that of the reference whose length is nearest. CIDEr-D (Vedantam et al. 2015, from 0 to 10) knows how
    frequent a gram is from the references of all rows, also where fewer are scored.

    Args:
        texts: A caption for each image.
        references: One or more for each image.
    Returns:
        Row numbers -> bleu_1 to bleu_4, cider, exact_match (with any of the references).
    """
    spaced = [" ".join(words_of(text)) for text in texts]
    streams = list(itertools.zip_longest(*([" ".join(words_of(one)) for one in own] for own in references)))
    counts = [np.array(metric._extract_corpus_statistics(spaced, streams)) for metric in _bleus().values()]
    same = np.array([text in own for text, own in zip(texts, references, strict=True)])
    sizes = [part.shape[1] for part in counts]
    return summed([np.ones(len(texts)), cider_d(texts, references), same, *counts], caption_scores, sizes=sizes)


def caption_scores(sums: np.ndarray, *, sizes: Sequence[int]) -> dict[str, float]:
    """Scores of summed counts.

    Args:
        sums: float: captions, their CIDEr-D, those that are a reference; then sacreBLEU's counts for each order.
        sizes: How many those are.
    """
    captions, cider, same = sums[:3]
    parts = np.split(sums[3:], np.cumsum(sizes)[:-1])
    bleu = {
        f"bleu_{order}": metric._compute_score_from_stats([int(count) for count in part]).score
        for (order, metric), part in zip(_bleus().items(), parts, strict=True)
    }
    return bleu | {"cider": float(cider / captions), "exact_match": float(same / captions)}


@functools.cache
def _bleus() -> dict[int, BLEU]:
    return {order: BLEU(max_ngram_order=order, tokenize="none", smooth_method="none", force=True) for order in ORDERS}


def cider_d(texts: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """CIDEr-D of each caption: float, (rows,).

        10/m sum over references s of exp(-(l_c - l_s)^2 / 2 sigma^2) mean over n of min(g_n(c), g_n(s)) . g_n(s) / |g_n(c)| |g_n(s)|

    with g_n the counts of n-grams, each times log(rows / rows in whose references the gram occurs).
    """  # noqa: E501
    pairs = [([words_of(text)], [words_of(one) for one in own]) for text, own in zip(texts, references, strict=True)]
    scores = np.zeros(len(pairs))
    for order in ORDERS:
        written = [_grams(words, order) for ((words,), _) in pairs]
        wanted = [[_grams(words, order) for words in own] for _, own in pairs]
        rows = collections.Counter(gram for own in wanted for gram in set().union(*own))
        for row, (grams, own) in enumerate(zip(written, wanted, strict=True)):
            ours = _weighed(grams, rows, len(pairs))
            lengths = [len(words) - len(pairs[row][0][0]) for words in pairs[row][1]]
            for other, difference in zip(own, lengths, strict=True):
                theirs = _weighed(other, rows, len(pairs))
                product = sum(min(value, theirs.get(gram, 0.0)) * theirs.get(gram, 0.0) for gram, value in ours.items())
                norm = np.linalg.norm(list(ours.values())) * np.linalg.norm(list(theirs.values()))
                if norm:
                    near = np.exp(-(difference**2) / (2 * SIGMA**2))
                    scores[row] += 10.0 / len(own) / len(ORDERS) * near * product / norm
    return scores


def _weighed(grams: Grams, rows: Grams, count: int) -> dict[tuple[str, ...], float]:
    return {gram: number * np.log(count / max(1, rows[gram])) for gram, number in grams.items()}


def _grams(words: Sequence[str], order: int) -> Grams:
    return collections.Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))
