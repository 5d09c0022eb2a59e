"""One class a row: how it is chosen, scored and shown."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy.special import softmax

from seqkit.batches.pipeline import Column, Pipeline
from seqkit.core.settings import Training
from seqkit.metrics.classification import calibration_bins, classification_scores, confusion, macro, per_class
from seqkit.runs.task import Facts, Scorer
from seqkit.sources.examples import Examples
from seqkit.sources.labels import named_as
from seqkit.tasks.roles import Inputs, Outputs, Scores
from seqkit.text.labels import UNSEEN, encode_labels
from seqkit.training.executor import Forward, row_outputs
from seqkit.training.objectives import Objective, classification

MISTAKES = 20  # the most confident ones, for the report


class ClassOfARow(Inputs, Outputs, Scores):
    """One class a row. Outputs are probabilities, (rows, classes).

    Attributes:
        classes: That are chosen among.
        truth: The field of the right one.
    """

    classes: tuple[str, ...]
    truth = "label"

    def examined(self, examples: Examples) -> Examples:
        return named_as(super().examined(examples), self.truth, self.classes)

    def labels(self, examples: Examples) -> np.ndarray:
        """int32, (rows,), UNSEEN for a label that is none of the classes."""
        return encode_labels(examples[self.truth], self.classes)

    def targets(self, examples: Examples) -> tuple[dict[str, Column], Facts]:
        if self.truth not in examples.columns:
            return {}, {}
        labels = self.labels(examples)
        return {"targets": labels}, {f"unseen_{self.truth}s": int((labels == UNSEEN).sum())}

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy, with the training rows' classes counted for their weights."""
        return classification(training, [train[self.truth].count(name) for name in self.classes])

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
        labels = self.labels(examples)
        return lambda rows: classification_scores(labels[rows], outputs[rows])

    def wrong(self, examples: Examples, outputs: np.ndarray) -> list[int]:
        """The rows of the most confident mistakes."""
        labels, predicted = self.labels(examples), outputs.argmax(axis=1)
        order = (-outputs.max(axis=1)).argsort(kind="stable")
        return [int(row) for row in order if predicted[row] != labels[row]][:MISTAKES]

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        labels, predicted = self.labels(examples), outputs.argmax(axis=1)
        return {
            "macro": macro(labels, outputs),
            "per_class": per_class(labels, outputs, self.classes),
            "confusion": {
                "labels": list(self.classes),
                "counts": confusion(labels, predicted, len(self.classes)),
            },
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
