"""One class a row: how it is chosen, scored and shown."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy.special import softmax

from seqkit.batches.pipeline import Column, Pipeline
from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.metrics.classification import calibration_bins, classification_scorer, macro, per_class
from seqkit.metrics.confusion import confused_rows, confusion
from seqkit.runs.task import Facts, Scorer
from seqkit.sources.examples import Examples
from seqkit.sources.labels import named_as
from seqkit.sources.splits import Splits
from seqkit.tasks.roles import Inputs, Outputs, Scores
from seqkit.text.labels import UNSEEN, count_labels, encode_labels, with_unseen
from seqkit.training.executor import Forward, row_outputs
from seqkit.training.objectives import Objective, classification

SCORED = 1 << 28  # probabilities, of all rows that are scored
MISTAKES = 20  # the most confident ones, for the report


class ClassOfARow(Inputs, Outputs, Scores):
    """One class a row. Outputs are probabilities, (rows, classes).

    Attributes:
        classes: That are chosen among.
        truth: The field of the right one.
    Example:
        >>> from seqkit.tasks.classes import ClassOfARow
        >>> isinstance(run.task, ClassOfARow), run.task.classes
        (True, ('bad', 'good'))
        >>> run.task.answers(run.task.read("others.tsv", run.task.columns), np.array([[0.2, 0.8]]))
        [{'label': 'good', 'probabilities': {'bad': 0.2, 'good': 0.8}}]
    """

    classes: tuple[str, ...]
    truth = "label"
    metrics = ("accuracy", "macro_f1", "log_loss", "calibration_error")
    monitor = "val_accuracy"  # which is counted anyway
    judged_by = "accuracy"

    def truths(self, examples: Examples) -> Any:
        return examples[self.truth]

    def examined(self, examples: Examples) -> Examples:
        return named_as(super().examined(examples), self.truth, self.classes)

    def labels(self, examples: Examples) -> np.ndarray:
        """int32, (rows,), UNSEEN for a label that is none of the classes."""
        return encode_labels(examples[self.truth], self.classes)

    def targets(self, examples: Examples) -> tuple[dict[str, Column], Facts]:
        """A row whose label is none of the classes weighs nothing: there is no loss of it."""
        if self.truth not in examples.columns:
            return {}, {}
        labels = self.labels(examples)
        seen: np.ndarray = labels != UNSEEN
        columns: dict[str, Column] = {"targets": np.where(seen, labels, 0), "weights": seen.astype(np.float32)}
        return columns, {f"unseen_{self.truth}s": int((~seen).sum())}

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy, with the training rows' classes counted for their weights."""
        return classification(training, count_labels(train[self.truth], self.classes))

    def check_scored(self, splits: Splits) -> None:
        """Raise InputError where the scores of the rows that choose the epoch, or go into the report, are too many."""
        for name, rows in splits.named():
            if name != "train" and len(rows) * len(self.classes) > SCORED:
                raise InputError(
                    f"{rows.origin} has {len(rows):,} rows to score, each over {len(self.classes):,} classes, which memory "
                    f"does not hold: give at most {SCORED // len(self.classes):,}, or fewer classes."
                )

    def outputs(self, forward: Forward, rows: Pipeline) -> np.ndarray:
        probabilities: np.ndarray = softmax(row_outputs(forward, rows), axis=-1)
        return probabilities

    def answers(self, examples: Examples, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                "label": self.classes[int(row.argmax())],
                "probabilities": {name: round(float(share), 6) for name, share in zip(self.classes, row, strict=True)},
            }
            for row in outputs
        ]

    def scorer(self, examples: Examples, outputs: np.ndarray) -> Scorer:
        names = with_unseen(examples[self.truth], self.classes)
        return classification_scorer(encode_labels(examples[self.truth], names), outputs)

    def said(self, outputs: np.ndarray) -> list[str]:
        return [self.classes[place] for place in outputs.argmax(axis=1)]

    def wrong(self, examples: Examples, outputs: np.ndarray) -> list[int]:
        """The rows of the most confident mistakes."""
        labels, predicted = self.labels(examples), outputs.argmax(axis=1)
        order = (-outputs.max(axis=1)).argsort(kind="stable")
        return [int(row) for row in order if predicted[row] != labels[row]][:MISTAKES]

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        names = with_unseen(examples[self.truth], self.classes)
        labels, predicted = encode_labels(examples[self.truth], names), outputs.argmax(axis=1)
        return {
            "macro": macro(labels, predicted),
            "per_class": per_class(labels, predicted, names),
            "confusion": confusion(labels, predicted, names),
            "confused_rows": confused_rows(labels, predicted, names, examples[self.fields[-1]], outputs.max(axis=1)),
            "calibration": calibration_bins(labels, outputs),
            "mistakes": [
                {
                    "text": examples[self.fields[-1]][row],
                    "label": examples[self.truth][row],
                    "predicted": self.classes[predicted[row]],
                    "confidence": float(outputs[row].max()),
                }
                for row in self.wrong(examples, outputs)
            ],
        }
