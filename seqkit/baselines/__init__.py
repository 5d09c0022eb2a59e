"""Simple models that a recipe is compared with."""

__all__ = [
    "classifiers",
    "fixed_window",
    "ngrams",
    "taggers",
    "writers",
]
