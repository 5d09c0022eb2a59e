"""Tagging: a label for every word. Parts of speech, named entities, slots."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import seqkit
from seqkit.errors import InputError
from seqkit.recipes.common import Classifies
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Embedding, Stack, Training

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Lexicon, Pipeline, Ragged
    from seqkit.data.sources import Role
    from seqkit.running import Forward
    from seqkit.spans import Scheme
    from seqkit.training import Objective

Tags = list[tuple[str, ...]]


def tagging(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/tagging"),
    tokens: str = "tokens",
    tags: str = "tags",
    data_dir: str | None = None,
    lowercase: bool = True,
    vocabulary_size: int = 50_000,
    min_count: int = 1,
    characters: Literal["none", "cnn", "rnn"] = "cnn",
    character_units: int = 128,
    max_word_length: int = 20,
    scheme: Literal["data", "bio", "iob1", "bioes"] = "data",
    output: Literal["softmax", "crf"] = "softmax",
    embedding: Embedding = Embedding(units=100, word_dropout=0.25),
    stack: Stack = Stack(cell="lstm", units=(160,), bidirectional=True, input_dropout=0.3, dropout=0.4),
    training: Training = Training(
        epochs=5, learning_rate=4e-3, schedule="cosine", global_clipnorm=5.0, monitor="val_accuracy"
    ),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Label every word of a sentence: many in, as many out.

    The run answers texts, which it splits, and lists of tokens or texts with tabs between their tokens, which it takes as
    they are.

    Args:
        data: Training tokens and tags: CoNLL-U, CoNLL columns, a table with lists, tfds:NAME, or in Python also (tokens,
            tags); nothing for the built-in sentences.
        valid: Validation data of the same kind; nothing for a seeded tenth of the training data.
        test: Test data of the same kind, for the report; nothing for a report on the validation data, which says so.
        out: The run folder.
        tokens: Column of the tokens: a name, or a number from 0; "tokens" is CoNLL-U's form and CoNLL's first column.
        tags: Column of the tags, likewise; "tags" is CoNLL-U's upos and CoNLL's last column.
        data_dir: Where TFDS keeps prepared data sets.
        lowercase: Whether words are looked up in lower case; characters keep theirs.
        vocabulary_size: Words to know, the most frequent first.
        min_count: How often a word must occur in the training data to be known.
        characters: What composes a word of its characters: nothing, filters or an LSTM.
        character_units: Width of that.
        max_word_length: Characters of a word that are read; of longer words the middle is left out, and they are counted.
        scheme: How tags mark spans: as the data has it, or BIO, IOB1 or BIOES, into which all tags are converted.
        output: Each tag on its own (softmax), or all of a sentence as a linear chain (crf). Either way spans are legal.
        embedding: How words become vectors; dropped words become <unknown>, which is so trained.
        stack: The recurrent layers.
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
    job = seqkit.job.Job(locals(), vocabulary_size=5, min_count=1, character_units=2, max_word_length=2)
    columns = {"tokens": tokens, "tags": tags}
    with job:
        splits = job.splits(columns, builtin=seqkit.data.sentences)
        lexicon = seqkit.data.Lexicon.build(
            seqkit.data.split(splits.train["tokens"]),
            lowercase=lowercase,
            size=vocabulary_size,
            min_count=min_count,
            longest=None if characters == "none" else max_word_length,
        )
        found = seqkit.spans.detect(splits.train["tags"])
        if scheme != "data" and found is None:
            raise InputError(f"{splits.train.origin} has tags that mark no spans: leave scheme {scheme} out.")
        written = found if scheme == "data" else scheme
        named = [
            [tag for row in _written(rows["tags"], written) for tag in row] for rows in (splits.train, splits.valid)
        ]
        classes = seqkit.data.learn_classes(named[0], named[1], splits.train.origin)
        task = Tagging(columns, lexicon, classes, written, output)
        vectors = None
        if embedding.vectors:
            vectors = seqkit.data.read_vectors(embedding.vectors, lexicon.words, seed=seed)
        model = _model(task, characters, character_units, embedding, stack, vectors)
        return job.done(task, model, splits, task.objective(training, splits.train))


def _written(tags: Sequence[Sequence[str]], scheme: Scheme | None) -> Tags:
    """The tags in a scheme, illegal sequences as conlleval reads them; a tag of no scheme stays what it is."""
    if scheme is None:
        return [tuple(row) for row in tags]
    return [
        tuple(
            new if old == seqkit.spans.OUTSIDE or seqkit.spans.TAG.fullmatch(old) else old
            for old, new in zip(row, seqkit.spans.convert(row, scheme), strict=True)
        )
        for row in tags
    ]


def _model(
    task: Tagging,
    characters: Literal["none", "cnn", "rnn"],
    character_units: int,
    embedding: Embedding,
    stack: Stack,
    vectors: np.ndarray | None,
) -> keras.Model:
    import keras

    lexicon, outputs = task.lexicon, len(task.classes)
    ids, features, mask = seqkit.layers.embed_tokens(
        len(lexicon.words), embedding, vectors, unknown=seqkit.data.UNKNOWN
    )
    inputs = ids
    if characters != "none":
        known = len(lexicon.characters) + len(seqkit.data.vocabulary.SPECIAL)
        letters, spelt = seqkit.layers.compose_characters(known, lexicon.width, characters, character_units)
        inputs, features = [ids, letters], keras.layers.Concatenate(name="word")([features, spelt])

    def chain(sequence: keras.KerasTensor) -> keras.KerasTensor:
        emissions = keras.layers.Dense(outputs, dtype="float32", name="emissions")(sequence)
        words = keras.ops.logical_and(mask, keras.ops.not_equal(ids, seqkit.data.END))
        return seqkit.layers.CRF(task.constraints, dtype="float32", name="crf")(emissions, mask=words)

    return seqkit.topologies.many_to_many(
        inputs, features, mask, outputs=outputs, stack=stack, head=chain if task.output == "crf" else None
    )


@dataclasses.dataclass(frozen=True)
class Tagging(Classifies):
    """What this recipe knows and a run doesn't (see seqkit.task.Task). Outputs are places among the classes, ragged."""

    columns: dict[str, str]
    lexicon: Lexicon
    classes: tuple[str, ...]
    scheme: Scheme | None
    output: Literal["softmax", "crf"]
    recipe = "tagging"

    @property
    def in_step(self) -> bool:
        """A chain is decoded from its end."""
        return self.output == "softmax"

    @functools.cached_property
    def constraints(self) -> np.ndarray | None:
        """Which class may follow which, (classes + 1, classes + 1)."""
        return None if self.scheme is None else seqkit.spans.legal(self.classes, self.scheme)

    def to_json(self) -> dict[str, Any]:
        tags = {"labels": list(self.classes), "scheme": self.scheme, "output": self.output}
        return self.lexicon.to_json() | tags

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        lexicon = seqkit.data.Lexicon.from_json(value)
        return cls(columns, lexicon, tuple(value["labels"]), value["scheme"], value["output"])

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy a word, or each word's share of its sentence's negative log-likelihood; and accuracy."""
        if self.output == "crf":
            return seqkit.training.Objective(seqkit.layers.crf_loss, {"accuracy": seqkit.layers.crf_accuracy})
        counts = [0] * len(self.classes)
        for row in self._encoded(train):
            for place in row:
                counts[place] += 1
        return seqkit.objectives.classification(training, counts)

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return seqkit.data.read(source, columns, role=role, data_dir=data_dir)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        import numpy as np

        columns, facts = self.lexicon.encode(seqkit.data.split(examples["tokens"]))
        if "tags" in examples.columns:
            rows = self._encoded(examples)
            lengths = np.array([len(row) for row in rows])
            places = np.concatenate(rows)
            seen = places != seqkit.data.UNSEEN
            facts["tokens"], facts["unseen_tags"] = len(places), int((~seen).sum())
            if found := self.scheme and seqkit.spans.detect(examples["tags"]):
                facts["illegal_tags"] = sum(seqkit.spans.illegal(row, found) for row in examples["tags"])
            for name, values in {"targets": np.where(seen, places, 0), "weights": seen}.items():
                columns[name] = seqkit.data.Ragged.of_lengths(values.astype(np.int32), lengths).append(0)
        widths = seqkit.data.boundaries(columns["ids"].lengths)
        return seqkit.data.Pipeline(columns, {"ids": widths}, batch_size), facts

    encode_for_training = encode

    def _encoded(self, examples: Examples) -> list[np.ndarray]:
        """Places among the classes, UNSEEN for a tag that has none."""
        return [seqkit.data.encode_labels(row, self.classes) for row in _written(examples["tags"], self.scheme)]

    def outputs(self, forward: Forward, pipeline: Pipeline) -> Ragged:
        import numpy as np

        found = seqkit.running.step_outputs(forward, pipeline, lambda batch, out: self._decode(out, batch["ids"]))
        ends = found.offsets[1:] - 1  # steps that have no tag
        return seqkit.data.Ragged.of_lengths(np.delete(found.values, ends), found.lengths - 1)

    @functools.cached_property
    def _decode(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        import tensorflow as tf

        def decode(outputs: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
            words = tf.not_equal(ids, 0) & tf.not_equal(ids, seqkit.data.END)
            return seqkit.layers.best_tags(outputs, words, chain=self.output == "crf", constraints=self.constraints)

        shapes = tf.TensorSpec([None, None, len(self.classes)], tf.float32), tf.TensorSpec([None, None], tf.int32)
        return tf.function(decode, input_signature=shapes, autograph=False)

    def _tags(self, outputs: Ragged) -> Tags:
        return [tuple(self.classes[place] for place in outputs[row]) for row in range(len(outputs))]

    def answers(self, examples: Examples, outputs: Ragged) -> list[dict[str, Any]]:
        tokens = seqkit.data.split(examples["tokens"])
        result = []
        for row, tags in enumerate(self._tags(outputs)):
            words = [tokens.types[place] for place in tokens.indices[row]]
            answer: dict[str, Any] = {"tokens": words, "tags": list(tags)}
            if self.scheme is not None:
                answer["spans"] = [
                    {"label": kind, "begin": begin, "end": end, "text": " ".join(words[begin:end])}
                    for kind, begin, end in seqkit.spans.spans(tags)
                ]
            result.append(answer)
        return result

    def scorer(self, examples: Examples, outputs: Ragged) -> Callable[[np.ndarray], dict[str, float]]:
        columns, _ = self.lexicon.encode(seqkit.data.split(examples["tokens"]))
        known = [columns["ids"][row][:-1] != seqkit.data.UNKNOWN for row in range(len(examples))]
        sums = seqkit.tag_metrics.sentence_sums(
            _written(examples["tags"], self.scheme), self._tags(outputs), known, marks_spans=self.scheme is not None
        )
        unknown = not all(row.all() for row in known)
        return lambda rows: seqkit.tag_metrics.tag_scores(sums[rows].sum(axis=0), unknown=unknown)

    def sections(self, model: keras.Model, examples: Examples, outputs: Ragged) -> dict[str, Any]:
        truth, predicted = _written(examples["tags"], self.scheme), self._tags(outputs)
        spans = {} if self.scheme is None else {"per_span": seqkit.spans.scores_by_type(truth, predicted)}
        return spans | {
            "items": "tokens",
            "confusion": seqkit.tag_metrics.tag_confusion(truth, predicted),
            "per_class": seqkit.tag_metrics.scores_by_tag(truth, predicted),
            "tag_mistakes": seqkit.tag_metrics.tag_mistakes(examples["tokens"], truth, predicted),
        }

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        tags = _written(train["tags"], self.scheme)
        return {name: kind.fit(train["tokens"], tags, self.classes) for name, kind in self._baselines().items()}

    def load_baseline(self, path: Path) -> Any:
        return self._baselines()[path.stem].load(path)

    @staticmethod
    def _baselines() -> dict[str, Any]:
        return {"most_frequent": seqkit.tag_baselines.MostFrequentTag, "linear": seqkit.tag_baselines.LinearTagger}

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Ragged:
        return baseline.predict(examples["tokens"])

    def in_keras(self) -> dict[str, Any]:
        import keras

        if self.output == "crf":
            return {"loss": seqkit.layers.crf_loss}
        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def asked(self, examples: Examples) -> tf.Tensor:
        import tensorflow as tf

        tab = seqkit.data.lexicon.TAB
        return tf.constant(
            [row if isinstance(row, str) else "".join(token + tab for token in row) for row in examples["tokens"]]
        )

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        tagger = seqkit.serving.Tagger(
            model, self.lexicon, self.classes, chain=self.output == "crf", constraints=self.constraints
        )
        return tagger, "tag_ids"
