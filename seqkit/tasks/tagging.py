"""Tagging: a label for every word. Parts of speech, named entities, slots."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.taggers import LinearTagger, MostFrequentTag
from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.export.description import LABELS, TOKENIZER, Description, chain_fields
from seqkit.export.serving import Tagger
from seqkit.layers.characters import beside_words, character_input, compose_characters
from seqkit.layers.crf import CRF, best_tags, crf_loss, tag_probabilities, unpack
from seqkit.layers.embedding import OF_TAGGERS, embed_tokens
from seqkit.metrics.judged import Items, Judged, of_names, of_ranks, of_sizes
from seqkit.metrics.sums import Summed, summed
from seqkit.metrics.tags import scores_by_tag, sentence_sums, tag_confusion, tag_mistakes, tag_scores
from seqkit.runs.task import Baseline, Facts
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits
from seqkit.tasks.roles import Baselines, Inputs, Outputs, Scores
from seqkit.text.labels import UNSEEN, count_labels, encode_labels, learn_classes
from seqkit.text.lexicon import Lexicon, split_tokens
from seqkit.text.spans import Span, scores_by_type
from seqkit.text.tag_schemes import Tags, TagScheme, detect
from seqkit.text.vocabulary import END, SPECIAL, UNKNOWN
from seqkit.topologies.many_to_many import many_to_many
from seqkit.training.executor import Forward, step_outputs
from seqkit.training.objectives import Objective, classification

PAIRED = 2_000  # tags of which pairs are scored: each row of a batch holds a table of them


def in_scheme(tags: Sequence[Sequence[str]], scheme: TagScheme | None) -> Tags:
    """The tags as the scheme writes them; without one, and strays, they stay what they are."""
    return [tuple(row) for row in tags] if scheme is None else scheme.convert(tags)


def learn_scheme(train: Examples, scheme: str) -> TagScheme | None:
    """The scheme in which a model is to write tags: that of the training data ("data"), or another one of that name.

    Raises:
        InputError: Another one is wanted, where the tags mark no spans.
    """
    found = detect(train["tags"])
    if scheme != "data" and found is None:
        raise InputError(f"{train.origin} has tags that mark no spans: leave scheme {scheme} out.")
    return found if scheme == "data" or found is None else found.named(scheme)


def learn_tags(splits: Splits, scheme: TagScheme | None) -> tuple[str, ...]:
    """The tags of training and validation rows, as the scheme writes them."""
    named = [[tag for row in in_scheme(rows["tags"], scheme) for tag in row] for rows in (splits.train, splits.valid)]
    return learn_classes(named[0], named[1], splits.train.origin)


def build_tagger(
    task: Tagging,
    characters: Literal["none", "cnn", "rnn"],
    character_units: int,
    embedding: Embedding,
    stack: Stack,
    vectors: np.ndarray | None,
    scores: Callable[[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor], keras.KerasTensor] | None = None,
    read: Callable[[keras.KerasTensor], Sequence[keras.KerasTensor]] | None = None,
) -> keras.Model:
    """From words, and their characters, to logits of the classes at each step, or to what a `CRF` makes of them.

    Args:
        read: From the characters, int32 (batch, steps, width), to further vectors of words, (batch, steps, units) each.
        scores: From the stack's output, float (batch, steps, width), the mask and where rows end, bool (batch, steps), to
            these logits, where they are not one affine map of the first.
    """
    lexicon, outputs = task.lexicon, len(task.classes)
    pairs = "output crf scores each pair" if task.output == "crf" else "a scheme of spans allows or forbids each pair"
    if outputs > PAIRED and (task.output == "crf" or task.scheme is not None):
        raise InputError(
            f"The data has {outputs:,} different tags, and {pairs} of them: expected {PAIRED:,} at most. Check the column "
            "of the tags, or join some."
        )
    ids, features, mask = embed_tokens(len(lexicon.words), embedding, vectors, unknown=UNKNOWN, spread=OF_TAGGERS)
    inputs, at_end = ids, keras.ops.equal(ids, END)
    if lexicon.characters:
        letters, known = character_input(lexicon.width), len(lexicon.characters) + len(SPECIAL)
        spelt = [] if characters == "none" else [compose_characters(letters, known, characters, character_units)]
        inputs, features = [ids, letters], beside_words(features, *spelt, *(read(letters) if read else ()))

    def head(sequence: keras.KerasTensor) -> keras.KerasTensor:
        if scores is not None:
            emissions = scores(sequence, mask, at_end)
        else:
            name = "emissions" if task.output == "crf" else "logits"
            emissions = keras.layers.Dense(outputs, dtype="float32", name=name)(sequence)
        if task.output == "softmax":
            return emissions
        words = keras.ops.logical_and(mask, keras.ops.logical_not(at_end))
        return CRF(task.constraints, dtype="float32", name="crf")(emissions, mask=words)

    return many_to_many(inputs, features, mask, outputs=outputs, stack=stack, head=head)


@dataclasses.dataclass(frozen=True)
class Tagging(Inputs, Outputs, Scores, Baselines):
    """What this recipe knows and a run doesn't. Outputs are places among the classes, ragged.

    Attributes:
        contextual: Whether language models read the sentence by characters, which a step of words says nothing of.
    """

    columns: dict[str, str]
    lexicon: Lexicon
    classes: tuple[str, ...]
    scheme: TagScheme | None
    output: Literal["softmax", "crf"]
    contextual: bool = dataclasses.field(default=False, kw_only=True)
    splits_texts = False
    recipe = "tagging"
    judged_by = "token_accuracy"

    @property
    def in_step(self) -> bool:
        """A chain is decoded from its end."""
        return self.output == "softmax" and not self.contextual

    @property
    def metrics(self) -> tuple[str, ...]:
        spans = () if self.scheme is None else ("span_f1", "span_precision", "span_recall")
        return (*spans, "token_accuracy", "known_token_accuracy", "unknown_token_accuracy")

    @property
    def monitor(self) -> str:
        """Of tags on their own that mark no spans, the accuracy that is counted anyway."""
        return "val_accuracy" if self.output == "softmax" and self.scheme is None else super().monitor

    @functools.cached_property
    def constraints(self) -> np.ndarray | None:
        """Which class may follow which, (classes + 1, classes + 1)."""
        return None if self.scheme is None else self.scheme.legal(self.classes)

    def to_json(self) -> dict[str, Any]:
        scheme = None if self.scheme is None else self.scheme.to_json()
        own = {"labels": list(self.classes), "scheme": scheme, "output": self.output, "contextual": self.contextual}
        return self.lexicon.to_json() | own

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        lexicon = Lexicon.from_json(value)
        scheme = None if value["scheme"] is None else TagScheme.from_json(value["scheme"])
        contextual = value.get("contextual", False)  # none was, up to version 0.17
        return cls(columns, lexicon, tuple(value["labels"]), scheme, value["output"], contextual=contextual)

    def examined(self, examples: Examples) -> Examples:
        """Tags in another scheme than the model's are read as they are meant, and that is said."""
        rows = examples["tags"]
        if self.scheme is None or (theirs := self.scheme.of(rows)) == self.scheme:
            return examples
        what = f"{examples.origin} marks spans by {theirs}, the model by {self.scheme}: the tags are converted"
        return examples.noting(Finding("converted_tags", "note", what))

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy a word, and accuracy; or each word's share of its sentence's negative log-likelihood."""
        if self.output == "crf":
            return Objective(crf_loss, {})  # how many tags are right only a search can say
        tags = itertools.chain.from_iterable(in_scheme(train["tags"], self.scheme))
        return classification(training, count_labels(tags, self.classes))

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        columns, facts = self.lexicon.encode(split_tokens(examples["tokens"]))
        if "tags" in examples.columns:
            rows = in_scheme(examples["tags"], self.scheme)
            lengths = np.array([len(row) for row in rows])
            places = encode_labels(list(itertools.chain.from_iterable(rows)), self.classes)
            seen = places != UNSEEN
            facts["tokens"], facts["unseen_tags"] = len(places), int((~seen).sum())
            if self.scheme is not None:
                facts["illegal_tags"] = self.scheme.of(examples["tags"]).illegal(examples["tags"])
            for name, values in {"targets": np.where(seen, places, 0), "weights": seen}.items():
                columns[name] = Ragged.of_lengths(values.astype(np.int32), lengths).append(0)
        widths = boundaries(columns["ids"].lengths)
        return Pipeline(columns, {"ids": widths}, batch_size), facts

    def words(self, examples: Examples) -> list[list[str]]:
        tokens = split_tokens(examples["tokens"])
        return [[tokens.types[place] for place in tokens.indices[row]] for row in range(len(examples))]

    def shares(self, outputs: Any, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Of a chain the emissions, and how probable each tag is over all paths."""
        if self.output == "softmax":
            return outputs, tf.nn.softmax(outputs)
        logits, ids = unpack(outputs)[0], batch["ids"]
        words = tf.not_equal(ids, 0) & tf.not_equal(ids, END)
        chained = tag_probabilities(outputs, words, chain=True)
        return logits, tf.where(words[:, :, None], chained, tf.nn.softmax(logits))

    def outputs(self, forward: Forward, pipeline: Pipeline) -> Any:
        return without_ends(step_outputs(forward, pipeline, lambda batch, out: self._decode(out, batch["ids"])))

    @functools.cached_property
    def _decode(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        def decode(outputs: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
            words = tf.not_equal(ids, 0) & tf.not_equal(ids, END)
            return best_tags(outputs, words, chain=self.output == "crf", constraints=self.constraints)

        shapes = tf.TensorSpec([None, None, len(self.classes)], tf.float32), tf.TensorSpec([None, None], tf.int32)
        graph: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.function(
            decode, input_signature=shapes, autograph=False
        )
        return graph

    def predicted_with_notes(
        self, forward: Forward, examples: Examples, rows: Pipeline
    ) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
        """The answers, with how probable each tag is; and of each sentence how many words were shortened or are unknown."""
        found = step_outputs(forward, rows, lambda batch, out: self._decode_with_probabilities(out, batch["ids"]))
        ends = found.offsets[1:] - 1
        lengths, kept = found.lengths - 1, np.delete(found.values, ends, axis=0).reshape(-1, 2)
        tags, sure = Ragged.of_lengths(kept[:, 0].astype(np.int32), lengths), Ragged.of_lengths(kept[:, 1], lengths)
        answers = [
            {**answer, "probabilities": [round(float(one), 6) for one in sure[row]]}
            for row, answer in enumerate(self.answers(examples, tags))
        ]
        return answers, self.noticed(examples)

    def noticed(self, examples: Examples) -> list[dict[str, int]]:
        """Of each sentence how many words were shortened or are unknown."""
        cut, unknown = self.lexicon.unread(split_tokens(examples["tokens"]))
        return [{"cut_words": int(one), "unknown_words": int(other)} for one, other in zip(cut, unknown, strict=True)]

    @functools.cached_property
    def _decode_with_probabilities(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        def decode(outputs: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
            words = tf.not_equal(ids, 0) & tf.not_equal(ids, END)
            tags = best_tags(outputs, words, chain=self.output == "crf", constraints=self.constraints)
            every = tag_probabilities(outputs, words, chain=self.output == "crf")
            return tf.stack([tf.cast(tags, tf.float32), tf.gather(every, tags, batch_dims=2)], axis=-1)

        shapes = tf.TensorSpec([None, None, len(self.classes)], tf.float32), tf.TensorSpec([None, None], tf.int32)
        graph: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.function(
            decode, input_signature=shapes, autograph=False
        )
        return graph

    def _tags(self, outputs: Ragged) -> Tags:
        return [tuple(self.classes[place] for place in outputs[row]) for row in range(len(outputs))]

    def _spans(self, truth: Tags, predicted: Tags) -> tuple[list[list[Span]], list[list[Span]]] | None:
        """Those of truth and prediction, where tags mark any."""
        if self.scheme is None:
            return None
        return [self.scheme.spans(row) for row in truth], [self.scheme.spans(row) for row in predicted]

    def answers(self, examples: Examples, outputs: Any) -> list[dict[str, Any]]:
        tokens = split_tokens(examples["tokens"])
        result = []
        for row, tags in enumerate(self._tags(outputs)):
            given = examples["tokens"][row]
            words = [tokens.types[place] for place in tokens.indices[row]] if isinstance(given, str) else list(given)
            answer: dict[str, Any] = {"tokens": words, "tags": list(tags)}
            if self.scheme is not None:
                answer["spans"] = [
                    {"label": kind, "begin": begin, "end": end, "text": " ".join(words[begin:end])}
                    for kind, begin, end in self.scheme.spans(tags)
                ]
            result.append(answer)
        return result

    def truths(self, examples: Examples) -> Tags:
        return in_scheme(examples["tags"], self.scheme)

    def scorer(self, examples: Examples, outputs: Any) -> Summed:
        columns, _ = self.lexicon.encode(split_tokens(examples["tokens"]))
        known = [columns["ids"][row][:-1] != UNKNOWN for row in range(len(examples))]
        truth, predicted = in_scheme(examples["tags"], self.scheme), self._tags(outputs)
        sums = sentence_sums(truth, predicted, known, self._spans(truth, predicted))
        unknown = not all(row.all() for row in known)
        return summed([sums], tag_scores, unknown=unknown)

    def items(self, examples: Examples) -> Items:
        """Tokens."""
        truths = in_scheme(examples["tags"], self.scheme)
        lengths = np.array([len(row) for row in truths])
        ids = self.lexicon.encode(split_tokens(examples["tokens"]))[0]["ids"]
        ids = np.delete(ids.values, ids.offsets[1:] - 1)
        ranks = np.where(ids == UNKNOWN, -1, ids - len(SPECIAL))
        traits = {
            "label": of_names([tag for row in truths for tag in row]),
            "length": of_sizes(np.repeat(lengths, lengths)),
            "word": of_ranks(ranks),
        }
        return Items(np.repeat(np.arange(len(lengths)), lengths), traits)

    def judged(self, examples: Examples, outputs: Any) -> Judged:
        truths = itertools.chain.from_iterable(in_scheme(examples["tags"], self.scheme))
        said = [tag for row in self._tags(outputs) for tag in row]
        return Judged(np.array([tag == truth for tag, truth in zip(said, truths, strict=True)], float), said)

    def sections(self, model: keras.Model, examples: Examples, outputs: Any) -> dict[str, Any]:
        truth, predicted = in_scheme(examples["tags"], self.scheme), self._tags(outputs)
        spans = self._spans(truth, predicted)
        by_type = {} if spans is None else {"per_span": scores_by_type(*spans)}
        return by_type | {
            "items": "tokens",
            "confusion": tag_confusion(truth, predicted),
            "per_class": scores_by_tag(truth, predicted),
            "tag_mistakes": tag_mistakes(examples["tokens"], truth, predicted),
        }

    def baselines(self) -> Mapping[str, Any]:
        return {"most_frequent": MostFrequentTag, "linear": LinearTagger}

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        tags = in_scheme(train["tags"], self.scheme)
        return {
            name: functools.partial(kind.fit, train["tokens"], tags, self.classes)
            for name, kind in self.baselines().items()
        }

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Any:
        return baseline.predict(examples["tokens"])

    def in_keras(self) -> dict[str, Any]:
        if self.output == "crf":
            return {"loss": crf_loss}
        return super().in_keras()

    def description(self, model: keras.Model) -> Description:
        labels = {
            LABELS: list(self.classes),
            "scheme": None if self.scheme is None else self.scheme.to_json(),
            "constraints": None if self.constraints is None else self.constraints.tolist(),
        }
        return Description("tag", {"decoding": self.output}, {TOKENIZER: self.lexicon}, labels | chain_fields(model))

    def serving(self, model: keras.Model) -> tf.Module:
        return Tagger(model, self.lexicon, self.classes, chain=self.output == "crf", constraints=self.constraints)


def without_ends(found: Ragged) -> Ragged:
    """The rows without their last steps, which have no tag."""
    return Ragged.of_lengths(np.delete(found.values, found.offsets[1:] - 1), found.lengths - 1)
