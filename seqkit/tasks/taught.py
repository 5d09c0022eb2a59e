"""A text classifier that learns from labels and from what a teacher answers (Hinton, Vinyals and Dean 2015)."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np

from seqkit.batches.pipeline import Pipeline
from seqkit.core.settings import Training
from seqkit.runs.task import Facts
from seqkit.sources.examples import Examples
from seqkit.sources.teachers import TEACHER
from seqkit.tasks.text_classification import TextClassification
from seqkit.text.labels import UNSEEN
from seqkit.training.objectives import Objective, distillation


@dataclasses.dataclass(frozen=True)
class TaughtTexts(TextClassification):
    """The task as it is trained; a run of it is one of `TextClassification`.

    Attributes:
        weight: Labelled rows for which a row of the teacher's counts.
        temperature: At which the student meets the teacher.
    """

    weight: float
    temperature: float

    @classmethod
    def of(cls, task: TextClassification, classes: tuple[str, ...], *, weight: float, temperature: float) -> Self:
        """A task of these classes, which the teacher knows, taught so."""
        return cls(task.columns, task.vocabulary, classes, task.max_length, weight, temperature)

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy with labels, or with the teacher's probabilities."""
        return distillation(self.temperature)

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        """Targets are shares of the classes, and behind them whether they are a teacher's: float32, (rows, classes + 1)."""
        rows, facts = self.encode(examples, batch_size)
        labels, classes = self.labels(examples), len(self.classes)
        targets = np.zeros((len(labels), classes + 1), np.float32)
        weights = (labels != UNSEEN).astype(np.float32)
        targets[np.arange(len(labels)), np.maximum(labels, 0)] = 1.0
        taught = [row for row, shares in enumerate(examples.columns.get(TEACHER, ())) if len(shares)]
        for row in taught:
            softened = examples[TEACHER][row].astype(np.float64) ** (1.0 / self.temperature)
            targets[row, :classes], targets[row, classes] = softened / softened.sum(), 1.0
            weights[row] = self.weight
        facts |= {"taught_rows": len(taught)} if taught else {}
        return dataclasses.replace(rows, columns=rows.columns | {"targets": targets, "weights": weights}), facts


class TaughtSentiment(TaughtTexts):
    """The same under the name of `seqkit.recipes.sentiment`."""

    recipe = "sentiment"
