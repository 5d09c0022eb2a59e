"""A model on batches, in training and after it: whole rows, or windows through which the state is carried."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.rows import WHOLE, Part, Rows
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.layers.characters import without_padding
from seqkit.recurrence.acceleration import Change, accelerate
from seqkit.recurrence.compiled import launching
from seqkit.recurrence.stateful import stateful

TOKENS_A_SHAPE = 200_000  # from which on compiling pays
LONG = 10_000  # steps of a row, of which Keras's loop would hold each one's tensors apart
Batch = dict[str, tf.Tensor]
Of = Callable[[Batch, Any], tf.Tensor]


class Executor:
    """A model on batches: it picks its inputs by name and, between windows, keeps the recurrent states.

    Attributes:
        states: Variables, (slots, units), of the windows before; none where batches hold whole rows.
    """

    def __init__(self, model: keras.Model, states: Sequence[tf.Variable] = ()):
        self.model, self.states = model, list(states)
        self._names = [tensor.name for tensor in model.inputs[: len(model.inputs) - len(self.states)]]

    def __call__(self, batch: Batch, *, training: bool) -> tuple[Any, list[tf.Tensor]]:
        """Outputs, and the states after the batch, which the caller hands to `carry`."""
        if missing := [name for name in self._names if name not in batch]:
            raise InputError(
                f"The model reads {', '.join(missing)}, and the rows have no such column but {', '.join(sorted(batch))}: "
                "call its inputs what the columns are called."
            )
        inputs = [batch[name] for name in self._names]
        if not self.states:
            return self.model(inputs if len(inputs) > 1 else inputs[0], training=training), []
        before = [tf.where(batch["fresh"][:, None], tf.zeros((), state.dtype), state) for state in self.states]
        outputs = self.model([*inputs, *before], training=training)
        answers, after = outputs[: -len(before)], outputs[-len(before) :]
        return (answers if len(answers) > 1 else answers[0]), list(after)

    def carry(self, states: Sequence[tf.Tensor]) -> None:
        """Start the next batch from these states, those after this one."""
        for variable, value in zip(self.states, states, strict=True):
            variable.assign(value)


def executor_of(
    model: keras.Model, rows: Rows, epochs: float, change: Change | None = None, part: Part = WHOLE
) -> Executor:
    """The model with its states for windows; else itself, or accelerated where the tokens pay for compiling each shape, or
    rows are so long that it is for memory's sake.

    Measured on two quiet cores (a bidirectional LSTM of 96 units, batches of 32 rows): a shape compiles for 0.8 s, and a
    step of 100 tokens a row then takes 30 ms instead of 48, one of 500 tokens 137 instead of 254: 6 to 7 s less for a
    million tokens.
    """
    model = without_padding(model)
    if isinstance(rows, Windows):
        carrying = stateful(model, change=change)
        names = carrying.inputs[len(model.inputs) :]
        return Executor(
            carrying, [tf.Variable(tf.zeros((part.of(rows.batch_size), t.shape[1]), t.dtype)) for t in names]
        )
    pays = int(rows.lengths.sum()) * epochs >= TOKENS_A_SHAPE * len(rows.shapes())
    long = rows.boundaries[-1] >= LONG
    return Executor(accelerate(model, change=change) if pays or long or change else model)


class Forward:
    """A model without dropout, as graphs that are traced once, whatever the batch's shape.

    Args:
        model: its inputs have the names of the batches' columns.
    """

    def __init__(self, model: keras.Model):
        self.model, executor = model, Executor(without_padding(model))
        signature = [{tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs}]
        self._names = list(signature[0])
        self._made: dict[Any, Any] = {}
        self._run = tf.function(
            launching()(lambda batch: executor(batch, training=False)[0]), input_signature=signature, autograph=False
        )

    def __call__(self, batch: Batch) -> Any:
        """Outputs of a batch of whole rows."""
        return self._run({name: batch[name] for name in self._names})

    def made(self, make: Callable[..., Any], *settings: Any) -> Any:
        """`make(model, *settings)`, made once: what is kept here goes with the model."""
        key = (make, *settings)
        if key not in self._made:
            self._made[key] = make(self.model, *settings)
        return self._made[key]

    def over(self, rows: Windows, of: Of) -> Iterator[tf.Tensor]:
        """`of(batch, outputs)` for each batch of windows, with the state carried from one to the next."""
        batches = rows.batches()
        key = ("over", rows.batch_size, of)
        if key not in self._made:  # once: TensorFlow keeps a part of each graph that calls a compiled one
            executor = executor_of(self.model, rows, 1)

            def step(batch: Batch) -> tf.Tensor:
                outputs, states = executor(batch, training=False)
                executor.carry(states)
                return of(batch, outputs)

            self._made[key] = tf.function(launching()(step), input_signature=[batches.element_spec], autograph=False)
        return map(self._made[key], batches)


def row_outputs(forward: Forward, pipeline: Pipeline) -> np.ndarray:
    """Run a model with one output a row over all rows: float, (rows, ...), in the order of the rows."""
    outputs: np.ndarray | None = None
    for batch in pipeline.each():
        values = forward(batch).numpy()
        if outputs is None:
            outputs = np.empty((pipeline.rows, *values.shape[1:]), values.dtype)
        outputs[batch["rows"].numpy()] = values
    assert outputs is not None, "there is a row"
    return outputs


def step_outputs(forward: Forward, rows: Pipeline | Windows, of: Of = lambda batch, outputs: outputs) -> Ragged:
    """Run a model with one output a step over all rows.

    Args:
        rows: Whole rows, or windows through which the state is carried.
        of: (batch, outputs) -> what to keep of the outputs, (batch, steps, ...).
    Returns:
        Without padding, (steps, ...), in the order of the rows.
    """
    flat: np.ndarray | None = None
    if isinstance(rows, Windows):
        for values, starts, sizes in zip(forward.over(rows, of), *rows.plan()[:2], strict=True):
            array = values.numpy()
            if flat is None:
                flat = np.zeros((int(rows.lengths.sum()), *array.shape[2:]), array.dtype)
            for window, start, size in zip(array, starts, sizes, strict=True):
                flat[start : start + size] = window[:size]
        return Ragged.of_lengths(np.empty(0) if flat is None else flat, rows.lengths)
    offsets = Ragged.of_lengths(np.empty(0), rows.lengths).offsets
    for batch in rows.each():
        array = of(batch, forward(batch)).numpy()
        if flat is None:
            flat = np.empty((offsets[-1], *array.shape[2:]), array.dtype)
        for row, values in zip(batch["rows"].numpy(), array, strict=True):
            flat[offsets[row] : offsets[row + 1]] = values[: offsets[row + 1] - offsets[row]]
    return Ragged(np.empty(0) if flat is None else flat, offsets)
