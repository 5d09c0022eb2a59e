"""What a run asks of a recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.ragged import Ragged
from seqkit.sources.examples import Examples, Role
from seqkit.training.executor import Forward, Rows

Outputs = np.ndarray | Ragged


class Baseline(Protocol):
    """A simple model fitted on the same training data."""

    def save(self, path: Path) -> None: ...


class Task(Protocol):
    """What a recipe knows and a run doesn't.

    `outputs` are an array whose first axis is the row, or, where there is an answer at every step, ragged rows.

    A task that answers rows of several values, such as an image and a question, has their fields as `inputs`; its inputs
    are then tuples. Where the command line is to give it more than lines of text a task has an `opened`, from file and
    columns to chunks of inputs; and where it writes text, a `generate` (see `Run.generate`).
    """

    recipe: str
    in_step: bool  # whether there is an answer at every step, so that a one-directional model can run as a stream
    columns: dict[str, str]  # field -> column of a source; the first field is the input
    classes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What vocabulary.json holds."""

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        """The inverse of `to_json`."""

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        """Read a source into the rows that are scored."""

    def encode(self, examples: Examples, batch_size: int) -> tuple[Rows, dict[str, Any]]:
        """Batches ("targets" only where the examples have them), and counts about the data that belong in a report."""

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Rows, dict[str, Any]]:
        """The same, as the model is trained on it."""

    def outputs(self, forward: Forward, rows: Any) -> Outputs:
        """The model's outputs, in the order of the rows."""

    def answers(self, examples: Examples, outputs: Any) -> list[dict[str, Any]]:
        """What `predict` prints, a dict a row."""

    def scorer(self, examples: Examples, outputs: Any) -> Callable[[np.ndarray], dict[str, float]]:
        """A function from row numbers to metrics over these rows."""

    def sections(self, model: keras.Model, examples: Examples, outputs: Any) -> dict[str, Any]:
        """More for the report: per class, mistakes and the like."""

    def fit_baselines(self, train: Examples) -> dict[str, Baseline]:
        """Fit the baselines by name."""

    def load_baseline(self, path: Path) -> Baseline:
        """Read a baseline that was saved."""

    def baseline_outputs(self, baseline: Baseline, examples: Examples) -> Any:
        """A baseline's outputs, as the model's."""

    def in_keras(self) -> dict[str, Any]:
        """Loss and metrics for `compile`, so that the model's own `fit` and `evaluate` work."""

    def serving_inputs(self, examples: Examples) -> tf.Tensor | dict[str, tf.Tensor]:
        """Raw inputs as the module's `serve` takes them: the one tensor, or all by name."""

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        """A module whose `serve` takes raw inputs, and the name of the output that equals `served`."""

    def serving_outputs(self, outputs: Any) -> np.ndarray | Ragged | list[str]:
        """Of `outputs` what the module gives too."""
