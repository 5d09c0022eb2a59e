"""Answers of a trained model that take more than one call of it."""

__all__ = [
    "attribution",
    "generation",
    "long_recordings",
    "neural_cache",
    "opened",
]
