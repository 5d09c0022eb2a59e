"""Answers to questions about images that are written word by word: what `question_answering` does with answer_as text."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import encoder_decoder_rows
from seqkit.core.settings import Search
from seqkit.export.description import TARGET, TOKENIZER, Description, image_fields
from seqkit.export.serving_text import AnswerWriter
from seqkit.inference.generation import Generated, generate_answers, generation_graph
from seqkit.metrics.classification import accuracy_by_kind
from seqkit.metrics.texts import signature, text_scorer
from seqkit.runs.task import Facts, Scorer
from seqkit.sources.examples import Examples, OnError
from seqkit.tasks.image_questions import ImageQuestions
from seqkit.tasks.written import WrittenText
from seqkit.text.vocabulary import Vocabulary
from seqkit.training.executor import Forward

KNOWN = 1000  # of the training answers: those among which the baselines choose (as many as in Antol et al. 2015)
SHOWN = 20  # answers in the report
LOOKS = 9  # rows of which it shows where the model looks
RUN = 4  # words of the longest run that BLEU counts


@dataclasses.dataclass(frozen=True)
class WrittenAnswers(WrittenText, ImageQuestions):
    """What the recipe knows of written answers and a run doesn't.

    Outputs are what a search found, or texts.
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    target: Vocabulary
    search: Search
    shape: tuple[int, int, int]
    known: tuple[str, ...]
    on_error: OnError
    recipe = "written_answers"
    written_as = "answer"
    metrics = ("exact_match", "bleu", "chrf", "length_ratio")

    @classmethod
    def of(
        cls,
        columns: dict[str, str],
        vocabulary: Vocabulary,
        target: Vocabulary,
        search: Search,
        shape: tuple[int, int, int],
        answers: Sequence[str],
        on_error: OnError,
    ) -> Self:
        """A task whose baselines choose among the most frequent of these training answers."""
        counts = collections.Counter(answers)
        known = sorted(counts, key=lambda answer: (-counts[answer], answer))[:KNOWN]
        return cls(columns, vocabulary, target, search, shape, tuple(known), on_error)

    def known_answers(self) -> tuple[str, ...]:
        return self.known

    def to_json(self) -> dict[str, Any]:
        return {
            "question": self.vocabulary.to_json(),
            "answer": self.target.to_json(),
            "search": dataclasses.asdict(self.search),
            "image": list(self.shape),
            "known": list(self.known),
            "on_error": self.on_error,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        read = Vocabulary.from_json
        height, width, channels = value["image"]
        return cls(
            columns,
            read(value["question"]),
            read(value["answer"]),
            Search(**value["search"]),
            (height, width, channels),
            tuple(value["known"]),
            value["on_error"],
        )

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        ids, images = self.asked_ids(examples)
        targets = None
        if "answer" in examples.columns:
            targets = self.ids(examples, "answer")
        rows, facts = encoder_decoder_rows(ids, targets, batch_size)
        facts = {"images": len(set(images.index.tolist()))} | facts
        return dataclasses.replace(rows, columns=rows.columns | {"image": images}), facts

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        return {"question": self.vocabulary, "answer": self.target}

    def outputs(self, forward: Forward, rows: Pipeline) -> Generated:
        return generate_answers(forward.made(generation_graph, self.search), rows, self.search)

    def answers(self, examples: Examples, outputs: Generated) -> list[dict[str, Any]]:
        return [
            {"question": question}
            | ({"left_out": why} if why else {self.written_as: text, "score": round(float(scores[0]), 6)})
            for why, question, text, scores in zip(
                [image.left_out for image in examples["image"]],
                examples["question"],
                self.texts(outputs),
                outputs.scores,
                strict=True,
            )
        ]

    def scorer(self, examples: Examples, outputs: Generated | list[str]) -> Scorer:
        references = self.target.writable(examples["answer"])
        score = text_scorer(self.target.writable(self.texts(outputs)), references, lowercase=self.lowercase)
        # BLEU is 0 for answers too short for its runs of words, whatever is written
        names = ["exact_match", *(["bleu"] if _long(references) else []), "chrf", "length_ratio"]
        return dataclasses.replace(score, options={**score.options, "names": names})

    def sections(self, model: keras.Model, examples: Examples, outputs: Generated) -> dict[str, Any]:
        texts, references, kinds = self.texts(outputs), examples["answer"], self.kinds(examples)
        fold = str.lower if self.lowercase else str
        said, wanted = (map(fold, self.target.writable(own)) for own in (texts, references))
        right = np.array([*map(str.__eq__, said, wanted)])
        wrong = np.flatnonzero(~right).tolist()
        firsts = [row for row in map(kinds.index, dict.fromkeys(kinds)) if right[row]][: LOOKS - LOOKS // 3]
        signatures = signature(lowercase=self.lowercase)
        return {
            "per_kind": accuracy_by_kind(right, kinds),
            "looks": self.attention_maps(
                model.get_layer("encoder"), examples, texts, right, [*firsts, *wrong[: LOOKS // 3]]
            ),
            "written": [
                {
                    "source": examples["question"][row],
                    "reference": references[row],
                    "written": texts[row],
                    "chrf": self.chrf(texts[row], references[row]),
                }
                for row in range(min(SHOWN, len(examples)))
            ],
            "signatures": {name: text for name, text in signatures.items() if name != "bleu" or _long(references)},
        }

    def baseline_outputs(self, baseline: Any, examples: Examples) -> list[str]:
        return [self.known[place] for place in self.probabilities(baseline, examples).argmax(axis=1)]

    def description(self, model: keras.Model) -> Description:
        fields = self.search_fields() | image_fields(self.shape)
        return Description("write_answer", fields, {TOKENIZER: self.vocabulary, TARGET: self.target})

    def serving(self, model: keras.Model) -> tf.Module:
        return AnswerWriter(model, self.vocabulary, self.target, self.search)


def _long(texts: Sequence[str]) -> bool:
    return any(len(text.split()) >= RUN for text in texts)
