"""A functional model as statements of C: one step, its recurrent layers with their states.

Only layers that treat each step by itself, and recurrent ones that read forwards, can be held. The walk starts at the output
and asks for what each layer reads, so that masks, which a stream has not, are never met.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from seqkit.core.errors import InputError
from seqkit.export.c_cells import cell_weights, write_cell
from seqkit.export.c_program import INSTEAD, Program, Vector

IDS, FRAMES = "ids", "frames"


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
    table = np.asarray(layer.embeddings)
    if not _tied(layer):
        return _row(program, layer.name, table)
    program.tokens, size = table.shape
    weights, scales = program.matrix(f"{layer.name}_reversed", table.T, axis=0)
    into = program.scratch(size)
    scale = f" * {scales.lstrip(', ')}[id]" if scales else ""
    program.each(size, f"{into}[i] = (float){weights}[(size_t)i * {program.tokens} + (size_t)id]{scale};")
    return Vector(into, size)


def _tied(layer: Any) -> bool:
    """Whether an embedding's table is what logits are products with too: it stands in C once, as these need it."""
    return isinstance(layer, keras.layers.ReversibleEmbedding) and any(
        node.arguments.kwargs.get("reverse") or len(node.input_tensors[0].shape) == 3 for node in layer._inbound_nodes
    )


def _row(program: Program, name: str, table: np.ndarray) -> Vector:
    """The row of a table that belongs to an id."""
    program.tokens, size = table.shape
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


def _elementwise(sign: str) -> Callable[[Program, Any, Any], Vector]:
    def write(program: Program, layer: Any, read: Any) -> Vector:
        """Of two vectors, or of a vector and one number."""
        given = read if isinstance(read, list | tuple) else layer._inbound_nodes[0].arguments.args
        first, second = (value(program, one) for one in given)
        size = max(first.size, second.size)
        into = program.scratch(size)
        left, right = (f"{one.name}[{'i' if one.size == size else '0'}]" for one in (first, second))
        program.each(size, f"{into}[i] = {left} {sign} {right};")
        return Vector(into, size)

    return write


def _ones(program: Program, layer: Any, read: Any) -> Vector:
    """A one for each step, which is all that a model of ours has of these."""
    into = program.scratch(1)
    program.lines.append(f"{into}[0] = 1.0f;")
    return Vector(into, 1)


def _concatenate(program: Program, layer: Any, read: Any) -> Vector:
    parts = [value(program, one) for one in read]
    size, start = sum(part.size for part in parts), 0
    into = program.scratch(size)
    for part in parts:
        program.lines.append(f"memcpy({into} + {start}, {part.name}, {part.size} * sizeof *{into});")
        start += part.size
    return Vector(into, size)


def _slice(program: Program, layer: Any, read: Any) -> Vector:
    """Some components of every step."""
    key = layer._inbound_nodes[0].arguments.args[1]  # a list in a model that was opened from a file
    if not (isinstance(key, tuple | list) and len(key) == 2 and key[0] is Ellipsis and isinstance(key[1], slice)):
        raise InputError(f"c takes components of a step and no steps of a sequence, as {layer.name} does: {INSTEAD}")
    given = value(program, read)
    places = range(given.size)[key[1]]
    return Vector(f"({given.name} + {places.start})", len(places))


def _tile(program: Program, layer: Any, read: Any) -> Vector:
    given, size = value(program, read), layer.output.shape[-1]
    into = program.scratch(size)
    program.each(size, f"{into}[i] = {given.name}[i % {given.size}];")
    return Vector(into, size)


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
        program.each(size, f"{into}[i] = {program.name}_{name}({into}[i]);")
    elif name == "relu":
        program.each(size, f"{into}[i] = {into}[i] > 0.0f ? {into}[i] : 0.0f;")
    elif name != "linear":
        raise InputError(f"c has no activation {name}, which the model's {layer.name} has: {INSTEAD}")


def _projection(program: Program, layer: Any, read: Any, weights: Mapping[str, Any]) -> Vector:
    """x W + b of a recurrent layer, in room of its own; straight behind an embedding a row of a table, where that is no
    larger than the matrices that it stands for.
    """
    kernel, bias = weights["kernel"], weights["bias"]
    before = _behind_dropout(read)._keras_history.operation
    columns, into = kernel.shape[1], program.scratch(kernel.shape[1])
    if isinstance(before, keras.layers.Embedding) and len(before.input.shape) == 2:
        table = np.asarray(before.embeddings)
        replaced = kernel.size + (0 if _tied(before) else table.size)
        if table.shape[0] * columns <= replaced:
            value(program, before.input)
            row = _row(program, f"{layer.name}_table", table @ kernel + (0 if bias is None else bias))
            program.lines.append(f"memcpy({into}, {row.name}, sizeof {into});")
            return Vector(into, columns)
    program.affine(layer.name, kernel, bias, value(program, read), into)
    return Vector(into, columns)


def _behind_dropout(tensor: Any) -> Any:
    while type(tensor._keras_history.operation).__name__ == "Dropout":
        tensor = tensor._keras_history.operation.input
    return tensor


def _recurrent(program: Program, layer: Any, read: Any) -> Vector:
    if layer.go_backwards:
        raise InputError(f"c reads forwards, and the model's {layer.name} does not: {INSTEAD}")
    _check_activations(layer)
    weights = cell_weights(layer)
    return write_cell(program, layer, _projection(program, layer, read, weights), weights)


def _check_activations(layer: Any) -> None:
    """Those that `seqkit.recurrence.cells` has; a `GateCell` has no others. What only remembers has none."""
    cell, usual = layer.cell, {"activation": "tanh", "recurrent_activation": "sigmoid"}
    if isinstance(layer, keras.layers.SimpleRNN) and cell.activation is keras.activations.linear:
        return
    names = {kind: getattr(cell, kind).__name__ for kind in usual if hasattr(cell, kind)}
    if odd := [name for kind, name in names.items() if name != usual[kind]]:
        raise InputError(
            f"c has tanh and sigmoid in cells, and the model's {layer.name} has {' and '.join(odd)}: {INSTEAD}"
        )


LAYERS: dict[str, Callable[[Program, Any, Any], Vector]] = {
    "InputLayer": _input,
    "Embedding": _embedding,
    "ReversibleEmbedding": _reversed,
    "Dropout": _same,
    "Identity": _same,
    "Copy": _same,
    "Where": _ids,
    "Add": _elementwise("+"),
    "Subtract": _elementwise("-"),
    "Multiply": _elementwise("*"),
    "ExpandDims": _ones,
    "Concatenate": _concatenate,
    "GetItem": _slice,
    "Tile": _tile,
    "Normalization": _normalization,
    "LayerNormalization": _layer_norm,
    "Dense": _dense,
    "SimpleRNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "Recurrent": _recurrent,
}
