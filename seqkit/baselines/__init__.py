"""Simple models that a recipe is compared with."""

__all__ = [
    "classifiers",
    "fixed_window",
    "gram_counts",
    "ngrams",
    "pairs",
    "samples",
    "taggers",
    "writers",
]
