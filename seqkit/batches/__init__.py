"""Rows as batches: planned, bucketed, padded, cut into windows."""

__all__ = [
    "derived",
    "gathering",
    "pipeline",
    "teacher_forcing",
    "windows",
]
