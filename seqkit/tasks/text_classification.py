"""A text in, one label out: a task for any recipe that says so with its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.classifiers import LinearTfidf, Majority, NaiveBayesLinear
from seqkit.batches.derived import with_end
from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.wide import Wide
from seqkit.export.description import LABELS, TOKENIZER, Description
from seqkit.export.serving import TextClassifier
from seqkit.layers.wide import TABLE, Runs, wide_logits, word_shares
from seqkit.runs.task import Baseline, Facts
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits
from seqkit.sources.units import check_unit
from seqkit.tasks.classes import ClassOfARow
from seqkit.tasks.roles import Baselines
from seqkit.tasks.two_paths import both_paths, fit_wide, spelling_of, weigh
from seqkit.text.labels import count_labels, learn_classes
from seqkit.text.tokenizer import Unit
from seqkit.text.vocabulary import END, UNKNOWN, Vocabulary
from seqkit.training.executor import Forward, row_outputs
from seqkit.training.objectives import balanced_weights

RUN = 2  # tokens of the longest run of a wide path
WEIGHTS = 1 << 22  # of the runs of one length
CHARACTERS, FEW = 5, 10_000  # of the longest run within a word, where there are at most so many training texts
WEIGHED, AT_ONCE = 20_000, 64  # rows that are asked for the weights of paths, and at once
WIDE_CLASSES = 256  # that have a wide path


class LabelBaselines(Baselines):
    """The most frequent label, and two linear models on one and two words: of TF-IDF, and of naive Bayes log-ratios."""

    classes: tuple[str, ...]

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"majority": Majority, "linear": LinearTfidf, "naive_bayes": NaiveBayesLinear}

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "majority": lambda: Majority.fit(train["label"], self.classes),
            "linear": lambda: LinearTfidf.fit(train["text"], train["label"], self.classes),
            "naive_bayes": lambda: NaiveBayesLinear.fit(train["text"], train["label"], self.classes),
        }

    def baseline_outputs(self, baseline: Majority | LinearTfidf | NaiveBayesLinear, examples: Examples) -> np.ndarray:
        return baseline.probabilities(examples["text"])


@dataclasses.dataclass(frozen=True)
class TextClassification(LabelBaselines, ClassOfARow):
    """Many tokens in, one label out.

    Attributes:
        columns: "text" and "label" -> their columns.
        vocabulary: The tokens that are known.
        classes: The labels.
        max_length: Tokens of a text that are read, its end among them.
        recipe: A subclass has the name of its own.
    Example:
        >>> from seqkit.tasks.text_classification import TextClassification
        >>> class Spam(TextClassification):
        ...     recipe = "spam"
        >>> task = Spam({"text": "mail", "label": "kind"}, run.task.vocabulary, ("ham", "spam"), max_length=200)
        >>> task.fields, task.metrics
        (('text',), ('accuracy', 'macro_f1', 'log_loss', 'calibration_error'))
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    max_length: int
    recipe: ClassVar[str] = "text_classification"

    @classmethod
    def learn(
        cls,
        splits: Splits,
        *,
        unit: Unit = "word",
        lowercase: bool = True,
        columns: dict[str, str] | None = None,
        vocabulary_size: int = 20_000,
        min_count: int = 1,
        max_length: int = 1_000,
        known: Vocabulary | None = None,
    ) -> Self:
        """Of the training rows the vocabulary, where none is known; of these and the validation rows the classes."""
        vocabulary = known or splits.vocabulary(
            "vocabulary",
            splits.train["text"],
            unit=unit,
            lowercase=lowercase,
            vocabulary_size=vocabulary_size,
            min_count=min_count,
        )
        classes = learn_classes(splits.train["label"], splits.valid["label"], splits.train.origin)
        task = cls(columns or {"text": "text", "label": "label"}, vocabulary, classes, max_length)
        task.check_scored(splits)
        return task

    def to_json(self) -> dict[str, Any]:
        return self.vocabulary.to_json() | {"labels": list(self.classes), "max_length": self.max_length}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = Vocabulary.from_json(value)
        return cls(columns, vocabulary, tuple(value["labels"]), value["max_length"])

    def examined(self, examples: Examples) -> Examples:
        return check_unit(super().examined(examples), "text", self.vocabulary.tokenizer.unit)

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        return {"text": self.vocabulary}

    def wide_path(self, ids: keras.KerasTensor, wide: Wide) -> keras.KerasTensor | None:
        """Scores of the runs of tokens that ids hold, float32 (batch, classes); nothing where there is to be no such path.

        Args:
            ids: int32, (batch, steps).
        """
        runs = self._runs(wide)
        return None if runs is None else wide_logits(ids, runs, outputs=len(self.classes))

    def class_weights(self, train: Examples) -> np.ndarray:
        """For how many rows one of each class counts where rare ones are to count as much: float64, (classes,)."""
        return balanced_weights(count_labels(train["label"], self.classes))

    def fit_wide(self, model: keras.Model, train: Examples, wide: Wide, weights: np.ndarray | None = None) -> None:
        """Fit that path to what is read of the training texts; a model without one is left as it is.

        Args:
            weights: Of the classes, float (classes,), where they count otherwise than alike.
        """
        if runs := self._runs(wide):
            longest = self._spelt(wide, len(train))
            spelling = spelling_of(self.vocabulary.tokens, longest) if longest else None
            read = self.ids(train, "text").cut(self.max_length - 1)  # one place is the end's
            fit_wide(model, read, self.labels(train), runs, spelling, weights)

    def weigh_paths(
        self, model: keras.Model, valid: Examples, weights: np.ndarray | None = None
    ) -> dict[str, dict[str, float]]:
        """Give what a model's two paths say the weights with which their sum has the least loss on these rows, or on some of
        very many.

        Args:
            weights: As in `fit_wide`.
        Returns:
            The weights, as "paths"; nothing for a model of one path, which is left as it is.
        """
        if (both := both_paths(model)) is None:
            return {}
        valid = valid.take(range(0, len(valid), -(-len(valid) // WEIGHED)), valid.origin)
        rows, _ = self.encode(valid, AT_ONCE)
        return {"paths": weigh(model, row_outputs(Forward(both), rows), self.labels(valid), weights)}

    def wide_shares(self, model: keras.Model, ids: np.ndarray, choice: int, wide: Wide) -> np.ndarray | None:
        """What each word adds to a label's score by the wide path, exactly: float, (words,); nothing without such a path.

        Args:
            ids: int, (words,), without an end.
        """
        runs = self._runs(wide)
        if runs is None or all(layer.name != TABLE for layer in model.layers):
            return None
        return word_shares(ids, runs, model.get_layer(TABLE).get_weights()[0][:, choice])

    def _spelt(self, wide: Wide, texts: int) -> int:
        """Characters of the longest run by which words are fitted."""
        if wide.characters is not None:
            return wide.characters
        return CHARACTERS if texts <= FEW and self.vocabulary.tokenizer.unit != "character" else 0

    def _runs(self, wide: Wide) -> Runs | None:
        if wide.ngrams and len(self.classes) > WIDE_CLASSES:
            raise InputError(
                f"wide.ngrams is {wide.ngrams}, but a run of tokens would have a weight for each of {len(self.classes):,} "
                f"classes, and {WIDE_CLASSES} are the most: leave it out, or choose 0."
            )
        longest = wide.ngrams if wide.ngrams is not None else RUN if len(self.classes) <= WIDE_CLASSES else 0
        most = min(wide.buckets, WEIGHTS // len(self.classes))
        return Runs.of(len(self.vocabulary), longest, most) if longest else None

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        ids = self.ids(examples, "text", cache="label" in examples.columns)  # what a user asks to predict is not kept
        facts = {
            "empty_texts": int((ids.lengths == 0).sum()),
            "cut_texts": int((ids.lengths >= self.max_length).sum()),
            "unknown_token_share": ids.share(UNKNOWN),
        }
        # The end token makes a row of an empty text too; a text that is too long is cut before it.
        read = with_end(ids, END, longest=self.max_length)
        targets, more = self.targets(examples)
        return Pipeline({"ids": read, **targets}, {"ids": boundaries(read.lengths)}, batch_size), facts | more

    def predicted_with_notes(
        self, forward: Forward, examples: Examples, rows: Pipeline
    ) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
        """The answers, and of each text how many tokens were cut off and how many are unknown."""
        ids = self.ids(examples, "text", cache=False)
        cut = np.maximum(ids.lengths - (self.max_length - 1), 0)  # one place is the end's
        unknown = Ragged((ids.values == UNKNOWN).astype(np.int64), ids.offsets).sums()
        noticed = [
            {"cut_tokens": int(many), "unknown_tokens": int(strange)}
            for many, strange in zip(cut, unknown, strict=True)
        ]
        return self.answers(examples, self.outputs(forward, rows)), noticed

    def description(self, model: keras.Model) -> Description:
        fields = {"max_length": self.max_length}
        return Description("classify_text", fields, {TOKENIZER: self.vocabulary}, {LABELS: list(self.classes)})

    def serving(self, model: keras.Model) -> tf.Module:
        return TextClassifier(model, self.vocabulary, self.classes, self.max_length)
