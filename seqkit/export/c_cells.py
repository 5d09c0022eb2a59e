"""Recurrences as loops of C: a cell's gate equations are called once, with terms in place of tensors, and what they did with
them is written out. So every cell that `seqkit.recurrence.cells` describes by sums, products and functions that a step has
can be held.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.c_program import INSTEAD, Program, Vector
from seqkit.recurrence.cells import GateCell, weights_of
from seqkit.recurrence.step import Functions


class Term:
    """The i-th number of a vector: an expression of C with a place for each term that it is made of."""

    def __init__(self, text: str, *given: Any):
        if not all(isinstance(one, Term | int | float) for one in given):
            raise TypeError("only terms and plain numbers can be held")
        self.text, self.given = text, given

    def __add__(self, other: Any) -> "Term":
        return Term("{} + {}", self, other)

    def __sub__(self, other: Any) -> "Term":
        return Term("{} - {}", self, other)

    def __rsub__(self, other: Any) -> "Term":
        return Term("{} - {}", other, self)

    def __mul__(self, other: Any) -> "Term":
        return Term("{} * {}", self, other)

    def __neg__(self) -> "Term":
        return Term("-{}", self)

    __radd__, __rmul__ = __add__, __mul__


class Statements(Functions):
    """What a cell's step calls. A product needs the whole vector on its left: a loop that computes it is written before.

    Args:
        layer: The cell's.
        weights: Of `weights_of`, as arrays.
        blocks: Of each product.
    """

    def __init__(self, program: Program, layer: Any, weights: Mapping[str, Any], blocks: Sequence[int]):
        self._program, self._name, self._units, self._blocks = program, layer.name, layer.cell.units, blocks
        self._linear = getattr(layer.cell, "activation", None) is keras.activations.linear
        self._recurrent = weights["recurrent"]
        self._biases = weights.get("recurrent_bias") or [None] * len(blocks)
        self._vectors: dict[Term, str] = {}  # those that stand in C as vectors

    def vector(self, name: str, block: int = 0) -> Term:
        """A term for one that is there, or for a block of it."""
        start = f"{name} + {block * self._units}" if block else name
        term = Term(f"{name}[{block * self._units} + i]" if block else f"{name}[i]")
        self._vectors[term] = start
        return term

    def sigmoid(self, x: Term) -> Term:
        return Term(f"{self._program.name}_sigmoid({{}})", x)

    def tanh(self, x: Term) -> Term:
        return x if self._linear else Term(f"{self._program.name}_tanh({{}})", x)

    relu = staticmethod(functools.partial(Term, "({0} > 0.0f ? {0} : 0.0f)"))
    softplus = staticmethod(
        functools.partial(Term, "({0} > 0.0f ? {0} : 0.0f) + logf(1.0f + expf({0} > 0.0f ? -{0} : {0}))")
    )
    exp, sqrt, cos, sin = (
        staticmethod(functools.partial(Term, name + "({})")) for name in ("expf", "sqrtf", "cosf", "sinf")
    )

    def product(self, left: Term, k: int = 0) -> tuple[Term, ...]:
        """left R_k, block by block."""
        if left not in self._vectors:
            name = self._program.scratch(self._units)
            self.loop({name: left})
            self._vectors[left] = name
            left.text, left.given = f"{name}[i]", ()
        room = self._program.scratch(self._blocks[k] * self._units)
        kernel, given = self._recurrent[k], Vector(self._vectors[left], self._units)
        if kernel.ndim == 2:
            self._program.affine(f"{self._name}_recurrent_{k}", kernel, self._biases[k], given, room)
        else:
            self._by_head(k, kernel, given.name, room)
        return tuple(self.vector(room, block) for block in range(self._blocks[k]))

    def _by_head(self, k: int, kernel: np.ndarray, given: str, room: str) -> None:
        """One product for each head and block: a block's numbers lie side by side, head after head."""
        units = kernel.shape[1]
        for head, wide in enumerate(kernel):
            for block, square in enumerate(np.split(wide, self._blocks[k], axis=1)):
                place = f"{room} + {block * self._units + head * units}"
                part = Vector(f"{given} + {head * units}", units)
                self._program.affine(f"{self._name}_recurrent_{k}_{head}_{block}", square, None, part, place)

    def loop(self, wanted: Mapping[str, Term]) -> None:
        """Compute terms into vectors, all of them before the first is written."""
        lines: list[str] = []
        names: dict[Term, str] = {}

        def ask(term: Any) -> str:
            if not isinstance(term, Term):
                return f"{float(term)!r}f"
            return named(term) if term.given else term.text

        def named(term: Term) -> str:
            if term not in names:
                text = term.text.format(*map(ask, term.given))
                names[term] = f"t{len(names)}"
                lines.append(f"const float {names[term]} = {text};")
            return names[term]

        # a state may go into another as it was, so that what is wanted is named even where it stands in a vector
        ends = [f"{name}[i] = {named(term) if isinstance(term, Term) else ask(term)};" for name, term in wanted.items()]
        self._program.lines += [
            f"for (i = 0; i < {self._units}; ++i) {{",
            *(f"    {line}" for line in [*lines, *ends]),
            "}",
        ]


def write_cell(program: Program, layer: Any, given: Vector, weights: Mapping[str, Any]) -> Vector:
    """Write a step of a recurrent layer; its states are `LAYER_state_0` and so on.

    Args:
        given: The input's projection with its bias, gate by gate.
        weights: Of `weights_of`, as arrays.
    Returns:
        Its first state.
    Raises:
        InputError: The equations do something with their terms that can't be held.
    """
    cell, _ = weights_of(layer)
    own = layer.cell
    op = Statements(program, layer, weights, cell.products)
    states = [program.state(f"{layer.name}_state_{number}", own.units) for number in range(cell.states)]
    vectors = [
        op.vector(program.constant(f"{layer.name}_vector_{number}", values))
        for number, values in enumerate(weights.get("vectors", []))
    ]
    gates = [op.vector(given.name, gate) for gate in range(cell.gates)]
    try:
        after = cell.step(op, gates, [op.vector(state) for state in states], vectors)
        op.loop(dict(zip(states, after, strict=True)))
    except (TypeError, ValueError, AttributeError) as error:
        kind = own.kind if isinstance(own, GateCell) else type(own).__name__
        raise InputError(
            f"c has no cell {kind}, which the model's {layer.name} has: its equations are more than sums and products "
            f"of vectors, and `seqkit.recurrence.step.Functions` of them. Choose another --stack.cell, or {INSTEAD}"
        ) from error
    return Vector(states[0], own.units)


def cell_weights(layer: Any) -> dict[str, Any]:
    """Those of `weights_of` as arrays."""
    found: dict[str, Any] = tf.nest.map_structure(
        lambda one: None if one is None else np.asarray(one), weights_of(layer)[1]
    )
    return found
