"""Translation: a text in, a text in another language out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
import numpy as np

from seqkit.baselines.writers import CopySource, Nearest
from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import encoder_decoder_rows
from seqkit.core.errors import InputError
from seqkit.core.settings import Attention, Embedding, Search, Stack
from seqkit.inference.generation import Generated, generate_answers, generation_graph
from seqkit.layers.embedding import embed_tokens, table_of, tied_head
from seqkit.metrics.texts import signature, text_scorer
from seqkit.runs.task import Baseline, Facts, Scorer
from seqkit.sources.examples import Examples
from seqkit.sources.units import check_unit
from seqkit.tasks.written import TextToText
from seqkit.text.vocabulary import Vocabulary
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.training.executor import Forward

SHOWN = 20  # translations in the report
PICTURES = 3  # of attention


def build_translator(
    task: Translation,
    embedding: Embedding,
    encoder: Stack,
    decoder: Stack,
    attention: Attention,
    *,
    tied: bool,
    shared: bool,
) -> keras.Model:
    ids, read, mask = embed_tokens(len(task.source), embedding, reversible=tied and shared)
    table = table_of(ids, read) if shared else None
    before, features, _ = embed_tokens(len(task.target), embedding, reversible=tied, shared=table, name="before")
    return encoder_decoder(
        (ids, read, mask),
        (before, features),
        outputs=len(task.target),
        encoder=encoder,
        decoder=decoder,
        attention=attention,
        head=tied_head(before, features) if tied else None,
    )


@dataclasses.dataclass(frozen=True)
class Translation(TextToText):
    """What this recipe knows and a run doesn't. Outputs are what a search found, or texts."""

    columns: dict[str, str]
    source: Vocabulary
    target: Vocabulary
    search: Search
    max_length: int
    recipe = "translation"
    written_as = "translation"
    gives_others = True
    metrics = ("bleu", "chrf", "exact_match", "length_ratio")

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source.to_json(),
            "target": self.target.to_json(),
            "search": dataclasses.asdict(self.search),
            "max_length": self.max_length,
        }

    def examined(self, examples: Examples) -> Examples:
        for field, vocabulary in (("source", self.source), ("target", self.target)):
            examples = check_unit(examples, field, vocabulary.tokenizer.unit)
        return examples

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        read = Vocabulary.from_json
        search = Search(**value["search"])
        return cls(columns, read(value["source"]), read(value["target"]), search, value["max_length"])

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        known = "target" in examples.columns
        targets = self.ids(examples, "target") if known else None
        rows, facts = encoder_decoder_rows(self.ids(examples, "source", cache=known), targets, batch_size)
        if self.search.replace_unknown:
            texts = np.array([text.encode() for text in examples["source"]], object)
            rows = dataclasses.replace(rows, columns=rows.columns | {"text": texts})
        return rows, facts

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        sides = [self.ids(examples, field) for field in ("source", "target")]
        fits = np.flatnonzero(np.maximum(*(ids.lengths for ids in sides)) <= self.max_length)
        if not len(fits):
            raise InputError(
                f"{examples.origin}: every pair has more than max_length {self.max_length} units on a side: raise it."
            )
        kept = fits if len(fits) < len(examples) else None
        rows, facts = encoder_decoder_rows(sides[0], sides[1], batch_size, kept=kept)
        return rows, facts | {"pairs_left_out_as_too_long": len(examples) - len(fits)}

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        return {"source": self.source, "target": self.target}

    def outputs(self, forward: Forward, rows: Pipeline) -> Generated:
        words = self.source.tokenizer if self.search.replace_unknown else None
        return generate_answers(forward.made(generation_graph, self.search), rows, self.search, words)

    def answers(self, examples: Examples, outputs: Generated) -> list[dict[str, Any]]:
        texts, best = outputs.texts(self.target), self.search.n_best
        answers = []
        for row, scores in enumerate(outputs.scores.tolist()):
            found = [
                {self.written_as: text, "score": round(score, 6)}
                for text, score in zip(texts[row * best :], scores, strict=False)
                if score > -float("inf")
            ]
            answers.append(found[0] | ({"others": found[1:]} if best > 1 else {}))
        return answers

    def scorer(self, examples: Examples, outputs: Generated | list[str]) -> Scorer:
        writable = self.target.writable
        return text_scorer(writable(self.texts(outputs)), writable(examples["target"]), lowercase=self.lowercase)

    def sections(self, model: keras.Model, examples: Examples, outputs: Generated) -> dict[str, Any]:
        texts, best = self.texts(outputs), outputs.best()
        shown = [
            {
                "source": source,
                "reference": reference,
                "written": text,
                "chrf": self.chrf(text, reference),
            }
            for source, reference, text in list(zip(examples["source"], examples["target"], texts, strict=True))[:SHOWN]
        ]
        signatures = signature(lowercase=self.lowercase)
        sections: dict[str, Any] = {"items": "units", "written": shown, "signatures": signatures}
        sources = self.ids(examples, "source")
        looks = [
            (
                [self.source.tokens[number] for number in sources[row]],
                [self.target.tokens[number] for number in best[row]],
            )
            for row in range(min(PICTURES, len(examples)))
        ]
        return sections | self.attention(model, outputs, looks)

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "copy": CopySource,
            "nearest": lambda: Nearest.fit(train["source"], train["target"]),
        }

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"copy": CopySource, "nearest": Nearest}
