"""What is scored, from arrays and plain values, with intervals by resampling."""

__all__ = [
    "bootstrap",
    "captions",
    "classification",
    "comparison",
    "confusion",
    "judged",
    "likelihood",
    "metric",
    "pairs",
    "segments",
    "sums",
    "tags",
    "texts",
]
