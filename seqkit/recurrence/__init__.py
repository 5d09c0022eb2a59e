"""Recurrences: their cells, the scans with its own gradient, streams, and what fades on the way back."""

__all__ = [
    "acceleration",
    "bptt",
    "cells",
    "compiled",
    "diagnostics",
    "fresh",
    "gated",
    "heads",
    "light",
    "linear",
    "loops",
    "reservoir",
    "shards",
    "stateful",
    "step",
    "timed",
    "watching",
]
