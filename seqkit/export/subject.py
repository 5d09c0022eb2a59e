"""What there is to export: a run, seen by an exporter."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.ragged import Ragged
from seqkit.export.step import Arrays, Step, Tensors
from seqkit.recurrence.stateful import streams


class Served(NamedTuple):
    """A model with all that stands before and behind it, and what it has to answer.

    Attributes:
        module: Its `serve` takes raw inputs and returns a dict of tensors by name.
        output: The output that is compared.
        inputs: Real ones, (rows, ...): the one tensor, or all by name.
        expected: The run's own answers: float, (rows, ...) or ragged, or texts.
    """

    module: tf.Module
    output: str
    inputs: tf.Tensor | Tensors
    expected: np.ndarray | Ragged | list[str]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A run to be exported: an exporter is a function of it that writes into its folder and returns the path.

    Attributes:
        name: Of the run, for complaints.
        folder: The export folder; its manifest.json gets an entry.
        source: The model file of the run.
        precision: Keras's dtype policy.
        inputs: Real rows by the names of the model's inputs, (rows, steps, ...).
        outputs: float, (rows, ...), the run's own for these.
        lengths: int64, (rows,), of these rows.
        in_step: Whether there is an answer at every step.
        load: Opens the model with layers that run on any machine.
        serve: Makes of a model what it is served by.
    """

    name: str
    folder: Path
    source: Path
    precision: str
    inputs: Arrays
    outputs: np.ndarray
    lengths: np.ndarray
    in_step: bool
    load: Callable[[], keras.Model]
    serve: Callable[[keras.Model], Served]

    @functools.cached_property
    def model(self) -> keras.Model:
        """The model, opened anew."""
        return self.load()

    @functools.cached_property
    def step(self) -> Step | None:
        """The streaming step, where there is one."""
        return Step(self.model) if self.in_step and streams(self.model) else None

    @property
    def stream(self) -> tuple[Arrays, Ragged]:
        """The inputs, and the outputs of each row's real steps."""
        rows: list[Any] = [row[:length] for row, length in zip(self.outputs, self.lengths, strict=True)]
        return self.inputs, Ragged.of_lengths(np.concatenate(rows), self.lengths)
