"""The part of large training data that a baseline is fitted on, so that its memory doesn't grow with the data."""

from collections.abc import Hashable, Sequence

import numpy as np


def sample(
    sizes: np.ndarray, most: int, groups: Sequence[Hashable] | None = None, *, seed: int = 0
) -> np.ndarray | None:
    """Rows whose sizes add up to about `most`: int64, ascending; None for all, where these are no more.

    Args:
        sizes: int64, (rows,).
        groups: Of each row; of each group the same share is drawn, and one row at least.
    """
    if (total := int(sizes.sum())) <= most:
        return None
    index: dict[Hashable, int] = {}
    places = np.array([index.setdefault(group, len(index)) for group in groups or [""] * len(sizes)], np.int64)
    drawn = np.random.default_rng(seed).permutation(len(sizes))
    drawn = drawn[np.argsort(places[drawn], kind="stable")]
    counts = np.bincount(places)
    within = np.arange(len(drawn)) - np.repeat(np.cumsum(counts) - counts, counts)  # the row's number in its group
    return np.sort(drawn[within < np.repeat(np.ceil(counts * (most / total)), counts)])


def told(part: int, whole: int, unit: str) -> str:
    """That a baseline was fitted on a part."""
    return f"fitted on {part:,} of {whole:,} {unit}, drawn at random"
