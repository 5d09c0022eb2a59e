"""Questions about images: an image and a question in, an answer out: one of the known ones, or one that is written."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.derived import with_end
from seqkit.batches.pipeline import Column, Pipeline, boundaries
from seqkit.export.description import LABELS, TOKENIZER, Description, image_fields
from seqkit.export.serving import ImageAnswerer
from seqkit.metrics.classification import accuracy_by_kind
from seqkit.runs.task import Facts
from seqkit.sources.examples import Examples, OnError
from seqkit.tasks.classes import ClassOfARow
from seqkit.tasks.image_questions import ImageQuestions
from seqkit.text.vocabulary import END, UNKNOWN, Vocabulary

LOOKS = 6  # rows of which it shows where the model looks: so many, and half as many mistakes


@dataclasses.dataclass(frozen=True)
class QuestionAnswering(ImageQuestions, ClassOfARow):
    """What `question_answering` knows of chosen answers and a run doesn't."""

    columns: dict[str, str]
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    on_error: OnError
    recipe = "question_answering"
    truth = "answer"

    def known_answers(self) -> tuple[str, ...]:
        return self.classes

    def to_json(self) -> dict[str, Any]:
        return self.vocabulary.to_json() | {
            "labels": list(self.classes),
            "image": list(self.shape),
            "on_error": self.on_error,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = Vocabulary.from_json(value)
        height, width, channels = value["image"]
        return cls(columns, vocabulary, tuple(value["labels"]), (height, width, channels), value["on_error"])

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        ids, images = self.asked_ids(examples)
        facts = {
            "images": len(set(images.index.tolist())),
            "unknown_token_share": ids.share(UNKNOWN),
        }
        read = with_end(ids, END)
        targets, more = self.targets(examples)
        columns: dict[str, Column] = {"ids": read, "image": images}
        return Pipeline(columns | targets, {"ids": boundaries(read.lengths)}, batch_size), facts | more

    def answers(self, examples: Examples, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {"question": question}
            | (
                {"left_out": image.left_out}
                if image.left_out
                else {"answer": self.classes[int(row.argmax())], "confidence": round(float(row.max()), 4)}
            )
            for image, question, row in zip(examples["image"], examples["question"], outputs, strict=True)
        ]

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        predicted, kinds = outputs.argmax(axis=1), self.kinds(examples)
        right = predicted == self.labels(examples)
        answers, wrong = [self.classes[place] for place in predicted], self.wrong(examples, outputs)
        firsts = [row for row in map(kinds.index, dict.fromkeys(kinds)) if row not in wrong][:LOOKS]
        return super().sections(model, examples, outputs) | {
            "per_kind": accuracy_by_kind(right, kinds),
            "looks": self.attention_maps(model, examples, answers, right, [*firsts, *wrong[: LOOKS // 2]]),
        }

    def baseline_outputs(self, baseline: Any, examples: Examples) -> np.ndarray:
        return self.probabilities(baseline, examples)

    def description(self, model: keras.Model) -> Description:
        fields, labels = image_fields(self.shape), {LABELS: list(self.classes)}
        return Description("classify_image", fields, {TOKENIZER: self.vocabulary}, labels)

    def serving(self, model: keras.Model) -> tf.Module:
        return ImageAnswerer(model, self.vocabulary, self.classes)
