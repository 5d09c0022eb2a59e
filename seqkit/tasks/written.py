"""A text out, of a decoder with a vocabulary; and a text in, a text out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.settings import Search, Training
from seqkit.export.description import TARGET, TOKENIZER, Description
from seqkit.export.serving_text import Writer
from seqkit.inference.generation import Generated, symbols_a_place
from seqkit.metrics.texts import sentence_chrf
from seqkit.sources.examples import Examples, Role
from seqkit.sources.parallel import read_parallel
from seqkit.tasks.roles import Baselines, Inputs, Outputs, Scores
from seqkit.text.vocabulary import Vocabulary
from seqkit.training.objectives import Objective, classification

COPIED = ("marked_word", "whitespace")  # units of a source of which one may be written as it stands


class WrittenText(Outputs, Scores):
    """What a search found, or, of a baseline, texts.

    Attributes:
        target: The vocabulary that is written in.
        search: How an answer is looked for.
        written_as: What an answer calls its text.
        gives_others: Whether an answer has the others that were found, so many as search.n_best says.
    Example:
        >>> from seqkit.tasks.written import WrittenText
        >>> class Titles(WrittenText):
        ...     recipe, written_as, target, search = "titles", "title", run.task.vocabulary, Search(beam=2)
        >>> Titles().monitor, Titles().said(["a good film"])  # said by a baseline
        ('val_loss', ['a good film'])
    """

    recipe: str
    target: Vocabulary
    search: Search
    written_as: str
    gives_others: bool = False
    judged_by: str | None = "chrf"  # a single text has hardly a BLEU
    monitor = "val_loss"  # of the true symbols: what is written takes a search after each epoch

    @property
    def classes(self) -> tuple[str, ...]:
        """None: an answer is written, not chosen."""
        return ()

    @property
    def choices(self) -> tuple[str, ...]:
        """The symbols that are written."""
        return self.target.tokens

    @property
    def lowercase(self) -> bool:
        """Whether case is folded, so that it plays no part in scores."""
        return self.target.tokenizer.lowercase

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy a symbol."""
        return classification(training)

    def texts(self, outputs: Any) -> list[str]:
        """The best answers; those of a baseline are texts already."""
        return outputs if isinstance(outputs, list) else outputs.texts(self.target)[:: self.search.n_best]

    def said(self, outputs: Any) -> list[str]:
        return self.texts(outputs)

    def chrf(self, text: str, reference: str) -> float:
        """chrF of an answer, from 0 to 100."""
        return sentence_chrf(*self.target.writable([text, reference]), lowercase=self.lowercase)

    def with_search(self, search: Search, model: keras.Model) -> Self:
        """The task with another search.

        Args:
            model: That answers.
        Raises:
            InputError: The search would replace unknown words, where none are copied from a source.
        """
        if search.replace_unknown:
            read = getattr(self, "source", None)
            if read is None or read.tokenizer.unit not in COPIED or symbols_a_place(model) != 1:
                raise InputError(
                    f"search.replace_unknown is on, but {self.recipe} has no words of a source here, each of which is "
                    "looked at: leave it off."
                )
        changed: Self = dataclasses.replace(self, search=search)  # type: ignore[type-var]
        return changed

    def search_fields(self) -> dict[str, Any]:
        """What whoever runs an artefact has to know of the search, and what an answer calls its text."""
        return {"search": dataclasses.asdict(self.search), "answer": self.written_as}


class TextToText(WrittenText, Inputs, Baselines):
    """A text in, a text out: an encoder and a decoder with a vocabulary each.

    Attributes:
        source: The vocabulary that is read in.
    """

    source: Vocabulary

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return read_parallel(source, columns, role=role, data_dir=data_dir)

    def baseline_outputs(self, baseline: Any, examples: Examples) -> list[str]:
        answers: list[str] = baseline.answer(examples["source"])
        return answers

    def attention(
        self, model: keras.Model, found: Generated, rows: Sequence[tuple[list[str], list[str]]]
    ) -> dict[str, list[dict[str, Any]]]:
        """For the report: where the first rows' symbols looked, if the decoder looks anywhere.

        Args:
            rows: Of each the symbols that were read and those that were written.
        """
        size = symbols_a_place(model)
        if not size:
            return {}
        maps = []
        for (read, wrote), weights in zip(rows, found.weights, strict=False):
            symbols = [*read, "<end>"]
            places = ["".join(symbols[first : first + size]) for first in range(0, len(symbols), size)]
            maps.append(
                {
                    "places": places,
                    "written": [*wrote, "<end>"][: len(weights)],  # what was cut short has no end
                    "weights": weights[:, : len(places)].round(4).tolist(),
                }
            )
        return {"attention": maps}

    def description(self, model: keras.Model) -> Description:
        return Description("write", self.search_fields(), {TOKENIZER: self.source, TARGET: self.target})

    def serving(self, model: keras.Model) -> tf.Module:
        return Writer(model, self.source, self.target, self.search)
