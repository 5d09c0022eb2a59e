"""What is scored, from arrays and plain values, with intervals by resampling."""

__all__ = [
    "bootstrap",
    "captions",
    "classification",
    "confusion",
    "likelihood",
    "metric",
    "segments",
    "tags",
    "texts",
]
