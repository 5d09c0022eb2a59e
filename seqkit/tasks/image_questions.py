"""An image and a question in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from seqkit.baselines.classifiers import LinearTfidf, Majority, SingleFrame, averaged_images
from seqkit.batches.pipeline import Pipeline, Shared
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.report.pages import png
from seqkit.runs.task import Baseline
from seqkit.sources.examples import Examples, OnError, Role
from seqkit.sources.images import read_images, shared_images
from seqkit.tasks.roles import Baselines, Inputs
from seqkit.text.vocabulary import END, Vocabulary
from seqkit.training.executor import Forward, row_outputs

BASELINE_ROWS = 4_000  # that the linear model on images is fitted on: what it can't know makes it slow


class ImageQuestions(Inputs, Baselines):
    """An image and a question in, whether the answer is chosen or written.

    Attributes:
        vocabulary: Of the questions.
        shape: Of an image.
        on_error: What to do about an image that can't be read.
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    shape: tuple[int, int, int]
    on_error: OnError

    @property
    def fields(self) -> tuple[str, ...]:
        return ("image", "question")

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        in_place = "answer" not in columns
        kinds: dict[str, Any] = {"image_size": self.shape[:2], "on_error": self.on_error, "in_place": in_place}
        return read_images(source, columns, role=role, data_dir=data_dir, **kinds)

    def known_answers(self) -> tuple[str, ...]:
        """Training answers, among which the baselines choose."""
        raise NotImplementedError

    def inputs_of(self, file: str, columns: dict[str, str]) -> Iterator[list[tuple[Any, str]]]:
        if file == "-":
            raise InputError(
                "Standard input has no place for images: give a table with the columns "
                f"{columns['image']!r} and {columns['question']!r}."
            )
        examples = self.read(file, {field: columns[field] for field in self.fields})
        yield list(zip(examples["image"], examples["question"], strict=True))

    def asked_ids(self, examples: Examples) -> tuple[Ragged, Shared]:
        """The questions' ids, without an end, and the images."""
        cache = "answer" in examples.columns  # what a user asks to predict is not kept
        return self.ids(examples, "question", cache=cache), shared_images(examples["image"])

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        return {"question": self.vocabulary}

    def kinds(self, examples: Examples) -> list[str]:
        """Of each question: a column of the data, or its first two words."""
        if "kind" in examples.columns:
            return list(examples["kind"])
        return [" ".join(question.lower().split()[:2]) for question in examples["question"]]

    def attention_maps(
        self,
        model: keras.Model,
        examples: Examples,
        answers: Sequence[str],
        right: np.ndarray,
        rows: Sequence[int],
    ) -> list[dict[str, Any]]:
        """What each hop weighs for these rows, and what was answered.

        Args:
            model: The one that has the hops.
            answers: To all rows.
            right: bool, (all rows,), which of them are.
        """
        size = model.get_layer("maps").output.shape[1:3]
        layers = [layer.output for layer in model.layers if layer.name.startswith("attention_hop_")]
        attention = Forward(keras.Model(model.inputs, keras.ops.stack(layers, axis=1)))
        ids, images = self.asked_ids(examples.take(rows, "rows of the report"))
        ids = ids.append(END)
        pipeline = Pipeline({"ids": ids, "image": images}, {"ids": (int(ids.lengths.max()),)}, len(rows))
        weights = row_outputs(attention, pipeline)  # (rows, hops, places)
        shown = []
        for row, hops in zip(rows, weights, strict=True):
            verdict = "right" if right[row] else f"wrong: it is {examples['answer'][row]}"
            shown.append(
                {
                    "image": png(examples["image"][row]),
                    "title": f"{examples['question'][row]} {answers[row]} ({verdict})",
                    "names": [f"hop {number}" for number in range(1, len(hops) + 1)],
                    "weights": hops.reshape(-1, *size).round(4).tolist(),
                }
            )
        return shown

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        known = set(self.known_answers())
        train = train.take([row for row, answer in enumerate(train["answer"]) if answer in known], train.origin)
        answers = train["answer"]
        return {
            "majority": lambda: Majority.fit(answers, self.known_answers()),
            "question_alone": lambda: LinearTfidf.fit(train["question"], answers, self.known_answers()),
            "image_alone": lambda: SingleFrame.fit(
                [averaged_images(shared_images(train["image"]))], [answers], self.known_answers(), frames=BASELINE_ROWS
            ),
        }

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"majority": Majority, "question_alone": LinearTfidf, "image_alone": SingleFrame}

    def probabilities(self, baseline: Majority | LinearTfidf | SingleFrame, examples: Examples) -> np.ndarray:
        """Of a baseline: float, (rows, known answers)."""
        if isinstance(baseline, SingleFrame):
            seen = averaged_images(shared_images(examples["image"]))
            probabilities: np.ndarray = baseline.probabilities(seen.values)[seen.index]
        else:
            probabilities = baseline.probabilities(examples["question"])
        return probabilities
