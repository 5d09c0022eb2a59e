"""Artefacts that run without seqkit, compared with the run."""

__all__ = [
    "artefacts",
    "parity",
    "serving",
    "step",
]
