"""Recipes: one function a task, from data to a trained, measured and saved run."""

from pathlib import Path
from typing import TYPE_CHECKING

from seqkit.recipes.language_model import LanguageModel, language_model
from seqkit.recipes.sentiment import Sentiment, sentiment

if TYPE_CHECKING:
    from seqkit.run import Run

RECIPES = {"sentiment": sentiment, "language_model": language_model}

_TASKS = {"sentiment": Sentiment, "language_model": LanguageModel}

__all__ = ["RECIPES", "language_model", "load", "sentiment"]


def load(path: str | Path) -> "Run":
    """Open a run folder of any recipe.

    Raises:
        InputError: No run folder, or a damaged one.
    """
    from seqkit.run import Run  # here, since it brings TensorFlow

    return Run.load(path, _TASKS)
