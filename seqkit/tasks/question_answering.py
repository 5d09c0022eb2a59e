"""Questions about images: an image and a question in, an answer out: one of the known ones, or one that is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.export.serving import ImageAnswerer
from seqkit.metrics.classification import (
    accuracy_by_kind,
    calibration_bins,
    classification_scores,
    confusion,
    macro,
    per_class,
)
from seqkit.sources.examples import Examples
from seqkit.tasks.roles import AsksAboutImages
from seqkit.text.labels import UNSEEN, encode_labels
from seqkit.text.vocabulary import END, UNKNOWN, Vocabulary
from seqkit.training.executor import Forward, row_outputs

MISTAKES = 20  # the most confident ones, for the report
LOOKS = 6  # rows of which it shows where the model looks: so many, and half as many mistakes


@dataclasses.dataclass(frozen=True)
class QuestionAnswering(AsksAboutImages):
    """What this recipe knows of chosen answers and a run doesn't (see seqkit.runs.task.Task).

    Outputs are probabilities, (rows, classes).
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    recipe = "question_answering"

    @property
    def known(self) -> tuple[str, ...]:
        return self.classes

    def to_json(self) -> dict[str, Any]:
        return self.vocabulary.to_json() | {"labels": list(self.classes), "image": list(self.shape)}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = Vocabulary.from_json(value)
        height, width, channels = value["image"]
        return cls(columns, vocabulary, tuple(value["labels"]), (height, width, channels))

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        ids, images = self.asked_ids(examples)
        facts = {
            "images": len(set(images.index.tolist())),
            "unknown_token_share": float((ids.values == UNKNOWN).mean()) if len(ids.values) else 0.0,
        }
        columns: dict[str, Any] = {"ids": ids.append(END), "image": images}
        if "answer" in examples.columns:
            columns["targets"] = self._targets(examples)
            facts["unseen_answers"] = int((columns["targets"] == UNSEEN).sum())
        widths = boundaries(columns["ids"].lengths)
        return Pipeline(columns, {"ids": widths}, batch_size), facts

    encode_for_training = encode

    def _targets(self, examples: Examples) -> np.ndarray:
        """int32, (rows,), UNSEEN for an answer that is none of the classes."""
        return encode_labels(examples["answer"], self.classes)

    def outputs(self, forward: Forward, pipeline: Pipeline) -> np.ndarray:

        return softmax(row_outputs(forward, pipeline), axis=-1)

    def answers(self, examples: Examples, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                "question": question,
                "answer": self.classes[int(row.argmax())],
                "confidence": round(float(row.max()), 4),
            }
            for question, row in zip(examples["question"], outputs, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
        targets = self._targets(examples)
        return lambda rows: classification_scores(targets[rows], outputs[rows])

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        targets = self._targets(examples)
        predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
        kinds, answers = self.kinds(examples), [self.classes[place] for place in predicted]
        wrong = [int(row) for row in (-confidence).argsort(kind="stable") if predicted[row] != targets[row]][:MISTAKES]
        firsts = [row for row in map(kinds.index, dict.fromkeys(kinds)) if row not in wrong][:LOOKS]
        return {
            "macro": macro(targets, outputs),
            "per_kind": accuracy_by_kind(predicted == targets, kinds),
            "per_class": per_class(targets, outputs, self.classes),
            "confusion": {
                "labels": list(self.classes),
                "counts": confusion(targets, predicted, len(self.classes)),
            },
            "calibration": calibration_bins(targets, outputs),
            "looks": self.looks(model, examples, answers, [*firsts, *wrong[: LOOKS // 2]]),
            "mistakes": [
                {
                    "text": examples["question"][row],
                    "label": examples["answer"][row],
                    "predicted": answers[row],
                    "confidence": float(confidence[row]),
                }
                for row in wrong
            ],
        }

    def baseline_outputs(self, baseline: Any, examples: Examples) -> np.ndarray:
        return self.probabilities(baseline, examples)

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return ImageAnswerer(model, self.vocabulary, self.classes), "probabilities"
