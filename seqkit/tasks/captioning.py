"""Captioning: an image in, a text about it out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.writers import MostFrequentAnswer, NearestImage
from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.batches.teacher_forcing import begin_inputs, teacher_forced
from seqkit.core.settings import Search
from seqkit.export.description import TARGET, Description, image_fields
from seqkit.export.serving_text import ImageCaptioner
from seqkit.inference.generation import Generated, generate_answers, generation_graph
from seqkit.metrics.captions import caption_scorer
from seqkit.report.pages import png
from seqkit.runs.task import Baseline, Facts, Scorer
from seqkit.sources.examples import Examples, OnError, Role
from seqkit.sources.images import read_captioned_images, read_images, shared_images
from seqkit.sources.pixels import IMAGE_SUFFIXES
from seqkit.tasks.roles import Baselines, Inputs
from seqkit.tasks.written import WrittenText
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import UNKNOWN, Vocabulary
from seqkit.training.executor import Forward

SHOWN = 6  # images of which the report shows where each word looks


@dataclasses.dataclass(frozen=True)
class Captioning(WrittenText, Inputs, Baselines):
    """What this recipe knows and a run doesn't.

    A row is an image with all its captions. Outputs are what a search found, or texts.
    """

    columns: dict[str, str]
    target: Vocabulary
    search: Search
    max_length: int
    shape: tuple[int, int, int]
    on_error: OnError
    recipe = "captioning"
    written_as = "caption"
    judged_by = "cider"
    metrics = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "cider", "exact_match")

    def to_json(self) -> dict[str, Any]:
        return self.target.to_json() | {
            "search": dataclasses.asdict(self.search),
            "max_length": self.max_length,
            "image": list(self.shape),
            "on_error": self.on_error,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary, search = Vocabulary.from_json(value), Search(**value["search"])
        height, width, channels = value["image"]
        size, on_error = value["max_length"], value["on_error"]
        return cls(columns, vocabulary, search, size, (height, width, channels), on_error)

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        kinds: dict[str, Any] = {"image_size": self.shape[:2], "on_error": self.on_error}
        if "caption" in columns:
            return read_captioned_images(source, columns, role=role, data_dir=data_dir, **kinds)
        return read_images(source, columns, role=role, data_dir=data_dir, in_place=True, **kinds)

    def inputs_of(self, file: str, columns: dict[str, str]) -> Iterator[list[Any]]:
        if Path(file).suffix.lower() in (*IMAGE_SUFFIXES, ".gif"):
            yield [file]
        else:
            yield self.read(file, {"image": columns["image"]})["image"]

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        """A row an image, where there are captions with its first one."""
        if "caption" not in examples.columns:
            columns = {"image": shared_images(examples["image"])} | begin_inputs(len(examples))
            return Pipeline(columns, {"before": (1,)}, batch_size), {}
        captions = sum(map(len, examples["caption"]))
        firsts = dataclasses.replace(
            examples, columns=examples.columns | {"caption": [c[:1] for c in examples["caption"]]}
        )
        rows, facts = self.encode_for_training(firsts, batch_size)
        return rows, facts | {"captions": captions}

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline, Facts]:
        counts = [len(own) for own in examples["caption"]]
        captions = [one for own in examples["caption"] for one in own]
        ids = self.target.encode(tokenize(captions, self.target.tokenizer))
        images = shared_images(examples["image"]).take(np.repeat(np.arange(len(counts)), counts))
        facts = {
            "captions": len(captions),
            "cut_texts": int((ids.lengths > self.max_length).sum()),
            "unknown_token_share": float((ids.values == UNKNOWN).mean()),
        }
        columns = {"image": images} | teacher_forced(ids, longest=self.max_length + 1)
        widths = boundaries(np.minimum(ids.lengths, self.max_length) + 1)
        return Pipeline(columns, {"before": widths}, batch_size), facts

    def outputs(self, forward: Forward, rows: Pipeline) -> Generated:
        return generate_answers(forward.made(generation_graph, self.search), rows, self.search)

    def answers(self, examples: Examples, outputs: Generated) -> list[dict[str, Any]]:
        return [
            {"left_out": image.left_out}
            if image.left_out
            else {self.written_as: text, "score": round(float(scores[0]), 6)}
            for image, text, scores in zip(examples["image"], self.texts(outputs), outputs.scores, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: Generated | list[str]) -> Scorer:
        fold = str.lower if self.lowercase else str
        texts, *references = (
            [fold(text) for text in self.target.writable(own)] for own in (self.texts(outputs), *examples["caption"])
        )
        return caption_scorer(texts, references)

    def sections(self, model: keras.Model, examples: Examples, outputs: Generated) -> dict[str, Any]:
        texts, best = self.texts(outputs), outputs.best()
        height, width = model.get_layer("encoder").get_layer("maps").output.shape[1:3]
        looks = []
        for row in range(min(SHOWN, len(examples))):
            weights, words = outputs.weights[row], [self.target.tokens[number].lstrip("▁") for number in best[row]]
            seen = weights.shape[-1] == height * width  # otherwise there is no attention
            looks.append(
                {
                    "image": png(examples["image"][row]),
                    "title": f"{texts[row]} (reference: {examples['caption'][row][0]})",
                    "names": words if seen else [],
                    "weights": weights[: len(words)].reshape(-1, height, width).round(4).tolist() if seen else [],
                }
            )
        return {"looks": looks}

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "most_frequent": lambda: MostFrequentAnswer.fit([one for own in train["caption"] for one in own]),
            "nearest": lambda: NearestImage.fit(shared_images(train["image"]), [own[0] for own in train["caption"]]),
        }

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"most_frequent": MostFrequentAnswer, "nearest": NearestImage}

    def baseline_outputs(self, baseline: MostFrequentAnswer | NearestImage, examples: Examples) -> list[str]:
        images = shared_images(examples["image"])
        return baseline.answer(images)

    def description(self, model: keras.Model) -> Description:
        return Description("caption", self.search_fields() | image_fields(self.shape), {TARGET: self.target})

    def serving(self, model: keras.Model) -> tf.Module:
        return ImageCaptioner(model, self.target, self.search)
