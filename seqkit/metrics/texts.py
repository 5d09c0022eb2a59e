"""Scores of written texts against references."""

from collections.abc import Callable, Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

Scorer = Callable[[np.ndarray], dict[str, float]]


def text_scorer(texts: Sequence[str], references: Sequence[str], *, lowercase: bool = False) -> Scorer:
    """Scores of detokenised texts as a function of the rows.

    BLEU (Papineni et al. 2002) and chrF (Popović 2015) are sacreBLEU's corpus scores with its defaults, from 0 to 100 (Post
    2018; see `signature`); their counts are made once for each row, so that resampling costs little.

    Args:
        lowercase: Whether the case of both is folded.
    Returns:
        Row numbers -> bleu, chrf, exact_match (a share) and length_ratio (characters of the texts over the references').
    """
    if lowercase:
        texts, references = [text.lower() for text in texts], [reference.lower() for reference in references]
    bleu, chrf = BLEU(), CHRF()
    counts = {metric: np.array(metric._extract_corpus_statistics(texts, [list(references)])) for metric in (bleu, chrf)}
    same = np.array([text == reference for text, reference in zip(texts, references, strict=True)])
    sizes = np.array([[len(text), len(reference)] for text, reference in zip(texts, references, strict=True)])

    def score(rows: np.ndarray) -> dict[str, float]:
        written, wanted = sizes[rows].sum(axis=0)
        return {
            name: metric._compute_score_from_stats(counts[metric][rows].sum(axis=0).tolist()).score
            for name, metric in (("bleu", bleu), ("chrf", chrf))
        } | {"exact_match": float(same[rows].mean()), "length_ratio": float(written / max(wanted, 1))}

    return score


def character_scorer(texts: Sequence[str], references: Sequence[str]) -> Scorer:
    """Scores of answers that are right or wrong, as a function of the rows.

    Returns:
        Row numbers -> exact_match (a share of the rows) and character_accuracy: of the references' characters, but for the
        full stop that closes one, the share that stands in the text at the same place.
    """
    pairs = list(zip(texts, references, strict=True))
    same = np.array([text == reference for text, reference in pairs])
    bare = [reference.removesuffix(".") for reference in references]
    right = np.array([sum(map(str.__eq__, text, reference)) for text, reference in zip(texts, bare, strict=True)])
    sizes = np.array([len(reference) for reference in bare])

    def score(rows: np.ndarray) -> dict[str, float]:
        return {
            "exact_match": float(same[rows].mean()),
            "character_accuracy": float(right[rows].sum() / max(sizes[rows].sum(), 1)),
        }

    return score


def signature(*, lowercase: bool = False) -> dict[str, str]:
    """How BLEU and chrF were computed, as sacreBLEU writes it."""
    signatures = {}
    for name, metric in (("bleu", BLEU(lowercase=lowercase)), ("chrf", CHRF(lowercase=lowercase))):
        metric.corpus_score(["a"], [["a"]])  # which tells it the number of references
        signatures[name] = str(metric.get_signature())
    return signatures


def sentence_chrf(text: str, reference: str, *, lowercase: bool = False) -> float:
    """chrF of one text, from 0 to 100: by which a page of examples is ordered."""
    return float(CHRF(lowercase=lowercase).sentence_score(text, [reference]).score)
