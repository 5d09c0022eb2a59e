"""Sentiment: many words in, one label out. For any labels of whole texts: topics, intents, spam."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import seqkit
from seqkit.recipes.common import ReadsText
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Embedding, Pooling, Stack, Training

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Pipeline, Vocabulary
    from seqkit.data.sources import Role
    from seqkit.running import Forward

MISTAKES = 20  # the most confident ones, for the report


def sentiment(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/sentiment"),
    text: str = "text",
    label: str = "label",
    data_dir: str | None = None,
    unit: Literal["word", "character"] = "word",
    lowercase: bool = True,
    vocabulary_size: int = 20_000,
    min_count: int = 2,
    max_length: int = 1_000,
    embedding: Embedding = Embedding(units=64, dropout=0.2),
    stack: Stack = Stack(cell="lstm", units=(64,), bidirectional=True, dropout=0.1),
    pooling: Pooling = "max",
    training: Training = Training(epochs=6),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Label whole texts: many words in, one label out.

    Args:
        data: Training texts and labels: a table, tfds:NAME, or in Python also (texts, labels); nothing for the built-in
            reviews.
        valid: Validation data of the same kind; nothing for a seeded tenth of the training data.
        test: Test data of the same kind, for the report; nothing for a report on the validation data, which says so.
        out: The run folder.
        text: Column of the texts: a name, or a number from 0 for a file without a header.
        label: Column of the labels, likewise.
        data_dir: Where TFDS keeps prepared data sets.
        unit: What a token is.
        lowercase: Whether case is folded.
        vocabulary_size: Tokens to know, the most frequent first.
        min_count: How often a token must occur in the training data to be known.
        max_length: Tokens of a text that are read; longer texts are cut there, and counted.
        embedding: How tokens become vectors.
        stack: The recurrent layers.
        pooling: How the steps become one vector.
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
    job = seqkit.job.Job(locals(), vocabulary_size=5, min_count=1, max_length=2)
    columns = {"text": text, "label": label}
    with job:
        splits = job.splits(columns, builtin=seqkit.data.reviews, stratify="label")
        splitter = seqkit.data.Splitter(unit, lowercase)
        tokens = seqkit.data.tokenise(splits.train["text"], splitter)
        vocabulary = seqkit.data.Vocabulary.build(tokens, splitter, size=vocabulary_size, min_count=min_count)
        classes = seqkit.data.learn_classes(splits.train["label"], splits.valid["label"], splits.train.origin)
        task = Sentiment(columns, vocabulary, classes, max_length)
        vectors = seqkit.data.read_vectors(embedding.vectors, vocabulary, seed=seed) if embedding.vectors else None
        model = seqkit.topologies.many_to_one(
            *seqkit.layers.embed_tokens(len(vocabulary), embedding, vectors),
            outputs=len(classes),
            stack=stack,
            pooling=pooling,
        )
        return job.done(
            task,
            model,
            splits,
            seqkit.objectives.classification(training, [splits.train["label"].count(c) for c in classes]),
        )


@dataclasses.dataclass(frozen=True)
class Sentiment(ReadsText):
    """What this recipe knows and a run doesn't (see seqkit.task.Task). Outputs are probabilities, (rows, classes)."""

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
        vocabulary = seqkit.data.Vocabulary.from_json(value)
        return cls(columns, vocabulary, tuple(value["labels"]), value["max_length"])

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return seqkit.data.read(source, columns, role=role, data_dir=data_dir)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        cache = "label" in examples.columns  # what a user asks to predict is not kept
        tokens = seqkit.data.tokenise(examples["text"], self.vocabulary.splitter, cache=cache)
        ids = self.vocabulary.encode(tokens)
        facts = {
            "empty_texts": int((ids.lengths == 0).sum()),
            "cut_texts": int((ids.lengths >= self.max_length).sum()),
            "unknown_token_share": float((ids.values == seqkit.data.UNKNOWN).mean()) if len(ids.values) else 0.0,
        }
        # The end token makes a row of an empty text too; a text that is too long is cut before it.
        columns: dict[str, Any] = {"ids": ids.cut(self.max_length - 1).append(seqkit.data.END)}
        if "label" in examples.columns:
            columns["targets"] = seqkit.data.encode_labels(examples["label"], self.classes)
            facts["unseen_labels"] = int((columns["targets"] == seqkit.data.UNSEEN).sum())
        widths = seqkit.data.boundaries(columns["ids"].lengths)
        return seqkit.data.Pipeline(columns, {"ids": widths}, batch_size), facts

    encode_for_training = encode

    def outputs(self, forward: Forward, pipeline: Pipeline) -> np.ndarray:
        from scipy.special import softmax

        return softmax(seqkit.running.row_outputs(forward, pipeline), axis=-1)

    def answers(self, examples: Examples, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                "label": self.classes[int(row.argmax())],
                "probabilities": {name: round(float(share), 6) for name, share in zip(self.classes, row, strict=True)},
            }
            for row in outputs
        ]

    def scorer(self, examples: Examples, outputs: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
        labels = seqkit.data.encode_labels(examples["label"], self.classes)
        return lambda rows: seqkit.metrics.classification_scores(labels[rows], outputs[rows])

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        labels = seqkit.data.encode_labels(examples["label"], self.classes)
        predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
        wrong = [row for row in (-confidence).argsort(kind="stable") if predicted[row] != labels[row]][:MISTAKES]
        return {
            "macro": seqkit.metrics.macro(labels, outputs),
            "per_class": seqkit.metrics.per_class(labels, outputs, self.classes),
            "confusion": {
                "labels": list(self.classes),
                "counts": seqkit.metrics.confusion(labels, predicted, len(self.classes)),
            },
            "calibration": seqkit.metrics.calibration_bins(labels, outputs),
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
            "majority": seqkit.baselines.Majority.fit(train["label"], self.classes),
            "linear": seqkit.baselines.LinearTfidf.fit(train["text"], train["label"], self.classes),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {"majority": seqkit.baselines.Majority, "linear": seqkit.baselines.LinearTfidf}
        return kinds[path.stem].load(path)

    def baseline_outputs(self, baseline: Any, examples: Examples) -> np.ndarray:
        return baseline.probabilities(examples["text"])

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.TextClassifier(model, self.vocabulary, self.classes, self.max_length), "probabilities"
