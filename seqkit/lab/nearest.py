"""The training rows that a model takes to be most like an input."""

import dataclasses
from typing import Any

import keras
import numpy as np

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.inference.opened import vector_of
from seqkit.lab.rereading import rows_again
from seqkit.runs.opening import answering
from seqkit.runs.run import EVALUATION_BATCH, Run
from seqkit.sources.examples import Examples
from seqkit.training.executor import Forward, row_outputs


@dataclasses.dataclass(frozen=True)
class Near:
    """A training row.

    Attributes:
        row: Its number among the training rows, from 0 on.
        similarity: The cosine of its vector and the input's.
        columns: What it holds, field by field, as far as it is text.
    Example:
        >>> (near,) = seqkit.nearest_rows(run, "a good film, number 5", count=1)
        >>> near.row, round(near.similarity, 2), near.columns
        (10, 1.0, {'text': 'a good film, number 5', 'label': 'good'})
    """

    row: int
    similarity: float
    columns: dict[str, str]


def nearest_rows(
    run: Run, given: Any, *, count: int = 5, among: int = 2000, data: Examples | None = None
) -> list[Near]:
    """The training rows nearest to an input, by the vector that the answer is read from: the summary of the states.

    Args:
        given: One input, as `Run.predict` takes a list of them.
        count: Rows at most.
        among: Training rows that are looked at, evenly over all of them; 0 for all.
        data: The training rows; nothing to read again what the run says that it was trained on.
    Raises:
        InputError: The training rows are no longer where the run says, or the model has no such vector of a whole row.
    Example:
        >>> [near.columns["label"] for near in seqkit.nearest_rows(run, "a good film, number 5", count=1)]
        ['good']
    """
    at_least("count", count, 0)
    at_least("among", among, 0)
    vectors = _vectors_of(run)
    examples = rows_again(run.task, run.path, run.info, "train") if data is None else data
    step = -(-len(examples) // among) if among else 1
    numbers = np.arange(0, len(examples), step)
    looked = examples.take(numbers, examples.origin)
    with answering(run.path):
        known, own = (_directions(run, vectors, rows) for rows in (looked, run.asked([given])))
    similar = known @ own[0]
    best = np.argsort(-similar, kind="stable")[:count]
    return [Near(int(numbers[one]), float(similar[one]), _columns(looked, int(one))) for one in best]


def _vectors_of(run: Run) -> Forward:
    """From a row to the vector, (rows, features)."""
    holder = next((layer for layer in run.model.layers if layer.name == "encoder"), run.model)
    vector = vector_of(holder)
    if vector is None or len(vector.shape) != 2:
        raise InputError(
            f"{run.path} is a run of {run.task.recipe}, whose answers are read from no single vector of a row: there are no "
            "nearest training rows."
        )
    return Forward(keras.Model(holder.input, vector))


def _directions(run: Run, vectors: Forward, examples: Examples) -> np.ndarray:
    """Vectors of length 1: float32, (rows, features)."""
    rows: Any = run.task.encode(examples, EVALUATION_BATCH)[0]
    found = row_outputs(vectors, rows)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    directions: np.ndarray = found / np.maximum(lengths, 1e-12)
    return directions


def _columns(examples: Examples, row: int) -> dict[str, str]:
    cells = {name: values[row] for name, values in examples.columns.items()}
    return {name: cell for name, cell in cells.items() if isinstance(cell, str)}
