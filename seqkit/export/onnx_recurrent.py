"""Recurrent layers as ONNX: its own LSTM, GRU and RNN where the cell is one of these, a Scan of the cell's equations else.

Sequences come as (batch, steps, features); ONNX's own operators want the steps first, so a sequence that one of them wrote
is known to the next in that order too.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.onnx_graph import Builder, Value
from seqkit.export.onnx_primitives import emit_function
from seqkit.recurrence.cells import GateCell, weights_of
from seqkit.recurrence.heads import whole_product
from seqkit.recurrence.step import PlainOps

ACTIVATIONS: dict[Callable[..., Any], dict[str, Any]] = {
    keras.activations.tanh: {"name": "Tanh"},
    keras.activations.sigmoid: {"name": "Sigmoid"},
    keras.activations.relu: {"name": "Relu"},
    keras.activations.linear: {"name": "Affine", "alpha": 1.0, "beta": 0.0},
    keras.activations.softsign: {"name": "Softsign"},
    keras.activations.softplus: {"name": "Softplus"},
    keras.activations.hard_sigmoid: {"name": "HardSigmoid", "alpha": 1 / 6, "beta": 0.5},
}


class Ran(NamedTuple):
    """What a layer made of a sequence.

    Attributes:
        outputs: (batch, steps, units of all directions), on padding whatever.
        states: Of each direction, the last real ones: (batch, units) each.
    """

    outputs: Value
    states: Sequence[Sequence[Value]]


def run_recurrent(
    builder: Builder,
    layers: Sequence[keras.layers.RNN],
    sequences: Value,
    mask: Value | None,
    initial: Sequence[Value] | None,
    *,
    one_step: bool,
) -> Ran:
    """One direction, or two.

    Args:
        layers: One, or one forward and one backward.
        sequences: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding, which is at the end.
        initial: The states of the first step, (batch, units) each; zeros where there are none.
        one_step: Whether there is one step.
    Raises:
        InputError: The cell can't be held.
    """
    for layer in layers:
        _check(layer)
    if one_step and len(layers) == 1 and initial is not None:
        return _one_step(builder, layers[0], sequences, mask, initial)
    if all(_operator(layer) for layer in layers) and len({_operator(layer) for layer in layers}) == 1:
        return _native(builder, layers, sequences, mask, initial)
    halves = None if initial is None else len(initial) // len(layers)
    ran = []
    for number, layer in enumerate(layers):
        own = None if initial is None else initial[number * (halves or 0) : (number + 1) * (halves or 0)]
        ran.append(_scanned(builder, layer, sequences, mask, own, backwards=number == 1))
    outputs = ran[0].outputs if len(ran) == 1 else builder.add("Concat", *(one.outputs for one in ran), axis=2)
    return Ran(outputs, [states for one in ran for states in one.states])


def _check(layer: keras.layers.RNN) -> None:
    if _operator(layer) or isinstance(layer.cell, GateCell):
        return
    raise InputError(
        f"onnx can't hold the layer {layer.name}, a {type(layer).__name__} of {type(layer.cell).__name__}: it takes "
        "cells of Keras with activations that ONNX names, and those that are registered with seqkit. Export savedmodel."
    )


def _operator(layer: keras.layers.RNN) -> str | None:
    """ONNX's own name for what a layer does, if it has one."""
    names = {keras.layers.LSTM: "LSTM", keras.layers.GRU: "GRU", keras.layers.SimpleRNN: "RNN"}
    used = (
        {layer.cell.activation, getattr(layer.cell, "recurrent_activation", layer.cell.activation)}
        if (type(layer) in names)
        else set()
    )
    return names.get(type(layer)) if used <= ACTIVATIONS.keys() else None


# ONNX's own operators


class Weights(NamedTuple):
    """Those of a layer in ONNX's shapes: (gates * units, features), (gates * units, units) and (2 * gates * units,)."""

    input: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


def onnx_weights(layer: keras.layers.RNN) -> Weights:
    """Keras has the gates of an LSTM as i, f, c, o, ONNX as i, o, f, c; those of a GRU are z, r, h in both."""
    cell, units = layer.cell, layer.cell.units
    gates = {"LSTM": [0, 3, 1, 2], "GRU": [0, 1, 2], "RNN": [0]}[_operator(layer) or ""]
    order = np.concatenate([np.arange(units) + gate * units for gate in gates])
    bias = np.zeros((2, len(order)), np.float32)
    if cell.use_bias:
        own = np.asarray(cell.bias).reshape(-1, len(order))
        bias[: len(own)] = own  # of a GRU with its reset after the product both, else that of the input
    kernel, recurrent = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel)
    return Weights(kernel[:, order].T, recurrent[:, order].T, bias[:, order].reshape(-1))


def _native(
    builder: Builder,
    layers: Sequence[keras.layers.RNN],
    sequences: Value,
    mask: Value | None,
    initial: Sequence[Value] | None,
) -> Ran:
    operator, cell, both = _operator(layers[0]) or "", layers[0].cell, len(layers) == 2
    weights = [onnx_weights(layer) for layer in layers]
    kernels = [builder.weight(np.stack(parts), (0, 1)) for parts in list(zip(*weights, strict=True))[:2]]
    bias = np.stack([one.bias for one in weights])
    lengths = None
    if mask is not None:
        lengths = builder.add("ReduceSum", builder.cast(mask, np.int32), np.array([1]), keepdims=0)
    states = 2 if operator == "LSTM" else 1
    first: list[Value | None] = [None] * states
    if initial is not None:
        first = [_beside(builder, [initial[k + states * d] for d in range(len(layers))]) for k in range(states)]
    outputs, *last = builder.add_many(
        operator,
        1 + states,
        builder.steps_first(sequences),
        *kernels,
        bias if cell.use_bias else None,
        lengths,
        *first,
        hidden_size=cell.units,
        direction="bidirectional" if both else "forward",
        **_activations(operator, layers),
        **({"linear_before_reset": int(cell.reset_after)} if operator == "GRU" else {}),
    )  # (steps, directions, batch, units), (directions, batch, units)
    if both:
        rows = builder.add("Transpose", outputs, perm=[0, 2, 1, 3])
        joined = builder.add("Reshape", rows, np.array([0, 0, 2 * cell.units]))  # (steps, batch, 2 units)
    else:
        joined = builder.add("Squeeze", outputs, np.array([1]))
    ends = [[builder.add("Gather", state, np.int64(d), axis=0) for state in last] for d in range(len(layers))]
    return Ran(builder.batch_first(joined), ends)


def _beside(builder: Builder, states: Sequence[Value]) -> Value:
    """(batch, units) of each direction -> (directions, batch, units)."""
    rows = [builder.add("Unsqueeze", state, np.array([0])) for state in states]
    return rows[0] if len(rows) == 1 else builder.add("Concat", *rows, axis=0)


def _activations(operator: str, layers: Sequence[keras.layers.RNN]) -> dict[str, Any]:
    """As attributes of an operator, which has a list of its own for each direction, where they aren't its usual ones."""
    used = []
    for layer in layers:
        gates = [] if operator == "RNN" else [layer.cell.recurrent_activation]
        used += [*gates, *[layer.cell.activation] * (2 if operator == "LSTM" else 1)]
    found = [ACTIVATIONS[activation] for activation in used]
    if all(set(one) == {"name"} for one in found):
        usual = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[operator]
        names = [one["name"] for one in found]
        return {} if names == usual * len(layers) else {"activations": names}
    return {
        "activations": [one["name"] for one in found],
        "activation_alpha": [one.get("alpha", 0.0) for one in found],
        "activation_beta": [one.get("beta", 0.0) for one in found],
    }


# equations


class _Products(PlainOps):
    """What a step calls, with the biases of recurrent products."""

    def __init__(self, cell: Any, recurrent: Sequence[tf.Tensor], biases: Sequence[tf.Tensor | None]):
        super().__init__(cell, recurrent)
        self._biases = biases

    def product(self, left: tf.Tensor, k: int = 0) -> Any:
        blocks = self._cell.products[k]
        whole = whole_product(left, self._recurrent[k], blocks)
        if self._biases[k] is not None:
            whole += self._biases[k]
        return tuple(tf.split(whole, blocks, axis=1))


class Equations:
    """The cell of a layer, for one step at a time."""

    def __init__(self, builder: Builder, layer: keras.layers.RNN):
        self._builder, self._layer = builder, layer
        self._cell, weights = weights_of(layer)
        self._arrays = tf.nest.map_structure(np.asarray, weights)
        size = layer.cell.state_size
        self.sizes = list(size) if isinstance(size, list | tuple) else [size]
        self.width = self._cell.gates * layer.cell.units

    def projected(self, inputs: Value) -> Value:
        """float (..., features) -> (..., gates * units), with the bias."""
        found: Value = self._builder.product(inputs, self._arrays["kernel"])
        bias = self._arrays["bias"]
        return found if bias is None else self._builder.add("Add", found, bias)

    def step(self, projected: Value, states: Sequence[Value]) -> list[Value]:
        """From (batch, gates * units) and (batch, units) each to the states after."""
        recurrent, vectors = self._arrays["recurrent"], self._arrays.get("vectors", [])
        biases = self._arrays.get("recurrent_bias") or [None] * len(recurrent)
        cell = self._cell

        def equations(x: tf.Tensor, *state: tf.Tensor) -> Any:
            gates = tuple(tf.split(x, cell.gates, axis=1))
            op = _Products(cell, [tf.constant(one) for one in recurrent], biases)
            return list(cell.step(op, gates, state, tuple(tf.constant(one) for one in vectors)))

        given = [(projected, tf.TensorSpec([None, self.width]))]
        given += [(state, tf.TensorSpec([None, size])) for state, size in zip(states, self.sizes, strict=True)]
        return emit_function(self._builder, equations, given, f"The cell of the layer {self._layer.name}")


def _one_step(
    builder: Builder, layer: keras.layers.RNN, sequences: Value, mask: Value | None, initial: Sequence[Value]
) -> Ran:
    """(batch, 1, features) and the states before. A masked step hands them on, and says what it said before."""
    if _operator(layer) and (builder.quantize != "dynamic" or not _usual(layer)):
        outputs, [states] = _native(builder, [layer], sequences, None, initial)
    else:
        equations = Equations(builder, layer)
        states = equations.step(equations.projected(builder.add("Squeeze", sequences, np.array([1]))), initial)
        outputs = builder.add("Unsqueeze", states[0], np.array([1]))
    if mask is None:
        return Ran(outputs, [states])
    states = [builder.add("Where", mask, new, old) for new, old in zip(states, initial, strict=True)]
    return Ran(builder.add("Unsqueeze", states[0], np.array([1])), [states])


def _usual(layer: keras.layers.RNN) -> bool:
    """Whether a layer of Keras's has the activations of `CELLS`."""
    gates = getattr(layer.cell, "recurrent_activation", keras.activations.sigmoid)
    return layer.cell.activation is keras.activations.tanh and gates is keras.activations.sigmoid


def _scanned(
    builder: Builder,
    layer: keras.layers.RNN,
    sequences: Value,
    mask: Value | None,
    initial: Sequence[Value] | None,
    *,
    backwards: bool,
) -> Ran:
    """A Scan, whose padded steps hand the states on."""
    equations, helper = Equations(builder, layer), builder.onnx.helper
    projected = equations.projected(sequences)
    if initial is None:
        batch = builder.add("Slice", builder.add("Shape", sequences), np.array([0]), np.array([1]))
        zero = builder.onnx.numpy_helper.from_array(np.zeros(1, np.float32))
        initial = [
            builder.add("ConstantOfShape", builder.add("Concat", batch, np.array([size]), axis=0), value=zero)
            for size in equations.sizes
        ]
    names = [builder.fresh("state") for _ in equations.sizes]
    x, real = builder.fresh("x"), builder.fresh("real")
    with builder.body() as nodes:
        after = equations.step(x, names)
        if mask is not None:
            rows = builder.add("Unsqueeze", real, np.array([1]))
            after = [builder.add("Where", rows, new, old) for new, old in zip(after, names, strict=True)]
        ends = [builder.fresh("after") for _ in (*after, after[0])]
        for value, end in zip((*after, after[0]), ends, strict=True):
            nodes.append(helper.make_node("Identity", [builder.name(value)], [end]))
    scans = [projected] if mask is None else [projected, mask]
    sizes = [*equations.sizes, equations.sizes[0]]
    body = helper.make_graph(
        nodes,
        "step",
        [builder.tensor(name, np.float32, ["batch", size]) for name, size in zip(names, sizes, strict=False)]
        + [builder.tensor(x, np.float32, ["batch", equations.width])]
        + [builder.tensor(real, np.bool_, ["batch"])] * (mask is not None),
        [builder.tensor(name, np.float32, ["batch", size]) for name, size in zip(ends, sizes, strict=True)],
    )
    *states, outputs = builder.add_many(
        "Scan",
        len(names) + 1,
        *initial,
        *scans,
        body=body,
        num_scan_inputs=len(scans),
        scan_input_axes=[1] * len(scans),
        scan_input_directions=[int(backwards)] * len(scans),
        scan_output_axes=[1],
        scan_output_directions=[int(backwards)],
    )
    return Ran(outputs, [states])
