"""Rows as batches: planned, bucketed, padded, cut into windows."""

__all__ = [
    "gathering",
    "pipeline",
    "teacher_forcing",
    "windows",
]
