"""seqkit: recurrent sequence models with Keras, trained in one call, scored honestly, exported with parity.

These are the public names; the rooms behind them are imported by their own (`from seqkit.topologies.many_to_one import
many_to_one`). What needs TensorFlow is imported when it is first asked for, so that `seqkit --help` does without.
"""

import importlib
from typing import TYPE_CHECKING, Any

from seqkit.core.adaptation import Adaptation
from seqkit.core.arguments import Arguments, RunOptions, Source, preset, recipe
from seqkit.core.encoder import Encoder
from seqkit.core.errors import ExportError, InputError, TrainingError
from seqkit.core.findings import Finding
from seqkit.core.settings import CLASSES, DECODER, IN_STEP, Attention, Embedding, Search, Stack, Training
from seqkit.core.variations import Range
from seqkit.core.version import __version__
from seqkit.core.wide import Wide

if TYPE_CHECKING:
    from seqkit.lab.budget import train_within
    from seqkit.lab.comparing import compare
    from seqkit.lab.explaining import explain
    from seqkit.lab.gradients import show_gradients
    from seqkit.lab.inspected_page import show_inspection
    from seqkit.lab.nearest import nearest_rows
    from seqkit.lab.studies import Study
    from seqkit.lab.tuning import tune_search
    from seqkit.recurrence.acceleration import accelerate
    from seqkit.runs.beginning import new_project
    from seqkit.runs.builder import RunBuilder
    from seqkit.runs.checking import check
    from seqkit.runs.ensembles import ensemble
    from seqkit.runs.many_files import predict_files
    from seqkit.runs.predicting import predict_file
    from seqkit.runs.preparing import prepare
    from seqkit.runs.run import Run, load
    from seqkit.training.trainer import Trainer
    from seqkit.web.page import demo_page, serve_demo

__all__ = [
    "CLASSES",
    "DECODER",
    "IN_STEP",
    "Adaptation",
    "Arguments",
    "Attention",
    "Embedding",
    "Encoder",
    "ExportError",
    "Finding",
    "InputError",
    "Range",
    "Run",
    "RunBuilder",
    "RunOptions",
    "Search",
    "Source",
    "Stack",
    "Study",
    "Trainer",
    "Training",
    "TrainingError",
    "Wide",
    "__version__",
    "accelerate",
    "check",
    "compare",
    "demo_page",
    "ensemble",
    "explain",
    "load",
    "nearest_rows",
    "new_project",
    "predict_file",
    "predict_files",
    "prepare",
    "preset",
    "recipe",
    "serve_demo",
    "show_gradients",
    "show_inspection",
    "train_within",
    "tune_search",
]

_WITH_TENSORFLOW = {
    "Run": "seqkit.runs.run",
    "RunBuilder": "seqkit.runs.builder",
    "Study": "seqkit.lab.studies",
    "accelerate": "seqkit.recurrence.acceleration",
    "check": "seqkit.runs.checking",
    "compare": "seqkit.lab.comparing",
    "demo_page": "seqkit.web.page",
    "ensemble": "seqkit.runs.ensembles",
    "explain": "seqkit.lab.explaining",
    "load": "seqkit.runs.run",
    "nearest_rows": "seqkit.lab.nearest",
    "new_project": "seqkit.runs.beginning",
    "predict_file": "seqkit.runs.predicting",
    "predict_files": "seqkit.runs.many_files",
    "prepare": "seqkit.runs.preparing",
    "serve_demo": "seqkit.web.page",
    "show_gradients": "seqkit.lab.gradients",
    "show_inspection": "seqkit.lab.inspected_page",
    "train_within": "seqkit.lab.budget",
    "tune_search": "seqkit.lab.tuning",
    "Trainer": "seqkit.training.trainer",
}


def __getattr__(name: str) -> Any:
    if name in _WITH_TENSORFLOW:
        return getattr(importlib.import_module(_WITH_TENSORFLOW[name]), name)
    raise AttributeError(f"module 'seqkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
