"""Questions about pictures: a picture and a question in, one of the known answers out."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import seqkit
from seqkit.errors import InputError
from seqkit.recipes.common import Classifies
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Embedding, Encoder, Pooling, Stack, Training, at_least

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Pipeline, Vocabulary
    from seqkit.data.sources import Role
    from seqkit.running import Forward

BASELINE_ROWS = 4_000  # that the linear model on pictures is fitted on: what it can't know makes it slow
MISTAKES = 20  # the most confident ones, for the report
LOOKS = 6  # rows of which it shows where the model looks: so many, and half as many mistakes


def question_answering(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/question_answering"),
    image: str = "image",
    question: str = "question",
    answer: str = "answer",
    kind: str | None = None,
    data_dir: str | None = None,
    picture_size: tuple[int, int] | None = None,
    lowercase: bool = True,
    vocabulary_size: int = 10_000,
    min_count: int = 1,
    encoder: Encoder = Encoder(filters=(8, 16, 32), units=64),
    embedding: Embedding = Embedding(units=64),
    stack: Stack = Stack(cell="gru", units=(64,)),
    pooling: Pooling = "last",
    looks: int = 2,
    training: Training = Training(epochs=10, batch_size=64, learning_rate=3e-3, schedule="cosine"),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Answer questions about pictures: a picture and a question in, one of the known answers out.

    Args:
        data: Training pictures, questions and answers: a table whose pictures are paths relative to its own folder or to a
            folder "images" in it; tfds:NAME, such as tfds:clevr; in Python also (pictures, questions, answers); nothing for
            the built-in scenes of digits.
        valid: Validation data of the same kind; nothing for a seeded tenth of the training pictures with their questions.
        test: Test data of the same kind, for the report; nothing for a report on the validation data, which says so.
        out: The run folder.
        image: Column of the pictures: a name, or a number from 0 for a file without a header.
        question: Column of the questions, likewise; question_answer/question for tfds:clevr.
        answer: Column of the answers, likewise; question_answer/answer for tfds:clevr.
        kind: Column of the kind of question, by which accuracy is told; nothing for the question's first two words.
        data_dir: Where TFDS keeps prepared data sets.
        picture_size: Height and width to which pictures are brought as they are read.
        lowercase: Whether case is folded.
        vocabulary_size: Words to know, the most frequent first.
        min_count: How often a word must occur in the training questions to be known.
        encoder: How the picture becomes a grid of vectors.
        embedding: How words become vectors.
        stack: The recurrent layers, over the question.
        pooling: How their steps become one vector.
        looks: How often the question looks at the picture, each time with what was seen before.
        training: How the weights are moved.
        seed: Seed of everything random.
        overwrite: Replace `out` if it exists.
        resume: Go on with the interrupted run of `out`.
        callbacks: Keras callbacks.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    """
    settings = seqkit.run.settings(locals(), but=("out", "overwrite", "resume", "callbacks"))
    for name, bound in {"seed": 0, "vocabulary_size": 5, "min_count": 1, "looks": 1}.items():
        at_least(name, settings[name], bound)
    columns = {"image": image, "question": question, "answer": answer} | ({"kind": kind} if kind else {})
    new_folder = seqkit.folder.new_folder(Path(out), overwrite=overwrite, resume=resume)
    with new_folder as part, seqkit.training.reproducible(seed, training.precision):
        splits = seqkit.data.read_splits(
            data,
            valid,
            test,
            columns,
            builtin=seqkit.data.asked_scenes,
            stratify=None,
            seed=seed,
            data_dir=data_dir,
            reader=functools.partial(seqkit.data.read_pictured, picture_size=picture_size),
            holder=seqkit.data.hold_out_pictures,
        )
        splitter = seqkit.data.Splitter("word", lowercase)
        tokens = seqkit.data.tokenise(splits.train["question"], splitter)
        vocabulary = seqkit.data.Vocabulary.build(tokens, splitter, size=vocabulary_size, min_count=min_count)
        answers = splits.train["answer"]
        classes = seqkit.data.learn_classes(answers, splits.valid["answer"], splits.train.origin)
        pictures = seqkit.data.shared(splits.train["image"])
        task = QuestionAnswering(columns, vocabulary, classes, pictures.values.shape[1:])
        ids, features, mask = seqkit.layers.embed_tokens(len(vocabulary), embedding)
        statistics = seqkit.layers.frame_statistics(pictures.chunks(), encoder)
        picture, grid = seqkit.layers.embed_pictures(task.shape, encoder, statistics)
        model = seqkit.topologies.many_to_one(
            [ids, picture],
            features,
            mask,
            outputs=len(classes),
            stack=stack,
            pooling=pooling,
            grid=grid,
            looks=looks,
        )
        info = seqkit.run.train(
            task,
            model,
            splits,
            objective=seqkit.objectives.classification(training, [answers.count(name) for name in classes]),
            training=training,
            part=part,
            settings=settings,
            seed=seed,
            resume=resume,
            callbacks=callbacks,
        )
        seqkit.run.score(part, task, model, info, splits)
    return seqkit.run.Run(Path(out), task, model, info)


@dataclasses.dataclass(frozen=True)
class QuestionAnswering(Classifies):
    """What this recipe knows and a run doesn't (see seqkit.task.Task). Outputs are probabilities, (rows, classes)."""

    columns: dict[str, str]
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    recipe = "question_answering"
    inputs = ("image", "question")
    in_step = False

    def to_json(self) -> dict[str, Any]:
        return self.vocabulary.to_json() | {"labels": list(self.classes), "picture": list(self.shape)}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = seqkit.data.Vocabulary.from_json(value)
        height, width, channels = value["picture"]
        return cls(columns, vocabulary, tuple(value["labels"]), (height, width, channels))

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

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        cache = "answer" in examples.columns  # what a user asks to predict is not kept
        tokens = seqkit.data.tokenise(examples["question"], self.vocabulary.splitter, cache=cache)
        ids = self.vocabulary.encode(tokens)
        pictures = seqkit.data.shared(examples["image"])
        facts = {
            "pictures": len(set(pictures.index.tolist())),
            "unknown_token_share": float((ids.values == seqkit.data.UNKNOWN).mean()) if len(ids.values) else 0.0,
        }
        columns: dict[str, Any] = {"ids": ids.append(seqkit.data.END), "picture": pictures}
        if "answer" in examples.columns:
            columns["targets"] = self._targets(examples)
            facts["unseen_answers"] = int((columns["targets"] == seqkit.data.UNSEEN).sum())
        widths = seqkit.data.boundaries(columns["ids"].lengths)
        return seqkit.data.Pipeline(columns, {"ids": widths}, batch_size), facts

    encode_for_training = encode

    def _targets(self, examples: Examples) -> np.ndarray:
        """int32, (rows,), UNSEEN for an answer that is none of the classes."""
        return seqkit.data.encode_labels(examples["answer"], self.classes)

    def outputs(self, forward: Forward, pipeline: Pipeline) -> np.ndarray:
        from scipy.special import softmax

        return softmax(seqkit.running.row_outputs(forward, pipeline), axis=-1)

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
        return lambda rows: seqkit.metrics.classification_scores(targets[rows], outputs[rows])

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        targets = self._targets(examples)
        predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
        kinds = _kinds(examples)
        wrong = [int(row) for row in (-confidence).argsort(kind="stable") if predicted[row] != targets[row]][:MISTAKES]
        firsts = [row for row in map(kinds.index, dict.fromkeys(kinds)) if row not in wrong][:LOOKS]
        return {
            "macro": seqkit.metrics.macro(targets, outputs),
            "per_kind": seqkit.metrics.accuracy_by_kind(predicted == targets, kinds),
            "per_class": seqkit.metrics.per_class(targets, outputs, self.classes),
            "confusion": {
                "labels": list(self.classes),
                "counts": seqkit.metrics.confusion(targets, predicted, len(self.classes)),
            },
            "calibration": seqkit.metrics.calibration_bins(targets, outputs),
            "looks": self._looks(model, examples, outputs, [*firsts, *wrong[: LOOKS // 2]]),
            "mistakes": [
                {
                    "text": examples["question"][row],
                    "label": examples["answer"][row],
                    "predicted": self.classes[predicted[row]],
                    "confidence": float(confidence[row]),
                }
                for row in wrong
            ],
        }

    def _looks(
        self, model: keras.Model, examples: Examples, outputs: np.ndarray, rows: Sequence[int]
    ) -> list[dict[str, Any]]:
        """What each look of the model weighs, for these rows."""
        import keras

        size = model.get_layer("maps").output.shape[1:3]
        layers = [layer.output for layer in model.layers if layer.name.startswith("attention_look_")]
        attention = seqkit.running.Forward(keras.Model(model.inputs, keras.ops.stack(layers, axis=1)))
        pipeline, _ = self.encode(examples.take(rows, "rows of the report"), len(rows))
        weights = seqkit.running.row_outputs(attention, pipeline)  # (rows, looks, places)
        shown = []
        for row, looks in zip(rows, weights, strict=True):
            truth, answer = examples["answer"][row], self.classes[int(outputs[row].argmax())]
            verdict = "right" if answer == truth else f"wrong: it is {truth}"
            shown.append(
                {
                    "picture": seqkit.pages.png(examples["image"][row]),
                    "title": f"{examples['question'][row]} {answer} ({verdict})",
                    "names": [f"look {number}" for number in range(1, len(looks) + 1)],
                    "weights": looks.reshape(-1, *size).round(4).tolist(),
                }
            )
        return shown

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        answers, seen = train["answer"], seqkit.baselines.averaged_pictures(seqkit.data.shared(train["image"]))
        return {
            "majority": seqkit.baselines.Majority.fit(answers, self.classes),
            "question_alone": seqkit.baselines.LinearTfidf.fit(train["question"], answers, self.classes),
            "picture_alone": seqkit.baselines.SingleFrame.fit([seen], [answers], self.classes, frames=BASELINE_ROWS),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {
            "majority": seqkit.baselines.Majority,
            "question_alone": seqkit.baselines.LinearTfidf,
            "picture_alone": seqkit.baselines.SingleFrame,
        }
        return kinds[path.stem].load(path)

    def baseline_outputs(self, baseline: Any, examples: Examples) -> np.ndarray:
        if isinstance(baseline, seqkit.baselines.SingleFrame):
            seen = seqkit.baselines.averaged_pictures(seqkit.data.shared(examples["image"]))
            return baseline.probabilities(seen.values)[seen.index]
        return baseline.probabilities(examples["question"])

    def asked(self, examples: Examples) -> dict[str, tf.Tensor]:
        import numpy as np
        import tensorflow as tf

        pictures = np.stack([np.asarray(cell, np.float32) for cell in examples["image"]])
        return {"picture": tf.constant(pictures), "question": tf.constant(examples["question"])}

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.PictureAnswerer(model, self.vocabulary, self.classes), "probabilities"


def _kinds(examples: Examples) -> list[str]:
    """Of each question: a column of the data, or its first two words."""
    if "kind" in examples.columns:
        return examples["kind"]
    return [" ".join(question.lower().split()[:2]) for question in examples["question"]]
