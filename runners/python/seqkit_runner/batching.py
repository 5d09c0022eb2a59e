"""Rows to batches, and back."""

from collections.abc import Iterator, Sequence

import numpy as np

from seqkit_runner.backends import Arrays, Graph, tensor_of
from seqkit_runner.errors import ArtefactError

BATCH = 32  # rows that are asked at once
ROOM = 2**24  # numbers that a batch's outputs have at most, but for one row by itself


def padded(graph: Graph, rows: Sequence[Arrays]) -> Arrays:
    """Rows as one batch, padded by zeros along the axis of steps.

    Raises:
        ArtefactError: A row has not all of the graph's inputs, or they are no arrays of their type and axes.
    """
    missing = {name for row in rows for name in graph.inputs if name not in row}
    if missing:
        raise ArtefactError(f"The graph wants {', '.join(sorted(missing))} too.")
    batch = {}
    for name, tensor in graph.inputs.items():
        arrays = [tensor_of(row[name], tensor, without=1) for row in rows]
        if tensor.steps:
            steps = max([1, *map(len, arrays)])
            arrays = [np.pad(one, [(0, steps - len(one)), *[(0, 0)] * (one.ndim - 1)]) for one in arrays]
        batch[name] = np.stack(arrays)
    return batch


def steps_of(graph: Graph, row: Arrays) -> int:
    """How many steps a row has, 1 where it has no axis of them."""
    return max((len(row[name]) for name, tensor in graph.inputs.items() if tensor.steps), default=1)


def batches(graph: Graph, rows: Sequence[Arrays], size: int = BATCH) -> Iterator[list[int]]:
    """Places of rows that are asked at once, rows of like lengths together."""
    widths = [tensor.shape[-1] for tensor in graph.outputs.values() if isinstance(tensor.shape[-1], int)]
    yield from together([steps_of(graph, row) for row in rows], max([1, *widths]), graph.batch or size)


def together(lengths: Sequence[int], width: int, size: int = BATCH) -> Iterator[list[int]]:
    """Places of rows that are asked at once, rows of like lengths together.

    Args:
        width: Numbers that a graph makes of each step.
        size: Rows at most.
    """
    most = ROOM // width
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) >= size or lengths[place] * (len(batch) + 1) > most):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def cropped(graph: Graph, outputs: Arrays, place: int, steps: int) -> Arrays:
    """A row's outputs, without those of padding."""
    return {
        name: outputs[name][place, :steps] if tensor.steps else outputs[name][place]
        for name, tensor in graph.outputs.items()
    }


def streamed(step: Graph, rows: Sequence[Arrays]) -> list[np.ndarray]:
    """The outputs of rows that go through the step input by input, side by side: (steps, ...) each."""
    names = [name for name in step.inputs if name not in step.states]
    lengths = [len(row[names[0]]) for row in rows]
    states, found = step.zeros(len(rows)), []
    for t in range(max(lengths, default=0)):
        given = {name: np.stack([row[name][min(t, len(row[name]) - 1)] for row in rows]) for name in names}
        answer = step(given | states)
        states = {name: answer[name] for name in step.states}
        found.append(answer["outputs"])
    return [np.stack([one[row] for one in found[:steps]]) for row, steps in enumerate(lengths)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    shares: np.ndarray = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares
