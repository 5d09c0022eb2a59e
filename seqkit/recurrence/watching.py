"""A model whose recurrent layers run step by step, in the open: every state and gate of a batch, as tensors that a tape
differentiates.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from seqkit.core.errors import InputError
from seqkit.recurrence import gated, light
from seqkit.recurrence.acceleration import Scanned, check_followed, eligible
from seqkit.recurrence.cells import weights_of
from seqkit.recurrence.heads import whole_product
from seqkit.recurrence.step import Blocks, Cell, PlainOps

STATES = ("hidden state", "cell state")  # of a cell, the first of which is its output
_LSTM = ("input gate", "forget gate", "candidate", "output gate", "squashed cell")
_GREFF = ("candidate", "input gate", "forget gate", "squashed cell", "output gate")


def _without(gate: str) -> tuple[str, ...]:
    return tuple(name for name in _GREFF if name != gate)


ACTIVATIONS: dict[Any, tuple[str, ...]] = {  # of a step, in the order of its calls
    gated.simple_rnn: ("state",),
    gated.lstm: _LSTM,
    gated.gru: ("update gate", "reset gate", "candidate"),
    gated.gru_reset_before: ("update gate", "reset gate", "candidate"),
    gated.mut1: ("update gate", "reset gate", "squashed input", "candidate"),
    gated.mut2: ("update gate", "reset gate", "candidate"),
    gated.mut3: ("squashed state", "update gate", "reset gate", "candidate"),
    gated.lstm_peephole: _GREFF,
    gated.lstm_no_input_gate: _without("input gate"),
    gated.lstm_no_forget_gate: _without("forget gate"),
    gated.lstm_no_output_gate: _without("output gate"),
    gated.lstm_no_input_activation: _without("candidate"),
    gated.lstm_no_output_activation: _without("squashed cell"),
    gated.lstm_coupled: ("input gate", "candidate", "squashed cell", "output gate"),
    gated.lstm_full_gate: ("input gate", "forget gate", "candidate", "output gate", "squashed cell"),
    light.mingru: ("update gate", "squashed candidate"),
    light.minlstm: ("forget gate", "squashed candidate"),
    light.sru: ("forget gate", "output gate"),
    light.qrnn: ("forget gate", "candidate", "output gate"),
    light.rg_lru: ("recurrence gate", "squashed decay", "input gate"),
}


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a layer.

    Attributes:
        x: (batch, features): what went in.
        before, after: the cell's states, (batch, units) each.
        gates: name -> ("sigmoid" or "tanh", (batch, units)): all that the step squashed.
    Example:
        >>> from seqkit.recurrence.watching import watch
        >>> model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4)])
        >>> outputs, (course,) = watch(model, rng.normal(size=(2, 5, 3)).astype("float32"))
        >>> [f"{kind} of the {name}" for name, (kind, values) in course.steps[0].gates.items()][:3]
        ['sigmoid of the input gate', 'sigmoid of the forget gate', 'tanh of the candidate']
    """

    x: tf.Tensor
    before: Blocks
    after: Blocks
    gates: dict[str, tuple[str, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class Course:
    """What one direction of a recurrent layer did with a batch.

    Attributes:
        name: the layer's, and of one that goes both ways the direction's.
        cell: its equations.
        weights: as in `bptt.scan`.
        steps: in the order of the text, also where it was read from its end.
        reverse: whether it was.
        mask: bool, (batch, steps), False on padding; nothing where it was given none.
    Example:
        >>> from seqkit.recurrence.watching import watch
        >>> model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(4)])
        >>> outputs, (course,) = watch(model, rng.normal(size=(2, 5, 3)).astype("float32"))
        >>> np.stack([step.after[0] for step in course.steps], axis=1).shape  # (batch, steps, units)
        (2, 5, 4)
    """

    name: str
    cell: Cell
    weights: dict[str, Any]
    steps: list[Step]
    reverse: bool
    mask: tf.Tensor | None = None

    def by_name(self) -> dict[str, np.ndarray]:
        """Its states after each step and its gates at each: float, (batch, steps, units), by their names."""
        first = self.steps[0]
        names = [STATES[n] if n < len(STATES) else f"state {n + 1}" for n in range(len(first.after))]
        states = {name: [step.after[n] for step in self.steps] for n, name in enumerate(names)}
        gates = {name: [step.gates[name][1] for step in self.steps] for name in first.gates}
        return {name: np.stack(values, axis=1) for name, values in (states | gates).items()}


def watch(
    model: keras.Model, inputs: Any, *, training: bool = False, tape: tf.GradientTape | None = None
) -> tuple[Any, list[Course]]:
    """Run a batch through a model, whose recurrent layers take step after step.

    Args:
        model: functional or sequential, built; it is left as it is.
        inputs: as the model takes them.
        tape: watches every state, so that it gives the gradients in these.
    Returns:
        The model's outputs, and what each direction of each recurrent layer did, in the order in which they ran.
    Raises:
        InputError: no recurrent layer of the model can be watched, or the model's calls can't be followed.
    Example:
        >>> from seqkit.recurrence.watching import watch
        >>> model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, name="lstm")])
        >>> outputs, (course,) = watch(model, rng.normal(size=(2, 5, 3)).astype("float32"))
        >>> course.name, len(course.steps), course.steps[0].x.shape
        ('lstm', 5, TensorShape([2, 3]))
    """
    check_followed(model)
    courses: list[Course] = []

    def replace(layer: layers.Layer) -> layers.Layer:
        if not eligible(layer):
            return layer
        return Watched(layer, courses, tape, name=layer.name, dtype=layer.dtype_policy)

    copy = keras.models.clone_model(model, clone_function=replace, recursive=True)
    outputs = copy(inputs, training=training)
    if not courses:
        raise InputError(f"{model.name} has no recurrent layer whose steps can be watched.")
    return outputs, courses


class Watched(Scanned):
    """Calls like the recurrent layer that it holds, step by step.

    Args:
        courses: gets what it did.
    """

    def __init__(self, layer: layers.Layer, courses: list[Course], tape: tf.GradientTape | None, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self._tape = tape
        self._add: Callable[[Course], None] = courses.append  # Keras would copy a list

    def run(
        self, layer: layers.RNN, sequences: tf.Tensor, initial_state: Any, mask: tf.Tensor | None, training: bool
    ) -> tuple[tf.Tensor, Blocks]:
        if isinstance(sequences, keras.KerasTensor):
            return super().run(layer, sequences, initial_state, mask, training)  # while the copy is made
        cell, weights = weights_of(layer)
        sequences = tf.cast(sequences, layer.compute_dtype)
        if initial_state is not None and not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        backwards = layer.go_backwards
        steps = open_steps(cell, weights, sequences, initial_state, mask=mask, reverse=backwards, tape=self._tape)
        direction = {True: " backward", False: " forward"}[backwards] if layer is not self.layer else ""
        self._add(Course(self.layer.name + direction, cell, weights, steps, backwards, mask))
        states = steps[0 if backwards else -1].after
        outputs = tf.stack([step.after[0] for step in steps], axis=1)
        if mask is not None:
            # there is no output before the first real step, though there may be a state
            begun = tf.cumsum(tf.cast(mask, tf.int32), axis=1, reverse=backwards) > 0
            real = mask if layer.zero_output_for_mask else begun
            outputs = tf.where(real[:, :, None], outputs, tf.zeros((), outputs.dtype))
        return (outputs if layer.return_sequences else outputs[:, 0 if backwards else -1]), states


def open_steps(
    cell: Cell,
    weights: Mapping[str, Any],
    sequences: tf.Tensor,
    initial_state: Sequence[tf.Tensor] | None = None,
    *,
    mask: tf.Tensor | None = None,
    reverse: bool = False,
    tape: tf.GradientTape | None = None,
) -> list[Step]:
    """Run a cell over a sequence by plain operations.

    Args:
        weights, initial_state, mask, reverse: as in `bptt.scan`.
        tape: watches every state.
    Returns:
        The steps, in the order of the text.
    """
    if initial_state is None:
        units = weights["kernel"].shape[-1] // cell.gates
        initial_state = (tf.zeros((sequences.shape[0], units), sequences.dtype),) * cell.states
    states, course, times = tuple(initial_state), [], range(sequences.shape[1])
    for t in reversed(times) if reverse else times:
        op = OpenOps(cell, weights)
        x, before = sequences[:, t], states
        states = tuple(cell.step(op, op.projected(x), before, tuple(weights.get("vectors", ()))))
        if mask is not None:
            states = tuple(tf.where(mask[:, t, None], new, old) for new, old in zip(states, before, strict=True))
        states = tuple(map(tf.identity, states))  # what is handed on: h isn't made of this c
        if tape is not None:
            tape.watch(states)
        course.append(Step(x, before, states, op.gates_by_name()))
    return course[::-1] if reverse else course


class OpenOps(PlainOps):
    """What a cell's step calls, with everything that it squashed.

    Attributes:
        seen: ("sigmoid" or "tanh", its result), in the order of the calls.
    """

    def __init__(self, cell: Cell, weights: Mapping[str, Any]):
        super().__init__(cell, weights["recurrent"])
        self._weights = weights
        self.seen: list[tuple[str, tf.Tensor]] = []

    def gates_by_name(self) -> dict[str, tuple[str, tf.Tensor]]:
        """`seen`, by the names of `ACTIVATIONS`, or else by kind and number."""
        names = ACTIVATIONS.get(self._cell.step, ())
        found = enumerate(self.seen)
        return {names[n] if n < len(names) else f"{kind} {n + 1}": (kind, value) for n, (kind, value) in found}

    def projected(self, x: tf.Tensor) -> list[tf.Tensor]:
        """W x + b, gate by gate."""
        bias = self._weights.get("bias")
        whole = x @ self._weights["kernel"] + (0 if bias is None else bias)
        return list(tf.split(whole, self._cell.gates, axis=1))

    def product(self, left: tf.Tensor, k: int = 0) -> Blocks:
        blocks = self._cell.products[k]
        biases: Sequence[Any] = self._weights.get("recurrent_bias") or (None,) * len(self._cell.products)
        whole = whole_product(left, self._recurrent[k], blocks)
        return tuple(tf.split(whole if biases[k] is None else whole + biases[k], blocks, axis=1))

    def sigmoid(self, x: tf.Tensor) -> tf.Tensor:
        self.seen.append(("sigmoid", tf.sigmoid(x)))
        return self.seen[-1][1]

    def tanh(self, x: tf.Tensor) -> tf.Tensor:
        self.seen.append(("tanh", tf.tanh(x)))
        return self.seen[-1][1]
