"""A functional model as statements of C: one step, its recurrent layers with their states.

Only layers that treat each step by itself, and recurrent ones that read forwards, can be held. The walk starts at the output
and asks for what each layer reads, so that masks, which a stream has not, are never met.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from seqkit.core.errors import InputError

IDS, FRAMES = "ids", "frames"
INSTEAD = "export onnx or litert."


class Vector(NamedTuple):
    """What a statement leaves behind: a name in C, or an expression, and how many floats it has."""

    name: str
    size: int


@dataclasses.dataclass
class Program:
    """Statements, and what they need.

    Attributes:
        name: That every name of C begins with.
        int8: Whether matrices are int8 with a scale for each column.
        arrays: Name -> float32 or int8, which become constants.
        states: Name -> size.
    """

    name: str
    int8: bool
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    states: dict[str, int] = dataclasses.field(default_factory=dict)
    lines: list[str] = dataclasses.field(default_factory=list)
    scratches: dict[str, int] = dataclasses.field(default_factory=dict)
    known: dict[int, Vector] = dataclasses.field(default_factory=dict)

    def constant(self, name: str, values: Any) -> str:
        """A constant array; returns its name in C."""
        values = np.asarray(values)
        self.arrays[name] = values if values.dtype == np.int8 else values.astype(np.float32)
        return f"{self.name}_{name}"

    def scratch(self, size: int) -> str:
        """Room for a vector."""
        name = f"v{len(self.scratches)}"
        self.scratches[name] = size
        return name

    def state(self, name: str, size: int) -> str:
        """Room that outlives a step."""
        self.states[name] = size
        return f"state->{name}"

    def affine(self, name: str, kernel: np.ndarray, bias: np.ndarray | None, given: Vector, into: str) -> None:
        """into = given kernel + bias."""
        rows, columns = kernel.shape
        bias = np.zeros(columns) if bias is None else bias
        weights, scales = self.matrix(name, kernel, axis=0)
        constants = f"{weights}{scales}, {self.constant(f'{name}_bias', bias)}"
        self.lines.append(f"{self.name}_affine({constants}, {given.name}, {into}, {rows}, {columns});")

    def matrix(self, name: str, values: np.ndarray, *, axis: int) -> tuple[str, str]:
        """A matrix as constants: its name, and behind a comma that of its scales, where it has any.

        Args:
            axis: Over which one scale goes: 0 gives each column one, 1 each row.
        """
        if not self.int8:
            return self.constant(name, values), ""
        scales = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-30) / 127
        whole = np.rint(values / scales).astype(np.int8)
        return self.constant(name, whole), f", {self.constant(f'{name}_scales', scales.ravel())}"

    def each(self, size: int, statement: str) -> None:
        """A statement for every i below `size`."""
        self.lines.append(f"for (i = 0; i < {size}; ++i) {statement}")


def value(program: Program, tensor: keras.KerasTensor) -> Vector:
    """The vector that a tensor is at one step.

    Raises:
        InputError: A layer can't be held.
    """
    if id(tensor) in program.known:
        return program.known[id(tensor)]
    layer, node, _ = tensor._keras_history
    kind = type(layer).__name__
    if kind not in LAYERS:
        raise InputError(f"c has no {kind}, which the model's {layer.name} is: {INSTEAD}")
    read = layer._inbound_nodes[node].arguments.args[0] if layer._inbound_nodes[node].arguments.args else None
    program.known[id(tensor)] = LAYERS[kind](program, layer, read)
    return program.known[id(tensor)]


def _input(program: Program, layer: Any, read: Any) -> Vector:
    return Vector("id", 0) if layer.name == IDS else Vector("frame", layer.output.shape[-1])


def _embedding(program: Program, layer: Any, read: Any) -> Vector:
    value(program, read)
    return _row(program, layer.name, np.asarray(layer.embeddings))


def _row(program: Program, name: str, table: np.ndarray) -> Vector:
    """The row of a table that belongs to an id."""
    size = table.shape[1]
    if not program.int8:
        return Vector(f"({program.constant(name, table)} + (size_t)id * {size})", size)
    weights, scales = program.matrix(name, table, axis=1)
    into = program.scratch(size)
    program.each(size, f"{into}[i] = (float){weights}[(size_t)id * {size} + i] * {scales.lstrip(', ')}[id];")
    return Vector(into, size)


def _same(program: Program, layer: Any, read: Any) -> Vector:
    return value(program, read)


def _ids(program: Program, layer: Any, read: Any) -> Vector:
    """Ids of which training drops some for the unknown one: all are kept."""
    kept = layer._inbound_nodes[0].arguments.args[2]
    if len(kept.shape) != 2:
        raise InputError(f"c has no Where, which the model's {layer.name} is: {INSTEAD}")
    return value(program, kept)


def _add(program: Program, layer: Any, read: Any) -> Vector:
    first, second = (value(program, one) for one in read)
    into = program.scratch(first.size)
    program.each(first.size, f"{into}[i] = {first.name}[i] + {second.name}[i];")
    return Vector(into, first.size)


def _normalization(program: Program, layer: Any, read: Any) -> Vector:
    given = value(program, read)
    mean, deviation = np.asarray(layer.mean).ravel(), np.sqrt(np.asarray(layer.variance)).ravel()
    scale = program.constant(f"{layer.name}_scale", 1 / np.maximum(deviation, keras.config.epsilon()))
    into = program.scratch(given.size)
    program.each(
        given.size, f"{into}[i] = ({given.name}[i] - {program.constant(f'{layer.name}_mean', mean)}[i]) * {scale}[i];"
    )
    return Vector(into, given.size)


def _layer_norm(program: Program, layer: Any, read: Any) -> Vector:
    given = value(program, read)
    size, into = given.size, program.scratch(given.size)
    gamma, beta = (program.constant(f"{layer.name}_{name}", getattr(layer, name)) for name in ("gamma", "beta"))
    moments = program.scratch(2)
    program.lines.append(f"{moments}[0] = {moments}[1] = 0.0f;")
    program.each(size, f"{moments}[0] += {given.name}[i] / {size};")
    program.each(size, f"{moments}[1] += ({given.name}[i] - {moments}[0]) * ({given.name}[i] - {moments}[0]) / {size};")
    program.lines.append(f"{moments}[1] = 1.0f / sqrtf({moments}[1] + {layer.epsilon:.9g}f);")
    program.each(size, f"{into}[i] = ({given.name}[i] - {moments}[0]) * {moments}[1] * {gamma}[i] + {beta}[i];")
    return Vector(into, size)


def _dense(program: Program, layer: Any, read: Any) -> Vector:
    given = value(program, read)
    kernel, bias = np.asarray(layer.kernel), None if layer.bias is None else np.asarray(layer.bias)
    into = program.scratch(kernel.shape[1])
    program.affine(layer.name, kernel, bias, given, into)
    _activate(program, layer, layer.activation, into, kernel.shape[1])
    return Vector(into, kernel.shape[1])


def _reversed(program: Program, layer: Any, read: Any) -> Vector:
    """A reversible embedding: of ids its rows, of vectors products with them."""
    if len(read.shape) == 2:
        return _embedding(program, layer, read)
    given, table = value(program, read), np.asarray(layer.embeddings).T
    if not layer.tie_weights or layer.logit_soft_cap:
        raise InputError(f"c has no {type(layer).__name__} with weights of its own or a cap: {INSTEAD}")
    into = program.scratch(table.shape[1])
    program.affine(f"{layer.name}_reversed", table, None, given, into)
    return Vector(into, table.shape[1])


def _activate(program: Program, layer: Any, activation: Callable[..., Any], into: str, size: int) -> None:
    name = activation.__name__
    if name in ("tanh", "sigmoid"):
        program.lines.append(f"{program.name}_{name}({into}, {size});")
    elif name == "relu":
        program.each(size, f"{into}[i] = {into}[i] > 0.0f ? {into}[i] : 0.0f;")
    elif name != "linear":
        raise InputError(f"c has no activation {name}, which the model's {layer.name} has: {INSTEAD}")


def _projection(program: Program, layer: Any, read: Any, bias: np.ndarray | None) -> Vector:
    """x W + b of a recurrent layer, in room of its own; straight behind an embedding a row of a table that is no larger than
    the two matrices that it stands for.
    """
    kernel = np.asarray(layer.cell.kernel)
    before = _behind_dropout(read)._keras_history.operation
    columns, into = kernel.shape[1], program.scratch(kernel.shape[1])
    table = np.asarray(before.embeddings) if type(before).__name__ in ("Embedding", "ReversibleEmbedding") else None
    if table is not None and len(before.input.shape) == 2 and table.shape[0] * columns <= table.size + kernel.size:
        value(program, before.input)
        row = _row(program, f"{layer.name}_table", table @ kernel + (0 if bias is None else bias))
        program.lines.append(f"memcpy({into}, {row.name}, sizeof {into});")
    else:
        program.affine(layer.name, kernel, bias, value(program, read), into)
    return Vector(into, columns)


def _behind_dropout(tensor: Any) -> Any:
    while type(tensor._keras_history.operation).__name__ == "Dropout":
        tensor = tensor._keras_history.operation.input
    return tensor


def _recurrent(program: Program, layer: Any, read: Any, bias: np.ndarray | None, inner: np.ndarray | None) -> Any:
    """What each layer has in common: x W + b and h U + b', and the state h."""
    if layer.go_backwards:
        raise InputError(f"c reads forwards, and the model's {layer.name} does not: {INSTEAD}")
    given, units = _projection(program, layer, read, bias), layer.units
    state = program.state(f"{layer.name}_h", units)
    recurrent = np.asarray(layer.cell.recurrent_kernel)
    room = program.scratch(recurrent.shape[1])
    program.affine(f"{layer.name}_recurrent", recurrent, inner, Vector(state, units), room)
    return given.name, room, state, units


def _simple_rnn(program: Program, layer: Any, read: Any) -> Vector:
    bias = None if layer.cell.bias is None else np.asarray(layer.cell.bias)
    given, inner, state, units = _recurrent(program, layer, read, bias, None)
    program.each(units, f"{given}[i] += {inner}[i];")
    _activate(program, layer, layer.activation, given, units)
    program.lines.append(f"memcpy({state}, {given}, sizeof {given});")
    return Vector(state, units)


def _lstm(program: Program, layer: Any, read: Any) -> Vector:
    """Gates i, f, candidate, o, as Keras has them."""
    _check_activations(layer)
    bias = None if layer.cell.bias is None else np.asarray(layer.cell.bias)
    given, inner, state, units = _recurrent(program, layer, read, bias, None)
    cell, name = program.state(f"{layer.name}_c", units), program.name
    program.each(4 * units, f"{given}[i] += {inner}[i];")
    program.lines += [
        f"{name}_sigmoid({given}, {2 * units});",
        f"{name}_tanh({given} + {2 * units}, {units});",
        f"{name}_sigmoid({given} + {3 * units}, {units});",
    ]
    program.each(units, f"{cell}[i] = {given}[{units} + i] * {cell}[i] + {given}[i] * {given}[{2 * units} + i];")
    program.lines += [f"memcpy({state}, {cell}, sizeof {cell});", f"{name}_tanh({state}, {units});"]
    program.each(units, f"{state}[i] *= {given}[{3 * units} + i];")
    return Vector(state, units)


def _gru(program: Program, layer: Any, read: Any) -> Vector:
    """Gates z, r, candidate, as Keras has them where the reset comes after the product."""
    _check_activations(layer)
    if not layer.reset_after:
        raise InputError(f"c has no GRU that resets before the product, as the model's {layer.name} does: {INSTEAD}")
    bias, inner_bias = (None, None) if layer.cell.bias is None else np.asarray(layer.cell.bias)
    given, inner, state, units = _recurrent(program, layer, read, bias, inner_bias)
    program.each(2 * units, f"{given}[i] += {inner}[i];")
    program.lines.append(f"{program.name}_sigmoid({given}, {2 * units});")
    candidate = f"{given}[{2 * units} + i]"
    program.each(units, f"{candidate} += {given}[{units} + i] * {inner}[{2 * units} + i];")
    program.lines.append(f"{program.name}_tanh({given} + {2 * units}, {units});")
    program.each(units, f"{state}[i] = {given}[i] * {state}[i] + (1.0f - {given}[i]) * {candidate};")
    return Vector(state, units)


def _check_activations(layer: Any) -> None:
    names = layer.activation.__name__, layer.recurrent_activation.__name__
    if names != ("tanh", "sigmoid"):
        raise InputError(
            f"c has tanh and sigmoid for gates, and the model's {layer.name} has {', '.join(names)}: {INSTEAD}"
        )


LAYERS: dict[str, Callable[[Program, Any, Any], Vector]] = {
    "InputLayer": _input,
    "Embedding": _embedding,
    "ReversibleEmbedding": _reversed,
    "Dropout": _same,
    "Identity": _same,
    "Copy": _same,
    "Where": _ids,
    "Add": _add,
    "Normalization": _normalization,
    "LayerNormalization": _layer_norm,
    "Dense": _dense,
    "SimpleRNN": _simple_rnn,
    "LSTM": _lstm,
    "GRU": _gru,
}
