"""Intents and slots: a tag for each word of a sentence, and a label for the whole of it."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from seqkit.baselines.pairs import LinearPair, MostFrequentPair
from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Stack, Training
from seqkit.export.description import Description
from seqkit.export.serving import TaggerAndClassifier
from seqkit.layers.crf import crf_loss, unpack
from seqkit.layers.row_label import tags_and_label
from seqkit.metrics.classification import calibration_bins, classification_scorer, macro, per_class
from seqkit.metrics.confusion import confused_rows, confusion
from seqkit.metrics.judged import Items, Judged, of_names, of_sizes, row_gains
from seqkit.metrics.pairs import pair_scorer
from seqkit.metrics.sums import Summed
from seqkit.runs.task import Baseline, Facts
from seqkit.sources.examples import Examples
from seqkit.sources.labels import named_as
from seqkit.tasks.classes import MISTAKES
from seqkit.tasks.tagging import Tagging, in_scheme, without_ends
from seqkit.text.labels import UNSEEN, count_labels, encode_labels, with_unseen
from seqkit.text.vocabulary import END
from seqkit.training.executor import Forward, step_outputs
from seqkit.training.objectives import Objective, classification


class Found(NamedTuple):
    """What was found of rows.

    Attributes:
        tags: Places among the tags, ragged.
        probabilities: Of the labels, float (rows, labels).
    """

    tags: Ragged
    probabilities: np.ndarray


@dataclasses.dataclass(frozen=True)
class IntentsAndSlots(Tagging):
    """What this recipe knows and a run doesn't: a tagger of which the end of a row, a step too, has the row's label.

    Attributes:
        classes: The tags, and behind them the labels.
        labels: That are chosen among for a row.
        label_weight: Words for which a row's label counts in the loss.
    """

    labels: tuple[str, ...]
    label_weight: float
    recipe = "intents_and_slots"
    judged_by = "exact_match"
    in_step = False

    @property
    def tags(self) -> tuple[str, ...]:
        """That are chosen among for a word."""
        return self.classes[: len(self.classes) - len(self.labels)]

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("exact_match", "accuracy", "macro_f1", "log_loss", "calibration_error", *super().metrics)

    @property
    def monitor(self) -> str:
        return "exact_match"

    @functools.cached_property
    def constraints(self) -> np.ndarray | None:
        """Which tag may follow which, and that no label may follow or be followed: (classes + 1, classes + 1)."""
        tags, classes = len(self.tags), len(self.classes)
        if self.scheme is None and self.output == "softmax":
            return None
        own = np.ones((tags + 1, tags + 1), bool) if self.scheme is None else self.scheme.legal(self.tags)
        whole = np.zeros((classes + 1, classes + 1), bool)
        places = np.array([*range(tags), classes])
        whole[np.ix_(places, places)] = own
        return whole

    def scores(self, stack: Stack, pooling: str) -> Callable[..., keras.KerasTensor]:
        """How the output of a stack is scored, as `build_tagger` takes it."""
        sizes = {"tags": len(self.tags), "labels": len(self.labels)}
        return functools.partial(tags_and_label, **sizes, stack=stack, pooling=pooling)

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {
            "labels": list(self.tags),
            "row_labels": list(self.labels),
            "label_weight": self.label_weight,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        tagger, labels = Tagging.from_json(value, columns), tuple(value["row_labels"])
        classes = (*tagger.classes, *labels)
        return cls(columns, tagger.lexicon, classes, tagger.scheme, tagger.output, labels, value["label_weight"])

    def examined(self, examples: Examples) -> Examples:
        return super().examined(named_as(examples, "label", self.labels))

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy of each word's tag and of the row's label; or in place of the tags' their share of a chain's.

        How many are right is counted for either apart, by the scorer.
        """
        if self.output == "crf":
            return Objective(functools.partial(chain_and_label_loss, tags=len(self.tags)), {})
        tags = itertools.chain.from_iterable(in_scheme(train["tags"], self.scheme))
        counts = [*count_labels(tags, self.tags), *count_labels(train["label"], self.labels)]
        return dataclasses.replace(classification(training, counts), measures={})

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        rows, facts = super().encode(examples, batch_size)
        if "label" not in examples.columns:
            return rows, facts
        labels = encode_labels(examples["label"], self.labels)
        seen: np.ndarray = labels != UNSEEN
        columns: dict[str, Any] = dict(rows.columns)
        ends = columns["ids"].offsets[1:] - 1
        targets, weights = (columns[name] for name in ("targets", "weights"))
        places, weighed = targets.values.copy(), weights.values.astype(np.float32)
        places[ends] = len(self.tags) + np.where(seen, labels, 0)
        weighed[ends] = np.where(seen, self.label_weight, 0.0)
        columns |= {"targets": Ragged(places, targets.offsets), "weights": Ragged(weighed, weights.offsets)}
        return dataclasses.replace(rows, columns=columns), facts | {"unseen_labels": int((~seen).sum())}

    def asked_step(self, probabilities: np.ndarray, words: np.ndarray) -> int:
        """The end, which has the row's label."""
        return len(probabilities) - 1

    def outputs(self, forward: Forward, pipeline: Pipeline) -> Found:
        probabilities = np.zeros((pipeline.rows, len(self.labels)))

        def keep(batch: dict[str, tf.Tensor], out: tf.Tensor) -> tf.Tensor:
            scores = unpack(out)[0] if self.output == "crf" else out
            at_end = tf.equal(batch["ids"], END)  # of each row once
            logits = tf.boolean_mask(scores[..., len(self.tags) :], at_end)
            probabilities[batch["rows"].numpy()] = softmax(logits.numpy(), axis=-1)
            return self._decode(out, batch["ids"])

        return Found(without_ends(step_outputs(forward, pipeline, keep)), probabilities)

    def answers(self, examples: Examples, outputs: Found) -> list[dict[str, Any]]:
        return [
            {
                "label": self.labels[int(row.argmax())],
                "probabilities": {name: round(float(share), 6) for name, share in zip(self.labels, row, strict=True)},
            }
            | answer
            for row, answer in zip(outputs.probabilities, super().answers(examples, outputs.tags), strict=True)
        ]

    def predicted_with_notes(
        self, forward: Forward, examples: Examples, rows: Pipeline
    ) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
        """The answers, with how probable each label is; and what was not read."""
        return self.answers(examples, self.outputs(forward, rows)), self.noticed(examples)

    def items(self, examples: Examples) -> Items:
        """The rows: where either is wrong, the row is."""
        lengths = np.array([len(row) for row in examples["tokens"]], np.int64)
        traits = {"length": of_sizes(lengths), "label": of_names(list(examples["label"]))}
        return Items(np.arange(len(examples)), traits)

    def judged(self, examples: Examples, outputs: Found) -> Judged:
        said = [f"{answer['label']}: {' '.join(answer['tags'])}" for answer in self.answers(examples, outputs)]
        return Judged(row_gains(self.scorer(examples, outputs), len(examples), "exact_match"), said)

    def truths(self, examples: Examples) -> list[tuple[str, ...]]:
        """Of each row its tags and its label."""
        return [(*tags, label) for tags, label in zip(super().truths(examples), examples["label"], strict=True)]

    def scorer(self, examples: Examples, outputs: Found) -> Summed:
        names = with_unseen(examples["label"], self.labels)
        labels = encode_labels(examples["label"], names)
        of_labels = classification_scorer(labels, outputs.probabilities)
        of_tags = super().scorer(examples, outputs.tags)
        truth, predicted = super().truths(examples), self._tags(outputs.tags)
        tagged = np.array([own == found for own, found in zip(truth, predicted, strict=True)], bool)
        return pair_scorer(tagged & (outputs.probabilities.argmax(axis=1) == labels), of_labels, of_tags)

    def sections(self, model: keras.Model, examples: Examples, outputs: Found) -> dict[str, Any]:
        """Of the labels, but for each type of span and the mistakes in tags."""
        of_tags = super().sections(model, examples, outputs.tags)
        names, shares = with_unseen(examples["label"], self.labels), outputs.probabilities
        labels, predicted = encode_labels(examples["label"], names), shares.argmax(axis=1)
        order = (-shares.max(axis=1)).argsort(kind="stable")
        wrong = [int(row) for row in order if predicted[row] != labels[row]][:MISTAKES]
        return {name: of_tags[name] for name in ("per_span", "tag_mistakes") if name in of_tags} | {
            "macro": macro(labels, predicted),
            "per_class": per_class(labels, predicted, names),
            "confusion": confusion(labels, predicted, names),
            "confused_rows": confused_rows(
                labels, predicted, names, [" ".join(row) for row in examples["tokens"]], shares.max(axis=1)
            ),
            "calibration": calibration_bins(labels, shares),
            "mistakes": [
                {
                    "text": " ".join(examples["tokens"][row]),
                    "label": examples["label"][row],
                    "predicted": self.labels[predicted[row]],
                    "confidence": float(shares[row].max()),
                }
                for row in wrong
            ],
        }

    def baselines(self) -> Mapping[str, Any]:
        return {"most_frequent": MostFrequentPair, "linear": LinearPair}

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        tags, classes = in_scheme(train["tags"], self.scheme), (self.tags, self.labels)
        return {
            name: functools.partial(kind.fit, train["tokens"], tags, train["label"], classes)
            for name, kind in self.baselines().items()
        }

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Found:
        return Found(*baseline.answer(examples["tokens"]))

    def in_keras(self) -> dict[str, Any]:
        if self.output == "crf":
            return {"loss": functools.partial(chain_and_label_loss, tags=len(self.tags))}
        return super().in_keras()

    def description(self, model: keras.Model) -> Description:
        own = super().description(model)
        return dataclasses.replace(own, kind="tag_and_label", fields={**own.fields, "tags": len(self.tags)})

    def serving(self, model: keras.Model) -> tf.Module:
        return TaggerAndClassifier(
            model, self.lexicon, self.tags, self.labels, chain=self.output == "crf", constraints=self.constraints
        )


def chain_and_label_loss(targets: tf.Tensor, outputs: tf.Tensor, *, tags: int) -> tf.Tensor:
    """Each word's share of its sentence's negative log-likelihood (`crf_loss`); where the target is a label its
    cross-entropy.

    Args:
        targets: int, (batch, steps); from `tags` on they are labels.
        outputs: float, (batch, classes + 1 + steps, classes), of a `CRF` over what `tags_and_label` gives.
    Returns:
        float, (batch, steps).
    """
    targets = tf.cast(targets, tf.int32)  # Keras makes floats of them
    of_labels = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, unpack(outputs)[0])
    return tf.where(targets >= tags, of_labels, crf_loss(targets, outputs))
