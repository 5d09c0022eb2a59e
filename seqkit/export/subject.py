"""What there is to export: a run, seen by an exporter."""

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.description import Description
from seqkit.export.graphs import Graph, Written, graphs_of

Arrays = dict[str, np.ndarray]
Quantize = Literal["none", "float16", "dynamic", "int8"]
QUANTIZE: tuple[Quantize, ...] = get_args(Quantize)


class Case(NamedTuple):
    """A real input, and what the run makes of it.

    Attributes:
        inputs: As a user gives it: a text, tokens, an array, or one of these for each field by name.
        arrays: The inputs of the graph that reads, unpadded and without an axis of rows.
        answer: What `seqkit predict` answers; nothing where an answer is drawn at random.
    """

    inputs: Any
    arrays: Arrays
    answer: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A run to be exported.

    An exporter is a function of it that writes a file a graph into its folder and says what it wrote. What it can't hold it
    refuses by an InputError before any work.

    Attributes:
        name: The run's folder, as it was given.
        recipe: That made it.
        folder: Of the artefact that is being made: what lies there when the exporter ends goes into the artefact.
        step: Whether the streaming step is wanted, and nothing else.
        quantize: What becomes of the weights.
        in_step: Whether there is an answer at every step.
        description: For whoever runs it; nothing where a recipe has none.
        cases: Real rows.
        load: Opens the model, in float32 and for any machine.
        serve: Makes of a model a module whose `serve` takes raw inputs and returns answers by name.
    Example:
        >>> from seqkit.core.registry import exporters
        >>> from seqkit.export.graphs import Written
        >>> def export_answers(subject):
        ...     path = subject.folder / "answers.txt"
        ...     size = path.write_text(" ".join(case.answer["label"] for case in subject.cases))
        ...     return [Written("model", path)]
        >>> exporters.add("answers", export_answers)
        >>> sorted(path.name for path in run.export("answers").iterdir())
        ['answers.txt', 'labels.json', 'manifest.json', 'model_card.md', 'test_vectors.json', 'tokenizer.json']
    """

    name: str
    recipe: str
    folder: Path
    step: bool
    quantize: Quantize
    in_step: bool
    description: Description | None
    cases: Sequence[Case]
    load: Callable[[], keras.Model]
    serve: Callable[[keras.Model], tf.Module]

    @property
    def title(self) -> str:
        """What the run's folder is called, wherever it was given from."""
        return Path(os.path.abspath(self.name)).name or "model"

    @functools.cached_property
    def model(self) -> keras.Model:
        """The model, opened anew."""
        return self.load()

    @functools.cached_property
    def graphs(self) -> dict[str, Graph]:
        """Those to write, by name.

        Raises:
            InputError: There is no streaming step, where it is wanted.
        """
        graphs = graphs_of(self.model, in_step=self.in_step, step=self.step)
        if not graphs:
            raise InputError(
                f"{self.name} has no streaming step: that takes an answer at every step, without a CRF or "
                "contextual, and stack.bidirectional off. Leave --step out."
            )
        if "model" in graphs and self.description is not None and self.description.kind == "language_model":
            graphs |= graphs_of(self.model, in_step=True, step=True)  # which writes
        return graphs


Exporter = Callable[[Subject], Sequence[Written]]


def unquantised(subject: Subject, format: str, instead: str) -> None:
    """Raise InputError where another format has to be chosen for what becomes of the weights."""
    if subject.quantize != "none":
        raise InputError(f"{format} keeps weights as they are, not {subject.quantize}: {instead}")
