"""What a run asks of a recipe: four roles. `seqkit.tasks.roles` has defaults for most of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.rows import Rows
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Training
from seqkit.export.description import Description
from seqkit.metrics.judged import Items, Judged
from seqkit.sources.examples import Examples, Role
from seqkit.training.executor import Forward
from seqkit.training.objectives import Objective

Scorer = Callable[[np.ndarray], dict[str, float]]
Facts = dict[str, Any]


class Inputs(Protocol):
    """What comes in, and how it becomes batches.

    Attributes:
        columns: Field -> column of a source.
        fields: Those that a model is asked by; where there are several, an input is a tuple.
    """

    @property
    def columns(self) -> dict[str, str]: ...

    @property
    def fields(self) -> tuple[str, ...]: ...

    def to_json(self) -> dict[str, Any]:
        """What vocabulary.json holds."""

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        """The inverse of `to_json`."""

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        """Read a source into the rows that are scored."""

    def examined(self, examples: Examples) -> Examples:
        """Rows to train on or to score, as the task takes them: labels written as its classes are; with what is noticed.

        Raises:
            InputError: They can't be scored.
        """

    def inputs_of(self, file: str, columns: dict[str, str]) -> Iterator[Sequence[Any]]:
        """Chunks of inputs from a file, or from standard input (-)."""

    def prepared(self, examples: Examples, start: int, stop: int) -> dict[str, np.ndarray | Ragged]:
        """What a preparation keeps of the rows from `start` up to `stop`, in step with them, so that `encode` need not make
        it again: under names that hold for this task's vocabularies alone, by which it is found in `Examples.prepared`.
        """

    def encode(self, examples: Examples, batch_size: int) -> tuple[Rows, Facts]:
        """Batches ("targets" only where the examples have them), and counts about the data that belong in a report."""

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Rows, Facts]:
        """The same, as the model is trained on it."""


class Outputs(Protocol):
    """What comes out.

    Attributes:
        in_step: Whether there is an answer at every step, so that a one-directional model can run as a stream.
        classes: That are chosen among, where they are.
        unexported: Why a model leaves the house in no format; empty where it does in some.
    """

    @property
    def in_step(self) -> bool: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def unexported(self) -> str: ...

    def objective(self, training: Training, train: Examples) -> Objective:
        """What training minimises, and what is counted beside it; classes are counted in the training rows."""

    def outputs(self, forward: Forward, rows: Any) -> Any:
        """The model's outputs in the order of the rows: an array, (rows, ...); ragged rows, where there is an answer at
        every step; or what was written.
        """

    def answers(self, examples: Examples, outputs: Any) -> list[dict[str, Any]]:
        """What `predict` prints, a dict a row."""

    def in_keras(self) -> dict[str, Any]:
        """Loss and metrics for `compile`, so that the model's own `fit` and `evaluate` work."""

    def serving(self, model: keras.Model) -> tf.Module:
        """A module whose `serve` takes raw inputs and returns answers, a dict of tensors by name."""

    def description(self, model: keras.Model) -> Description | None:
        """What whoever runs an artefact has to know; nothing where it is to get the graphs alone."""


class Scores(Protocol):
    """How good the answers are.

    Attributes:
        metrics: That a scorer may give, in the order of the report; each is declared (`seqkit.metrics.metric`).
        monitor: What chooses the epoch where `training.monitor` names nothing: the first headline metric, or what goes with
            it and costs less: val_ and a measure of the objective, or val_loss.
    """

    @property
    def metrics(self) -> tuple[str, ...]: ...

    @property
    def monitor(self) -> str: ...

    def truths(self, examples: Examples) -> Sequence[Any] | None:
        """The class of each row, or of each step of each row, for what is checked before a training; None where there are
        no classes.
        """

    def scorer(self, examples: Examples, outputs: Any) -> Scorer:
        """A function from row numbers to metrics over these rows.

        A `seqkit.metrics.sums.Summed` where they follow from sums, so that two runs' answers can be exchanged.
        """

    def items(self, examples: Examples) -> Items:
        """What is judged one by one, with its traits."""

    def judged(self, examples: Examples, outputs: Any) -> Judged:
        """How these items were answered."""

    def sections(self, model: keras.Model, examples: Examples, outputs: Any) -> dict[str, Any]:
        """More for the report: per class, mistakes and the like."""


class Baseline(Protocol):
    """A simple model fitted on the same training data; or on a part of it, which its `bounds` then say in words."""

    def save(self, path: Path) -> None: ...

    @classmethod
    def load(cls, path: Path) -> Self: ...


class Baselines(Protocol):
    """What has to be beaten."""

    def baselines(self) -> Mapping[str, type[Baseline]]:
        """The kinds of baselines by name."""

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        """What fits one of each, by name: each by itself, so that one that fails stops no other."""

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Any:
        """A baseline's outputs, as the model's."""


class Task(Inputs, Outputs, Scores, Baselines, Protocol):
    """What a recipe knows and a run doesn't. One that writes text has a `generate` too (see `Run.generate`); one whose
    predictions say what became of each input a `predicted` (`seqkit.runs.predicting`); one that searches for its answers a
    `search`, and a `with_search`, as `seqkit.tasks.written` has them; one that can be looked into (`Run.inspect`) has
    `opened`, `words`, `choices`, `shares` and `asked_step`, as `seqkit.tasks.roles` has them.

    Attributes:
        recipe: Its name in run.json.
    """

    @property
    def recipe(self) -> str: ...
