"""Artefacts that run without seqkit, compared with the run."""

__all__ = [
    "keras_file",
    "litert",
    "manifest",
    "parity",
    "savedmodel",
    "serving",
    "step",
    "subject",
    "tokenizer_file",
]
