"""Rows as batches: planned, bucketed, padded, cut into windows."""

__all__ = [
    "derived",
    "gathering",
    "pipeline",
    "rows",
    "teacher_forcing",
    "windows",
]
