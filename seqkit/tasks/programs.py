"""Programs: the text of a program in, what it prints out, character by character."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.writers import MostFrequentAnswer, Nearest
from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import encoder_decoder_rows
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, CurriculumKind, Embedding, Exercise, Search, Stack
from seqkit.corpora.programs import Stage, draw_programs, drawn_programs
from seqkit.inference.generation import Generated, generate_answers, generation_graph
from seqkit.layers.embedding import embed_tokens
from seqkit.metrics.texts import character_scorer
from seqkit.runs.task import Baseline, Facts, Scorer
from seqkit.sources.examples import Examples
from seqkit.tasks.written import TextToText
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import Vocabulary
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.training.curriculum import Curriculum
from seqkit.training.executor import Forward, Rows, step_outputs

SHOWN = 20  # programs in the report
PICTURES = 3  # of attention
NEIGHBOURS = 5000  # training programs that a baseline looks among
TRIED = 500  # programs by which a curriculum moves up
ROWS_A_SIZE = 200  # of the report's table


def build_executor(
    task: Programs, embedding: Embedding, encoder: Stack, decoder: Stack, attention: Attention
) -> keras.Model:
    before, features, _ = embed_tokens(len(task.target), embedding, name="before")
    return encoder_decoder(
        embed_tokens(len(task.source), embedding),
        (before, features),
        outputs=len(task.target),
        encoder=encoder,
        decoder=decoder,
        attention=attention,
    )


@dataclasses.dataclass(frozen=True)
class DrawnPrograms:
    """What is drawn where there is no data."""

    exercise: Exercise
    length: int
    nesting: int
    curriculum: CurriculumKind

    def __post_init__(self) -> None:
        try:
            Stage(self.curriculum, self.length, self.nesting)
        except ValueError as error:
            raise InputError(str(error)) from None

    def splits(self, rows: int) -> dict[str, dict[str, list[str]]]:
        return drawn_programs(0, rows, exercise=self.exercise, length=self.length, nesting=self.nesting)

    def sizes(self) -> list[tuple[int, int]]:
        """All sizes up to the final one."""
        return [(length, nesting) for nesting in range(1, self.nesting + 1) for length in range(1, self.length + 1)]


@dataclasses.dataclass(frozen=True)
class Executed:
    """What was found, and, where the answers are known, which of their characters were chosen after the true ones."""

    found: Generated
    right: Ragged | None


@dataclasses.dataclass(frozen=True)
class Programs(TextToText):
    """What this recipe knows and a run doesn't. Outputs are `Executed`, or texts."""

    columns: dict[str, str]
    source: Vocabulary
    target: Vocabulary
    search: Search
    drawn: DrawnPrograms | None
    recipe = "programs"

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source.to_json(),
            "target": self.target.to_json(),
            "search": dataclasses.asdict(self.search),
            "drawn": None if self.drawn is None else dataclasses.asdict(self.drawn),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        read = Vocabulary.from_json
        drawn = None if value["drawn"] is None else DrawnPrograms(**value["drawn"])
        return cls(columns, read(value["source"]), read(value["target"]), Search(**value["search"]), drawn)

    def curriculum(self, rows: Rows, seed: int) -> Curriculum:
        """What each epoch trains on: as many rows as these, in batches of the same widths as far as they fit."""
        drawn = self.drawn
        assert drawn is not None, "there is a curriculum only where programs are drawn"
        assert isinstance(rows, Pipeline), "programs come as whole rows"

        def encode(columns: dict[str, list[str]]) -> Pipeline:
            examples = Examples(columns, "drawn for an epoch")
            return self._rows(examples, rows.batch_size, cache=False, axes=rows.axes)[0]

        start = Stage(drawn.curriculum, drawn.length, drawn.nesting)
        return Curriculum(drawn.exercise, start, rows.rows, TRIED, seed, encode)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        return self._rows(examples, batch_size, cache="target" in examples.columns)

    def _rows(
        self, examples: Examples, batch_size: int, *, cache: bool, axes: dict[str, tuple[int, ...]] | None = None
    ) -> tuple[Pipeline, Facts]:
        ids = {
            field: vocabulary.encode(tokenize(examples[field], vocabulary.tokenizer, cache=cache))
            for field, vocabulary in (("source", self.source), ("target", self.target))
            if field in examples.columns
        }
        return encoder_decoder_rows(ids["source"], ids.get("target"), batch_size, axes=axes)

    def outputs(self, forward: Forward, rows: Pipeline) -> Executed:
        def right(batch: dict[str, tf.Tensor], logits: tf.Tensor) -> tf.Tensor:
            return tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), batch["targets"])

        known = step_outputs(forward, rows, right) if "targets" in rows.columns else None
        return Executed(generate_answers(forward.made(generation_graph, self.search), rows, self.search), known)

    def texts(self, outputs: Executed | list[str]) -> list[str]:
        """The best answers; those of a baseline are texts already."""
        return outputs if isinstance(outputs, list) else self.target.written(outputs.found.best())

    def answers(self, examples: Examples, outputs: Executed) -> list[dict[str, Any]]:
        scores = outputs.found.scores[:, 0].tolist()
        return [
            {"answer": text, "score": round(score, 6)} for text, score in zip(self.texts(outputs), scores, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: Executed | list[str]) -> Scorer:
        right = None
        if not isinstance(outputs, list) and outputs.right is not None:
            right = np.array([row[:-1].sum() for row in map(outputs.right.__getitem__, range(len(examples)))])
        return character_scorer(self.texts(outputs), examples["target"], right)

    def sections(self, model: keras.Model, examples: Examples, outputs: Executed) -> dict[str, Any]:
        texts, found = self.texts(outputs), outputs.found
        triples = list(zip(examples["source"], examples["target"], texts, strict=True))[:SHOWN]
        sections: dict[str, Any] = {
            "written": [dict(zip(("source", "reference", "written"), triple, strict=True)) for triple in triples],
            "sizes": [] if self.drawn is None else self._by_size(model),
        }
        looks = [(list(read.replace("\n", "↵")), list(wrote)) for read, _, wrote in triples[:PICTURES]]
        return sections | self.attention(model, found, looks)

    def _by_size(self, model: keras.Model) -> list[dict[str, Any]]:
        """The scores on fresh rows of the test part, size by size."""
        assert self.drawn is not None
        sizes = self.drawn.sizes()
        parts = [draw_programs(self.drawn.exercise, size, ROWS_A_SIZE, part="test", seed=1) for size in sizes]
        columns = {field: [value for part in parts for value in part[field]] for field in ("source", "target")}
        examples = Examples(columns, "drawn for the table")
        outputs = self.outputs(Forward(model), self._rows(examples, ROWS_A_SIZE, cache=False)[0])
        score = self.scorer(examples, outputs)
        return [
            {"length": length, "nesting": nesting, "rows": ROWS_A_SIZE}
            | score(np.arange(place * ROWS_A_SIZE, (place + 1) * ROWS_A_SIZE))
            for place, (length, nesting) in enumerate(sizes)
        ]

    def fit_baselines(self, train: Examples) -> dict[str, Baseline]:
        return {
            "most_frequent": MostFrequentAnswer.fit(train["target"]),
            "nearest": Nearest(train["source"][:NEIGHBOURS], train["target"][:NEIGHBOURS], characters=True),
        }

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"most_frequent": MostFrequentAnswer, "nearest": Nearest}
