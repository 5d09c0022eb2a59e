"""Recipes: one function a task, from data to a trained, measured and saved run."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seqkit.recipes.sentiment import sentiment

if TYPE_CHECKING:
    from seqkit.run import Run

RECIPES = {"sentiment": sentiment}

_TASKS = {"sentiment": "Sentiment"}

__all__ = ["RECIPES", "load", "sentiment"]


def load(path: str | Path) -> "Run":
    """Open a run folder of any recipe.

    Raises:
        InputError: No run folder, or a damaged one.
    """
    from seqkit.run import Run

    def task(recipe: str) -> Callable[[], type]:
        return lambda: getattr(importlib.import_module(f"seqkit.recipes.{recipe}"), _TASKS[recipe])

    return Run.load(path, {recipe: task(recipe) for recipe in _TASKS})
