"""What the tasks of several recipes answer in the same way (see seqkit.runs.task.Task)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.classifiers import LinearTfidf, Majority, SingleFrame, averaged_images
from seqkit.batches.pipeline import Pipeline, Shared
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Search
from seqkit.export.serving import Writer
from seqkit.inference.generation import Generated, symbols_a_place
from seqkit.report.pages import png
from seqkit.sources.examples import Examples, Role
from seqkit.sources.images import read_images, shared_images
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import END, Vocabulary
from seqkit.training.executor import Forward, row_outputs

BASELINE_ROWS = 4_000  # that the linear model on images is fitted on: what it can't know makes it slow


class Classifies:
    """One class an item, from logits; what a module serves are the outputs themselves."""

    def in_keras(self) -> dict[str, Any]:
        import keras

        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def serving_outputs(self, outputs: Any) -> Any:
        return outputs


class ReadsText(Classifies):
    """Texts are the first field, and go into the module as they are."""

    columns: dict[str, str]

    def serving_inputs(self, examples: Examples) -> tf.Tensor:
        import tensorflow as tf

        return tf.constant(examples[next(iter(self.columns))])


class Writes(Classifies):
    """A text out, of a decoder with a vocabulary."""

    target: Vocabulary
    search: Search
    in_step = False
    classes: tuple[str, ...] = ()

    def texts(self, outputs: Any) -> list[str]:
        """The best answers; those of a baseline are texts already."""
        return outputs if isinstance(outputs, list) else outputs.texts(self.target)[:: self.search.n_best]

    def serving_outputs(self, outputs: Any) -> list[str]:
        return self.texts(outputs)


class Rewrites(Writes, ReadsText):
    """A text in, a text out: an encoder and a decoder with a vocabulary each."""

    source: Vocabulary

    def baseline_outputs(self, baseline: Any, examples: Examples) -> list[str]:
        return baseline.answer(examples["source"])

    def attention(
        self, model: keras.Model, found: Generated, rows: Sequence[tuple[list[str], list[str]]]
    ) -> dict[str, list[dict[str, Any]]]:
        """For the report: where the first rows' symbols looked, if the decoder looks anywhere.

        Args:
            rows: Of each the symbols that were read and those that were written.
        """
        size = symbols_a_place(model)
        if not size:
            return {}
        images = []
        for (read, wrote), weights in zip(rows, found.weights, strict=False):
            symbols = [*read, "<end>"]
            places = ["".join(symbols[first : first + size]) for first in range(0, len(symbols), size)]
            images.append(
                {
                    "places": places,
                    "written": [*wrote, "<end>"][: len(weights)],  # what was cut short has no end
                    "weights": weights[:, : len(places)].round(4).tolist(),
                }
            )
        return {"attention": images}

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return Writer(model, self.source, self.target, self.search), "text"


class AsksAboutImages(Classifies):
    """An image and a question in, whether the answer is chosen or written.

    Attributes:
        vocabulary: Of the questions.
        shape: Of an image.
        known: Training answers, among which the baselines choose.
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    shape: tuple[int, int, int]
    known: tuple[str, ...]
    inputs = ("image", "question")
    in_step = False

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        size = self.shape[:2]
        return read_images(source, columns, role=role, data_dir=data_dir, image_size=size)

    def inputs_of(self, file: str, columns: dict[str, str]) -> Iterator[list[tuple[Any, str]]]:
        if file == "-":
            raise InputError(
                "Standard input has no place for images: give a table with the columns "
                f"{columns['image']!r} and {columns['question']!r}."
            )
        examples = self.read(file, {field: columns[field] for field in self.inputs})
        yield list(zip(examples["image"], examples["question"], strict=True))

    def asked_ids(self, examples: Examples) -> tuple[Ragged, Shared]:
        """The questions' ids, without an end, and the images."""
        cache = "answer" in examples.columns  # what a user asks to predict is not kept
        tokens = tokenize(examples["question"], self.vocabulary.tokenizer, cache=cache)
        return self.vocabulary.encode(tokens), shared_images(examples["image"])

    def kinds(self, examples: Examples) -> list[str]:
        """Of each question: a column of the data, or its first two words."""
        if "kind" in examples.columns:
            return examples["kind"]
        return [" ".join(question.lower().split()[:2]) for question in examples["question"]]

    def looks(
        self, model: keras.Model, examples: Examples, answers: Sequence[str], rows: Sequence[int]
    ) -> list[dict[str, Any]]:
        """What each look weighs for these rows, and what was answered.

        Args:
            model: The one that looks.
            answers: To all rows.
        """
        import keras

        size = model.get_layer("maps").output.shape[1:3]
        layers = [layer.output for layer in model.layers if layer.name.startswith("attention_hop_")]
        attention = Forward(keras.Model(model.inputs, keras.ops.stack(layers, axis=1)))
        ids, images = self.asked_ids(examples.take(rows, "rows of the report"))
        ids = ids.append(END)
        pipeline = Pipeline({"ids": ids, "image": images}, {"ids": (int(ids.lengths.max()),)}, len(rows))
        weights = row_outputs(attention, pipeline)  # (rows, looks, places)
        shown = []
        for row, looks in zip(rows, weights, strict=True):
            truth = examples["answer"][row]
            verdict = "right" if answers[row] == truth else f"wrong: it is {truth}"
            shown.append(
                {
                    "image": png(examples["image"][row]),
                    "title": f"{examples['question'][row]} {answers[row]} ({verdict})",
                    "names": [f"hop {number}" for number in range(1, len(looks) + 1)],
                    "weights": looks.reshape(-1, *size).round(4).tolist(),
                }
            )
        return shown

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        known = set(self.known)
        train = train.take([row for row, answer in enumerate(train["answer"]) if answer in known], train.origin)
        answers, seen = train["answer"], averaged_images(shared_images(train["image"]))
        return {
            "majority": Majority.fit(answers, self.known),
            "question_alone": LinearTfidf.fit(train["question"], answers, self.known),
            "image_alone": SingleFrame.fit([seen], [answers], self.known, frames=BASELINE_ROWS),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {
            "majority": Majority,
            "question_alone": LinearTfidf,
            "image_alone": SingleFrame,
        }
        return kinds[path.stem].load(path)

    def probabilities(self, baseline: Any, examples: Examples) -> np.ndarray:
        """Of a baseline: float, (rows, known answers)."""
        if isinstance(baseline, SingleFrame):
            seen = averaged_images(shared_images(examples["image"]))
            return baseline.probabilities(seen.values)[seen.index]
        return baseline.probabilities(examples["question"])

    def serving_inputs(self, examples: Examples) -> dict[str, tf.Tensor]:
        import numpy as np
        import tensorflow as tf

        images = np.stack([np.asarray(cell, np.float32) for cell in examples["image"]])
        return {"image": tf.constant(images), "question": tf.constant(examples["question"])}
