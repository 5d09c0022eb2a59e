"""Answers with an artefact of seqkit: NumPy and one runtime are all it takes."""

__version__ = "0.7.0"
