"""An ONNX graph in the making."""

import contextlib
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from seqkit.core.errors import InputError

OPSET, IR = 18, 8  # of December 2022: what has reductions and scattered sums as they are used here
Value = str | np.ndarray | np.generic  # the name of something computed, or a constant


def onnx_package() -> ModuleType:
    """The onnx package.

    Raises:
        InputError: It isn't installed.
    """
    try:
        import onnx
    except ImportError:
        raise InputError("The onnx format is written by the package onnx: pip install 'seqkit[onnx]'.") from None
    return onnx


class Builder:
    """Nodes and constants, by names that it makes up; what was computed once isn't computed again.

    Args:
        quantize: What becomes of weights: "none", "float16", "dynamic" or "int8", as `weight`, `product` and `rows` say.
    """

    def __init__(self, quantize: str = "none"):
        self.onnx = onnx_package()
        self.quantize = quantize
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self._known: dict[Any, list[str]] = {}
        self._root = self.nodes
        self._steps_first: dict[str, str] = {}
        self._count = 0

    def fresh(self, hint: str = "t") -> str:
        """A name that nothing has."""
        self._count += 1
        return f"{hint}_{self._count}"

    def name(self, value: Value) -> str:
        """A constant's name, which it gets here; other values have theirs."""
        if isinstance(value, str):
            return value
        array = np.asarray(value, order="C")
        key = "constant", array.dtype.str, array.shape, array.tobytes()
        if key not in self._known:
            name = self.fresh("c")
            self.constants[name], self._known[key] = array, [name]
        return self._known[key][0]

    def add(self, operator: str, *inputs: Value | None, **attributes: Any) -> str:
        """A node of one output."""
        return self.add_many(operator, 1, *inputs, **attributes)[0]

    def add_many(self, operator: str, outputs: int, *inputs: Value | None, **attributes: Any) -> list[str]:
        """A node of several; an input that is None is left out."""
        names = ["" if value is None else self.name(value) for value in inputs]
        key = operator, outputs, *names, *sorted((name, _hashable(value)) for name, value in attributes.items())
        if key not in self._known:
            found = [self.fresh(operator.lower()) for _ in range(outputs)]
            self.nodes.append(self.onnx.helper.make_node(operator, names, found, **attributes))
            self._known[key] = found
        return self._known[key]

    @contextlib.contextmanager
    def body(self) -> Iterator[list[Any]]:
        """Nodes that are added meanwhile go into the list that is given: a body, which may read what is outside of it."""
        outer, known = self.nodes, dict(self._known)
        self.nodes = []
        try:
            yield self.nodes
        finally:
            constants = {key: found for key, found in self._known.items() if key[0] == "constant"}
            self.nodes, self._known = outer, known | constants

    def steps_first(self, value: Value) -> str:
        """(batch, steps, ...) -> (steps, batch, ...)."""
        name = self.name(value)
        return self._steps_first.get(name) or self.add("Transpose", name, perm=[1, 0, 2])

    def batch_first(self, value: str) -> str:
        """(steps, batch, features) -> (batch, steps, features), of which `steps_first` is the way back."""
        name = self.add("Transpose", value, perm=[1, 0, 2])
        self._steps_first[name] = value
        return name

    def cast(self, value: Value, dtype: Any) -> str:
        """As another type."""
        return self.add("Cast", value, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def tensor(self, name: str, dtype: Any, shape: Sequence[int | str | None] | None) -> Any:
        """What an input or an output is said to be."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)

    # weights

    def weight(self, array: np.ndarray, axis: int | tuple[int, ...]) -> str:
        """A weight as float32, stored as `quantize` has it.

        With float16 it is stored as such; with "dynamic" and "int8" as int8 with a scale for each place of `axis`, q = w /
        s, s = max |w| / 127. A runtime that folds constants makes float32 of either as it loads, and computes with that.
        """
        if not self._shrinks(array):
            return self.name(array)
        nodes, self.nodes = self.nodes, self._root  # where it can be computed beforehand, even for a body
        try:
            if self.quantize == "float16":
                return self.cast(array.astype(np.float16), np.float32)
            numbers, scale = quantised(array, axis)
            return self.add("Mul", self.cast(numbers, np.float32), scale)
        finally:
            self.nodes = nodes

    def rows(self, table: np.ndarray, ids: Value) -> str:
        """Rows of a table, which stays as small in memory as it is stored: with a scale a row where it is of int8."""
        if not self._shrinks(table):
            return self.add("Gather", table, ids)
        if self.quantize == "float16":
            return self.cast(self.add("Gather", table.astype(np.float16), ids), np.float32)
        numbers, scale = quantised(table, 0)
        looked_up = self.cast(self.add("Gather", numbers, ids), np.float32)
        return self.add("Mul", looked_up, self.add("Gather", scale, ids))

    def product(self, left: Value, right: np.ndarray, *, turned: bool = False) -> str:
        """float (..., n) @ (n, m), or of (m, n) `turned`. With "dynamic" it is one of integers, both of which are numbers
        around a middle, with a scale for each row of the left side, which is found anew, and for each of the m.
        """
        axis = 0 if turned else 1

        def stood(weight: str) -> str:
            return self.add("Transpose", weight, perm=[1, 0]) if turned else weight

        if self.quantize != "dynamic" or not self._shrinks(right):
            return self.add("MatMul", left, stood(self.weight(right, axis)))
        numbers, scale = quantised(right, axis)
        highest = self.add("ReduceMax", self.add("Abs", left), np.array([-1]), keepdims=1)
        step = self.add("Mul", self.add("Max", highest, np.float32(1e-30)), np.float32(1 / 127))  # (..., 1)
        # uint8, since the products of int8 are cut off by some processors
        whole = self.add("Add", self.add("Round", self.add("Div", left, step)), np.float32(128))
        stored = self.cast(self.add("Add", self.cast(numbers, np.int32), np.int32(128)), np.uint8)
        exact = self.add("MatMulInteger", self.cast(whole, np.uint8), stood(stored), MIDDLE, MIDDLE)
        return self.add("Mul", self.add("Mul", self.cast(exact, np.float32), step), scale.reshape(-1))

    def _shrinks(self, array: np.ndarray) -> bool:
        return self.quantize != "none" and array.dtype == np.float32 and array.ndim > 1 and array.size >= SMALL

    # the whole

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], given: dict[str, str]) -> Any:
        """The graph as a model.

        Args:
            inputs, outputs: From `tensor`.
            given: What each output is, by its name.
        """
        helper, numpy_helper = self.onnx.helper, self.onnx.numpy_helper
        ends = [helper.make_node("Identity", [given[tensor.name]], [tensor.name]) for tensor in outputs]
        nodes = _needed([*self.nodes, *ends], {tensor.name for tensor in outputs})
        read = {name for node in nodes for name in _reads(node)}
        stored = [numpy_helper.from_array(array, name) for name, array in self.constants.items() if name in read]
        graph = helper.make_graph(_renamed(nodes, set(given)), name, inputs, outputs, stored)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="seqkit"
        )
        self.onnx.checker.check_model(model, full_check=True)
        return model


MIDDLE = np.uint8(128)
SMALL = 64  # numbers of a weight that isn't worth shrinking


def quantised(array: np.ndarray, axis: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """int8, of the array's shape, and float32 scales, of 1 along all axes but `axis`."""
    kept = {number % array.ndim for number in ([axis] if isinstance(axis, int) else axis)}
    others = tuple(number for number in range(array.ndim) if number not in kept)
    scale = np.abs(array).max(axis=others, keepdims=True) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.round(array / scale).astype(np.int8), scale


def _hashable(value: Any) -> Any:
    """A node's attribute as part of a key."""
    if isinstance(value, list):
        return tuple(value)
    return value.SerializeToString() if hasattr(value, "SerializeToString") else value


def _reads(node: Any) -> set[str]:
    """Names that a node and its bodies read."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            names |= {name for inner in attribute.g.node for name in _reads(inner)}
            names |= {tensor.name for tensor in attribute.g.output}
    return names


def _needed(nodes: list[Any], names: set[str]) -> list[Any]:
    """The nodes on which these names depend."""
    kept, names = [], set(names)
    for node in reversed(nodes):
        if names & set(node.output):
            kept.append(node)
            names |= _reads(node)
    return kept[::-1]


def _renamed(nodes: list[Any], outputs: set[str]) -> list[Any]:
    """Without the `Identity` that gives an output its name, where what was computed can have it."""
    made = {name: node for node in nodes for name in node.output}
    counts: dict[str, int] = {}
    for node in nodes:
        if node.op_type == "Identity" and node.output[0] in outputs:
            counts[node.input[0]] = counts.get(node.input[0], 0) + 1
    names = {
        node.input[0]: node.output[0]
        for node in nodes
        if node.op_type == "Identity"
        and node.output[0] in outputs
        and node.input[0] in made
        and counts[node.input[0]] == 1
    }
    kept = [node for node in nodes if not (node.op_type == "Identity" and names.get(node.input[0]) == node.output[0])]
    for node in kept:
        _rename(node, names)
    return kept


def _rename(node: Any, names: dict[str, str]) -> None:
    """In a node and in its bodies."""
    for field in (node.input, node.output):
        field[:] = [names.get(name, name) for name in field]
    for attribute in node.attribute:
        for inner in attribute.g.node if attribute.HasField("g") else ():
            _rename(inner, names)
