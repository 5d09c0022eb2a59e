"""A label of a row and tags of its steps: scores of both, and the share of rows in which all is right."""

import numpy as np

from seqkit.metrics.classification import class_scores
from seqkit.metrics.sums import Summed, summed
from seqkit.metrics.tags import tag_scores


def pair_scorer(right: np.ndarray, of_labels: Summed, of_tags: Summed) -> Summed:
    """Scores of both as a function of the rows.

    Args:
        right: bool, (rows,): whether the label and all tags are.
        of_labels: As `seqkit.metrics.classification.classification_scorer` gives them.
        of_tags: Of `seqkit.metrics.tags.tag_scores`.
    Returns:
        Row numbers -> exact_match, and what these two score.
    """
    columns, options = [right, of_tags.counts, of_labels.counts], {**of_tags.options, **of_labels.options}
    tags = of_tags.counts.shape[1]
    return summed(columns, pair_scores, lambda sums: of_labels.recount(sums[1 + tags :]), tags=tags, **options)


def pair_scores(sums: np.ndarray, *, tags: int, unknown: bool, occurring: int | None) -> dict[str, float]:
    """Scores of summed counts.

    Args:
        sums: float, (counts,): rows in which all is right; `tags` counts of the tags; those of the labels.
        unknown: As in `tag_scores`.
        occurring: As in `class_scores`.
    """
    of_labels = sums[1 + tags :]
    return {
        "exact_match": float(sums[0] / of_labels[0]),
        **class_scores(of_labels, occurring=occurring),
        **tag_scores(sums[1 : 1 + tags], unknown=unknown),
    }
