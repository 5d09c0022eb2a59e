"""Sentiment: many words in, one label out. For any labels of whole texts: topics, intents, spam."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from seqkit.baselines.classifiers import LinearTfidf, Majority
from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.export.serving import TextClassifier
from seqkit.metrics.classification import calibration_bins, classification_scores, confusion, macro, per_class
from seqkit.sources.examples import Examples, Role
from seqkit.sources.reading import read
from seqkit.tasks.roles import ReadsText
from seqkit.text.labels import UNSEEN, encode_labels
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import END, UNKNOWN, Vocabulary
from seqkit.training.executor import Forward, row_outputs

MISTAKES = 20  # the most confident ones, for the report


@dataclasses.dataclass(frozen=True)
class Sentiment(ReadsText):
    """What this recipe knows and a run doesn't (see seqkit.runs.task.Task). Outputs are probabilities, (rows, classes)."""

    columns: dict[str, str]
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    max_length: int
    recipe = "sentiment"
    in_step = False

    def to_json(self) -> dict[str, Any]:
        return self.vocabulary.to_json() | {"labels": list(self.classes), "max_length": self.max_length}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = Vocabulary.from_json(value)
        return cls(columns, vocabulary, tuple(value["labels"]), value["max_length"])

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return read(source, columns, role=role, data_dir=data_dir)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        cache = "label" in examples.columns  # what a user asks to predict is not kept
        tokens = tokenize(examples["text"], self.vocabulary.tokenizer, cache=cache)
        ids = self.vocabulary.encode(tokens)
        facts = {
            "empty_texts": int((ids.lengths == 0).sum()),
            "cut_texts": int((ids.lengths >= self.max_length).sum()),
            "unknown_token_share": float((ids.values == UNKNOWN).mean()) if len(ids.values) else 0.0,
        }
        # The end token makes a row of an empty text too; a text that is too long is cut before it.
        columns: dict[str, Any] = {"ids": ids.cut(self.max_length - 1).append(END)}
        if "label" in examples.columns:
            columns["targets"] = encode_labels(examples["label"], self.classes)
            facts["unseen_labels"] = int((columns["targets"] == UNSEEN).sum())
        widths = boundaries(columns["ids"].lengths)
        return Pipeline(columns, {"ids": widths}, batch_size), facts

    encode_for_training = encode

    def outputs(self, forward: Forward, pipeline: Pipeline) -> np.ndarray:

        return softmax(row_outputs(forward, pipeline), axis=-1)

    def answers(self, examples: Examples, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                "label": self.classes[int(row.argmax())],
                "probabilities": {name: round(float(share), 6) for name, share in zip(self.classes, row, strict=True)},
            }
            for row in outputs
        ]

    def scorer(self, examples: Examples, outputs: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
        labels = encode_labels(examples["label"], self.classes)
        return lambda rows: classification_scores(labels[rows], outputs[rows])

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        labels = encode_labels(examples["label"], self.classes)
        predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
        wrong = [row for row in (-confidence).argsort(kind="stable") if predicted[row] != labels[row]][:MISTAKES]
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
                    "text": examples["text"][row],
                    "label": examples["label"][row],
                    "predicted": self.classes[predicted[row]],
                    "confidence": float(confidence[row]),
                }
                for row in wrong
            ],
        }

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        return {
            "majority": Majority.fit(train["label"], self.classes),
            "linear": LinearTfidf.fit(train["text"], train["label"], self.classes),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {"majority": Majority, "linear": LinearTfidf}
        return kinds[path.stem].load(path)

    def baseline_outputs(self, baseline: Any, examples: Examples) -> np.ndarray:
        return baseline.probabilities(examples["text"])

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return TextClassifier(model, self.vocabulary, self.classes, self.max_length), "probabilities"
