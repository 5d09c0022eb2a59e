"""What is scored, from arrays and plain values, with intervals by resampling."""

__all__ = [
    "bootstrap",
    "captions",
    "classification",
    "confusion",
    "metric",
    "segments",
    "tags",
    "texts",
]
