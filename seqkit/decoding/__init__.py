"""Symbols out of a `step` that is a callable: beam search and sampling. They know no model."""

__all__ = [
    "beam_search",
    "sampling",
    "stepwise",
]
