"""Programs: the text of a program in, what it prints out, character by character."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
import numpy as np

from seqkit.baselines.writers import MostFrequentAnswer, Nearest
from seqkit.batches.pipeline import Pipeline
from seqkit.batches.rows import Rows
from seqkit.batches.teacher_forcing import encoder_decoder_rows
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.settings import Attention, CurriculumKind, Embedding, Exercise, Search, Stack
from seqkit.corpora.programs import Stage, draw_programs, drawn_programs
from seqkit.inference.generation import Generated, generate_answers, generation_graph
from seqkit.layers.embedding import embed_tokens
from seqkit.metrics.texts import character_scorer
from seqkit.runs.task import Baseline, Facts, Scorer
from seqkit.sources.examples import Examples
from seqkit.tasks.written import TextToText
from seqkit.text.vocabulary import Vocabulary
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.training.curriculum import Curriculum
from seqkit.training.executor import Forward

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
        try:
            parts = drawn_programs(0, rows, exercise=self.exercise, length=self.length, nesting=self.nesting)
        except ValueError as error:
            raise InputError(str(error)) from None
        for part in ("valid", "test"):
            count = len(parts[part]["source"])
            if count < rows // 8:
                notify(f"the {part} part has {count:,} different programs of this size, not {rows // 8:,}")
        return parts

    def sizes(self) -> list[tuple[int, int]]:
        """All sizes up to the final one."""
        return [(length, nesting) for nesting in range(1, self.nesting + 1) for length in range(1, self.length + 1)]


@dataclasses.dataclass(frozen=True)
class Programs(TextToText):
    """What this recipe knows and a run doesn't. Outputs are what a search found, or texts."""

    columns: dict[str, str]
    source: Vocabulary
    target: Vocabulary
    search: Search
    drawn: DrawnPrograms | None
    recipe = "programs"
    written_as = "answer"
    metrics = ("exact_match", "character_accuracy")
    judged_by = "exact_match"
    monitor = "val_accuracy"  # of characters after the true ones: answers take a search after each epoch

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
            drawn, _ = self._rows(examples, rows.batch_size, cache=False, axes=rows.axes)
            return dataclasses.replace(drawn, batch_steps=rows.batch_steps)

        start = Stage(drawn.curriculum, drawn.length, drawn.nesting)
        return Curriculum(drawn.exercise, start, rows.rows, TRIED, seed, encode)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        return self._rows(examples, batch_size, cache="target" in examples.columns)

    def _rows(
        self, examples: Examples, batch_size: int, *, cache: bool, axes: dict[str, tuple[int, ...]] | None = None
    ) -> tuple[Pipeline, Facts]:
        targets = self.ids(examples, "target", cache=cache) if "target" in examples.columns else None
        return encoder_decoder_rows(self.ids(examples, "source", cache=cache), targets, batch_size, axes=axes)

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        return {"source": self.source, "target": self.target}

    def outputs(self, forward: Forward, rows: Pipeline) -> Generated:
        return generate_answers(forward.made(generation_graph, self.search), rows, self.search)

    def answers(self, examples: Examples, outputs: Generated) -> list[dict[str, Any]]:
        scores = outputs.scores[:, 0].tolist()
        return [
            {self.written_as: text, "score": round(score, 6)}
            for text, score in zip(self.texts(outputs), scores, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: Generated | list[str]) -> Scorer:
        return character_scorer(self.texts(outputs), examples["target"])

    def sections(self, model: keras.Model, examples: Examples, outputs: Generated) -> dict[str, Any]:
        texts = self.texts(outputs)
        triples = list(zip(examples["source"], examples["target"], texts, strict=True))[:SHOWN]
        sections: dict[str, Any] = {
            "written": [dict(zip(("source", "reference", "written"), triple, strict=True)) for triple in triples],
            "sizes": [] if self.drawn is None else self._by_size(model),
        }
        looks = [(list(read.replace("\n", "↵")), list(wrote)) for read, _, wrote in triples[:PICTURES]]
        return sections | self.attention(model, outputs, looks)

    def _by_size(self, model: keras.Model) -> list[dict[str, Any]]:
        """The scores on fresh rows of the test part, size by size."""
        assert self.drawn is not None
        sizes, exercise = self.drawn.sizes(), self.drawn.exercise
        parts = [draw_programs(exercise, size, ROWS_A_SIZE, part="test", seed=1, distinct=True) for size in sizes]
        columns = {field: [value for part in parts for value in part[field]] for field in ("source", "target")}
        examples = Examples(columns, "drawn for the table")
        outputs = self.outputs(Forward(model), self._rows(examples, ROWS_A_SIZE, cache=False)[0])
        score = self.scorer(examples, outputs)
        counts = [len(part["source"]) for part in parts]
        rows = np.split(np.arange(sum(counts)), np.cumsum(counts)[:-1])
        return [
            {"length": length, "nesting": nesting, "rows": len(own)} | score(own)
            for (length, nesting), own in zip(sizes, rows, strict=True)
        ]

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "most_frequent": lambda: MostFrequentAnswer.fit(train["target"]),
            "nearest": lambda: Nearest.fit(train["source"], train["target"], characters=True, most=NEIGHBOURS),
        }

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"most_frequent": MostFrequentAnswer, "nearest": Nearest}
