"""What the tasks of several recipes answer in the same way (see seqkit.task.Task)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import seqkit
from seqkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Ragged, Shared, Vocabulary
    from seqkit.data.sources import Role
    from seqkit.searching import Found
    from seqkit.settings import Search

BASELINE_ROWS = 4_000  # that the linear model on pictures is fitted on: what it can't know makes it slow


class Classifies:
    """One class an item, from logits; what a module serves are the outputs themselves."""

    def in_keras(self) -> dict[str, Any]:
        import keras

        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def served(self, outputs: Any) -> Any:
        return outputs


class ReadsText(Classifies):
    """Texts are the first field, and go into the module as they are."""

    columns: dict[str, str]

    def asked(self, examples: Examples) -> tf.Tensor:
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

    def served(self, outputs: Any) -> list[str]:
        return self.texts(outputs)


class Rewrites(Writes, ReadsText):
    """A text in, a text out: an encoder and a decoder with a vocabulary each."""

    source: Vocabulary

    def baseline_outputs(self, baseline: Any, examples: Examples) -> list[str]:
        return baseline.answer(examples["source"])

    def attention(
        self, model: keras.Model, found: Found, rows: Sequence[tuple[list[str], list[str]]]
    ) -> dict[str, list[dict[str, Any]]]:
        """For the report: where the first rows' symbols looked, if the decoder looks anywhere.

        Args:
            rows: Of each the symbols that were read and those that were written.
        """
        size = seqkit.searching.symbols_a_place(model)
        if not size:
            return {}
        pictures = []
        for (read, wrote), weights in zip(rows, found.weights, strict=False):
            symbols = [*read, "<end>"]
            places = ["".join(symbols[first : first + size]) for first in range(0, len(symbols), size)]
            pictures.append(
                {
                    "places": places,
                    "written": [*wrote, "<end>"][: len(weights)],  # what was cut short has no end
                    "weights": weights[:, : len(places)].round(4).tolist(),
                }
            )
        return {"attention": pictures}

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.Writer(model, self.source, self.target, self.search), "text"


class AsksOfPictures(Classifies):
    """A picture and a question in, whether the answer is chosen or written.

    Attributes:
        vocabulary: Of the questions.
        shape: Of a picture.
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
        return seqkit.data.read_pictured(source, columns, role=role, data_dir=data_dir, picture_size=size)

    def opened(self, file: str, columns: dict[str, str]) -> Iterator[list[tuple[Any, str]]]:
        if file == "-":
            raise InputError(
                "Standard input has no place for pictures: give a table with the columns "
                f"{columns['image']!r} and {columns['question']!r}."
            )
        examples = self.read(file, {field: columns[field] for field in self.inputs})
        yield list(zip(examples["image"], examples["question"], strict=True))

    def asked_ids(self, examples: Examples) -> tuple[Ragged, Shared]:
        """The questions' ids, without an end, and the pictures."""
        cache = "answer" in examples.columns  # what a user asks to predict is not kept
        tokens = seqkit.data.tokenise(examples["question"], self.vocabulary.splitter, cache=cache)
        return self.vocabulary.encode(tokens), seqkit.data.shared(examples["image"])

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
        layers = [layer.output for layer in model.layers if layer.name.startswith("attention_look_")]
        attention = seqkit.running.Forward(keras.Model(model.inputs, keras.ops.stack(layers, axis=1)))
        ids, pictures = self.asked_ids(examples.take(rows, "rows of the report"))
        ids = ids.append(seqkit.data.END)
        pipeline = seqkit.data.Pipeline(
            {"ids": ids, "picture": pictures}, {"ids": (int(ids.lengths.max()),)}, len(rows)
        )
        weights = seqkit.running.row_outputs(attention, pipeline)  # (rows, looks, places)
        shown = []
        for row, looks in zip(rows, weights, strict=True):
            truth = examples["answer"][row]
            verdict = "right" if answers[row] == truth else f"wrong: it is {truth}"
            shown.append(
                {
                    "picture": seqkit.pages.png(examples["image"][row]),
                    "title": f"{examples['question'][row]} {answers[row]} ({verdict})",
                    "names": [f"look {number}" for number in range(1, len(looks) + 1)],
                    "weights": looks.reshape(-1, *size).round(4).tolist(),
                }
            )
        return shown

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        known = set(self.known)
        train = train.take([row for row, answer in enumerate(train["answer"]) if answer in known], train.origin)
        answers, seen = train["answer"], seqkit.baselines.averaged_pictures(seqkit.data.shared(train["image"]))
        return {
            "majority": seqkit.baselines.Majority.fit(answers, self.known),
            "question_alone": seqkit.baselines.LinearTfidf.fit(train["question"], answers, self.known),
            "picture_alone": seqkit.baselines.SingleFrame.fit([seen], [answers], self.known, frames=BASELINE_ROWS),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {
            "majority": seqkit.baselines.Majority,
            "question_alone": seqkit.baselines.LinearTfidf,
            "picture_alone": seqkit.baselines.SingleFrame,
        }
        return kinds[path.stem].load(path)

    def probabilities(self, baseline: Any, examples: Examples) -> np.ndarray:
        """Of a baseline: float, (rows, known answers)."""
        if isinstance(baseline, seqkit.baselines.SingleFrame):
            seen = seqkit.baselines.averaged_pictures(seqkit.data.shared(examples["image"]))
            return baseline.probabilities(seen.values)[seen.index]
        return baseline.probabilities(examples["question"])

    def asked(self, examples: Examples) -> dict[str, tf.Tensor]:
        import numpy as np
        import tensorflow as tf

        pictures = np.stack([np.asarray(cell, np.float32) for cell in examples["image"]])
        return {"picture": tf.constant(pictures), "question": tf.constant(examples["question"])}
