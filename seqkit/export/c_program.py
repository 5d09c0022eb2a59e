"""Statements of C in the making: with the constants, the states and the rooms that they need."""

import dataclasses
import re
from typing import Any, NamedTuple

import numpy as np

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
        lines: The statements.
        scratches: Name -> size of a vector that a step needs.
        known: Identity of a tensor of the model -> what stands for it.
        tokens: Of the vocabulary whose ids are read.
    """

    name: str
    int8: bool
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    states: dict[str, int] = dataclasses.field(default_factory=dict)
    lines: list[str] = dataclasses.field(default_factory=list)
    scratches: dict[str, int] = dataclasses.field(default_factory=dict)
    known: dict[int, Vector] = dataclasses.field(default_factory=dict)
    tokens: int = 0

    def constant(self, name: str, values: Any) -> str:
        """A constant array; returns its name in C, which begins as no function's does."""
        values = np.asarray(values)
        values = values if values.dtype == np.int8 else values.astype(np.float32)
        name = f"w_{re.sub('[^a-zA-Z0-9_]', '_', name)}"
        while name in self.arrays and not np.array_equal(self.arrays[name], values):  # of layers a-b and a_b
            name += "_"
        self.arrays[name] = values
        return f"{self.name}_{name}"

    def scratch(self, size: int) -> str:
        """Room for a vector."""
        name = f"v{len(self.scratches)}"
        self.scratches[name] = size
        return name

    def state(self, name: str, size: int) -> str:
        """Room that outlives a step."""
        name = re.sub("[^a-zA-Z0-9_]", "_", name)
        while name in self.states:
            name += "_"
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
