"""Recurrences: their cells, the scan with its own gradient, streams, and what fades on the way back."""

__all__ = [
    "acceleration",
    "bptt",
    "cells",
    "diagnostics",
    "loops",
    "shards",
    "stateful",
    "step",
]
