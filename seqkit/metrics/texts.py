"""Scores of written texts against references."""

import functools
from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqkit.metrics.sums import Summed, summed

WRITTEN = ("bleu", "chrf", "exact_match", "length_ratio")


def text_scorer(texts: Sequence[str], references: Sequence[str], *, lowercase: bool = False) -> Summed:
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
    counts = [np.array(metric._extract_corpus_statistics(texts, [list(references)])) for metric in _metrics()]
    same = [text == reference for text, reference in zip(texts, references, strict=True)]
    sizes = [[len(text), len(reference)] for text, reference in zip(texts, references, strict=True)]
    split = counts[0].shape[1]
    return summed([np.ones(len(texts)), np.array(same), np.array(sizes), *counts], written_scores, split=split)


def written_scores(sums: np.ndarray, *, split: int, names: Sequence[str] = WRITTEN) -> dict[str, float]:
    """Scores of summed counts.

    Args:
        sums: float: texts, those that are the reference, characters of the texts and of the references; then sacreBLEU's
            `split` counts for BLEU, and those for chrF.
        names: Of the metrics, in the order in which they are given.
    """
    texts, same, written, wanted = sums[:4]
    counts = sums[4 : 4 + split], sums[4 + split :]
    scores = {
        name: metric._compute_score_from_stats([int(count) for count in part]).score
        for name, metric, part in zip(("bleu", "chrf"), _metrics(), counts, strict=True)
    } | {"exact_match": float(same / texts), "length_ratio": float(written / max(wanted, 1))}
    return {name: scores[name] for name in names}


@functools.cache
def _metrics() -> tuple[BLEU, CHRF]:
    return BLEU(), CHRF()


def character_scorer(texts: Sequence[str], references: Sequence[str]) -> Summed:
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
    return summed([np.ones(len(pairs)), same, right, sizes], character_scores)


def character_scores(sums: np.ndarray) -> dict[str, float]:
    """Of sums, (4,): texts, those that are right; characters at their place, and of the references."""
    texts, same, right, characters = sums
    return {"exact_match": float(same / texts), "character_accuracy": float(right / max(characters, 1))}


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
