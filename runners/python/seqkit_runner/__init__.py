"""Answers with an artefact of seqkit: NumPy and one runtime are all it takes."""

from seqkit_runner.artefact import Artefact, load
from seqkit_runner.errors import ArtefactError
from seqkit_runner.sessions import Session

__all__ = ["Artefact", "ArtefactError", "Session", "load"]
__version__ = "0.7.0"
