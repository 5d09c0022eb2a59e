"""The four roles of `seqkit.runs.task` with what most tasks say alike: a task is made of one of each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Column
from seqkit.batches.rows import Rows
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Training
from seqkit.export.description import Description
from seqkit.metrics.judged import Items, Judged, of_names, of_ranks, of_sizes, row_gains
from seqkit.metrics.metric import headlines
from seqkit.runs.task import Baseline, Facts
from seqkit.sources.examples import Examples, Role
from seqkit.sources.reading import read
from seqkit.sources.streams import inputs_of
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import SPECIAL, UNKNOWN, Vocabulary
from seqkit.training.objectives import Objective

RAREST = 1 << 30  # as the rank of an unknown word


class Inputs:
    """Rows of tables, of which the first column is asked by.

    Attributes:
        splits_texts: Whether a preparation splits texts, for a vocabulary or for ids: that others may do.
    Example:
        >>> from seqkit.tasks.roles import Inputs
        >>> isinstance(run.task, Inputs), run.task.fields
        (True, ('text',))
        >>> len(run.task.read("others.tsv", run.task.columns))
        20
    """

    columns: dict[str, str]
    splits_texts: ClassVar[bool] = True

    @property
    def fields(self) -> tuple[str, ...]:
        return (next(iter(self.columns)),)

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return read(source, columns, role=role, data_dir=data_dir)

    def examined(self, examples: Examples) -> Examples:
        """Rows that were read, as they are."""
        return examples

    def inputs_of(self, file: str, columns: dict[str, str]) -> Iterator[Sequence[Any]]:
        return inputs_of(file, columns)

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        """Field of texts -> what makes ids of them."""
        return {}

    def ids(self, examples: Examples, field: str, *, cache: bool = True) -> Ragged:
        """The ids of a field's texts: those that were prepared, or else of the texts, split now.

        Args:
            cache: Whether the split texts are kept for the next time.
        """
        vocabulary = self.vocabularies[field]
        prepared = examples.prepared.get(_ids_of(field, vocabulary))
        if isinstance(prepared, Ragged):
            return prepared
        return vocabulary.encode(tokenize(examples[field], vocabulary.tokenizer, cache=cache))

    def prepared(self, examples: Examples, start: int, stop: int) -> dict[str, np.ndarray | Ragged]:
        rows = examples.take(range(start, stop), examples.origin)
        return {
            _ids_of(field, vocabulary): small(self.ids(rows, field, cache=False), len(vocabulary))
            for field, vocabulary in self.vocabularies.items()
        }

    def encode(self, examples: Examples, batch_size: int) -> tuple[Rows, Facts]:
        raise NotImplementedError

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Any, Facts]:
        return self.encode(examples, batch_size)

    def opened(self, examples: Examples) -> Any:
        """Rows as a pipeline, to be looked at one by one (`Run.inspect`)."""
        return self.encode(examples, len(examples))[0]

    def words(self, examples: Examples) -> list[list[str]]:
        """What each row is read as, without what begins and ends it; an unknown word as it stands."""
        for field, vocabulary in [*self.vocabularies.items()][:1]:
            return split(examples[field], vocabulary)
        return [[] for _ in range(len(examples))]

    def targets(self, examples: Examples) -> tuple[dict[str, Column], Facts]:
        """Columns of what is to be answered, where that is known, and counts; `encode` puts them beside the inputs."""
        return {}, {}


def split(texts: Sequence[str], vocabulary: Vocabulary) -> list[list[str]]:
    """The tokens of texts, as they stand there."""
    tokens = tokenize(texts, vocabulary.tokenizer, cache=False)
    return [[tokens.types[place] for place in tokens.indices[row]] for row in range(len(texts))]


def small(ids: Ragged, count: int) -> Ragged:
    """Ids below `count` in the type that takes the least room."""
    return Ragged(ids.values.astype(np.uint16 if count <= 1 << 16 else np.int32), ids.offsets)


def _ids_of(field: str, vocabulary: Vocabulary) -> str:
    """What prepared ids are called: they are of one vocabulary, and of no other."""
    return f"{field}-{vocabulary.digest[:16]}"


class Outputs:
    """One class an item, from logits; what a module serves are the outputs themselves.

    Example:
        >>> from seqkit.tasks.roles import Outputs
        >>> isinstance(run.task, Outputs), run.task.in_step  # one answer a row, none at each step
        (True, False)
        >>> run.task.in_keras()["metrics"]
        ['accuracy']
    """

    in_step: Any = False
    unexported: Any = ""
    classes: Any

    @property
    def choices(self) -> tuple[str, ...]:
        """What logits are of."""
        named: tuple[str, ...] = self.classes
        return named

    def shares(self, outputs: Any, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits and probabilities of the choices, from a model's outputs for a batch: (rows, [steps,] choices)."""
        return outputs, tf.nn.softmax(outputs)

    def asked_step(self, probabilities: np.ndarray, words: np.ndarray) -> int:
        """The step whose answer is looked at where none is named: the one that the model is least sure of.

        Args:
            probabilities: float, (steps, choices), of a row.
            words: bool, (steps,), which steps are words.
        """
        sure = np.where(words, probabilities.max(axis=-1), np.inf)
        return int(np.argmin(sure))

    def objective(self, training: Training, train: Examples) -> Objective:
        """What training minimises, and counts."""
        raise NotImplementedError

    def in_keras(self) -> dict[str, Any]:
        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def description(self, model: keras.Model) -> Description | None:
        """Nothing: whoever runs an artefact gets graphs alone."""
        return None


class Scores:
    """Metrics alone, of which the first headline chooses the epoch; and no classes. Rows are judged one by one.

    Attributes:
        judged_by: The metric by which a row is judged; nothing for the first headline.
    Example:
        >>> from seqkit.tasks.roles import Scores
        >>> isinstance(run.task, Scores), run.task.metrics
        (True, ('accuracy', 'macro_f1', 'log_loss', 'calibration_error'))
        >>> rows = run.task.read("others.tsv", run.task.columns)
        >>> run.task.scorer(rows, np.tile([0.3, 0.7], (20, 1)))(np.arange(20))["accuracy"]  # of "good" for all
        0.5
    """

    metrics: Any = ()
    judged_by: str | None = None
    vocabularies: Any
    scorer: Any

    @property
    def monitor(self) -> str:
        return headlines(self.metrics)[0]

    def truths(self, examples: Examples) -> Sequence[Any] | None:
        return None

    def sections(self, model: keras.Model, examples: Examples, outputs: Any) -> dict[str, Any]:
        return {}

    def items(self, examples: Examples) -> Items:
        """Rows, by their label, their length and their rarest word, as far as they have any."""
        traits, truths = {}, self.truths(examples)
        if truths is not None and len(truths) and isinstance(truths[0], str):
            traits["label"] = of_names(truths)
        for field, vocabulary in [*self.vocabularies.items()][:1]:
            ids = vocabulary.encode(tokenize(examples[field], vocabulary.tokenizer, cache=False))
            traits["length"] = of_sizes(ids.lengths)
            if vocabulary.ranked:
                ranks = np.where(ids.values == UNKNOWN, RAREST, ids.values)
                rarest = np.maximum.reduceat(np.append(ranks, 0), ids.offsets[:-1])
                words = of_ranks(np.where(rarest == RAREST, -1, np.maximum(rarest - len(SPECIAL), 0)))
                traits["rarest word"] = dataclasses.replace(words, places=np.where(ids.lengths, words.places, -1))
        return Items(np.arange(len(examples)), traits)

    def judged(self, examples: Examples, outputs: Any) -> Judged:
        """How rows were answered, by what each scores by itself."""
        return Judged(row_gains(self.scorer(examples, outputs), len(examples), self.judged_by), self.said(outputs))

    def said(self, outputs: Any) -> Sequence[str]:
        """What each item was answered, where that is told in a few words."""
        return ()


class Baselines:
    """None.

    Example:
        >>> from seqkit.tasks.roles import Baselines
        >>> Baselines().baselines(), sorted(run.task.baselines())
        ({}, ['linear', 'majority', 'naive_bayes'])
    """

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {}

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        return {}

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Any:
        raise NotImplementedError
