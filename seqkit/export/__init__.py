"""Artefacts that run without seqkit, compared with the run."""

__all__ = [
    "artefact",
    "card",
    "description",
    "graphs",
    "keras_file",
    "litert",
    "parity",
    "portable",
    "savedmodel",
    "serving",
    "step",
    "subject",
    "tokenizer_file",
    "vectors",
]
