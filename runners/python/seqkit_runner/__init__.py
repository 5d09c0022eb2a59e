"""Answers with an artefact of seqkit: NumPy and one runtime are all it takes."""

import importlib
from typing import TYPE_CHECKING, Any

from seqkit_runner.errors import ArtefactError

if TYPE_CHECKING:
    from seqkit_runner.artefact import Artefact, load, verified
    from seqkit_runner.server import serve
    from seqkit_runner.sessions import Session

__all__ = ["Artefact", "ArtefactError", "Session", "load", "serve", "verified"]
__version__ = "0.21.0"

_WITH_NUMPY = {
    "Artefact": "artefact",
    "Session": "sessions",
    "load": "artefact",
    "serve": "server",
    "verified": "artefact",
}


def __getattr__(name: str) -> Any:
    if name in _WITH_NUMPY:
        return getattr(importlib.import_module(f"seqkit_runner.{_WITH_NUMPY[name]}"), name)
    raise AttributeError(f"module 'seqkit_runner' has no attribute {name!r}")
