"""seqkit: recurrent sequence models with Keras, trained in one call, scored honestly, exported with parity.

Names and rooms are imported when they are first asked for, so that `seqkit --help` needs no TensorFlow.
"""

import importlib
from typing import Any

__version__ = "0.4.0"

_NAMES = {
    "Attention": "settings",
    "Embedding": "settings",
    "Encoder": "settings",
    "Search": "settings",
    "Stack": "settings",
    "Training": "settings",
    "InputError": "errors",
    "TrainingError": "errors",
    "ExportError": "errors",
    "Run": "run",
    "accelerate": "acceleration",
    "load": "recipes",
}
_ROOMS = (
    "acceleration",
    "baselines",
    "bptt",
    "caption_metrics",
    "cells",
    "data",
    "decoding",
    "diagnostics",
    "export",
    "fixed_window",
    "folder",
    "job",
    "labelling",
    "layers",
    "metrics",
    "ngrams",
    "objectives",
    "pages",
    "progress",
    "recipes",
    "report",
    "run",
    "running",
    "searching",
    "segments",
    "serving",
    "spans",
    "stateful",
    "tag_baselines",
    "tag_metrics",
    "text_baselines",
    "text_metrics",
    "topologies",
    "training",
)

__all__ = ["__version__", *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"seqkit.{_NAMES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"seqkit.{name}")
    raise AttributeError(f"module 'seqkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_ROOMS})
