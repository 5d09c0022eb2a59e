"""One step of a cell, and its gradient by the chain rule: what the loops of `loops.py` repeat."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from seqkit.recurrence.heads import whole_product

Tensors = Sequence[tf.Tensor]
Blocks = tuple[tf.Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A recurrence by its gate equations.

    Args:
        step: `step(op, x, state, vectors) -> state`, all of them tuples of (batch, units). `x` has one entry a gate,
            the projected input with its bias. `op` has `op.product(left, k)`, a tuple of left W_k (+ bias) by gate,
            `op.sigmoid`, `op.tanh`, and `op.gates(kinds, x, product)`, these of neighbouring gates at once, which pays where
            they are all of them; what these four return is what the backward pass may look up. Everything else may be any
            differentiable TensorFlow expression; what `Functions` has can be exported to C too. The first state is the
            output.
        gates: how many blocks of `units` columns the input projection has.
        products: for each recurrent product, how many blocks of `units` columns it has.
        states: how many states there are.
        vectors: how many element-wise weights of `units` numbers, such as peepholes.
        memory: ranks of the tensors (batch, places, ...) that every step may look at, as `op.memory`.
        wide: how many of the states, the last ones, are as wide as the memory has places: (batch, places).
        linear: the states go into `op.linear`, `op.turning` and `op.delay` alone. Then the same function gives all steps at
            once, (batch, steps, units), and nothing but h_t = a_t h_{t-1} + b_t is left for the loop (`linear.py`).
    Example:
        >>> from seqkit.recurrence.step import Cell
        >>> def elman(op, x, state, vectors):  # h' = tanh(W x + R h + b)
        ...     return (op.tanh(x[0] + op.product(state[0])[0]),)
        >>> Cell(elman, gates=1, products=(1,)).states
        1
    """

    step: Callable[[Any, Any, Any, Any], tuple[tf.Tensor, ...]]
    gates: int
    products: tuple[int, ...]
    states: int = 1
    vectors: int = 0
    memory: tuple[int, ...] = ()
    wide: int = 0
    linear: bool = False


class Functions:
    """What a cell's step calls beside products: of numbers one by one, and recurrences that are linear in the state."""

    relu, exp, sqrt = staticmethod(ops.relu), staticmethod(ops.exp), staticmethod(ops.sqrt)
    cos, sin = staticmethod(ops.cos), staticmethod(ops.sin)

    @staticmethod
    def softplus(x: Any) -> Any:
        """log(1 + exp(x)): as LiteRT writes TensorFlow's it overflows, and by XLA that takes twice the time."""
        return 0.5 * (x + ops.abs(x)) + ops.log(1 + ops.exp(-ops.abs(x)))

    def gates(self, kinds: Sequence[str], x: Sequence[Any], product: Sequence[Any]) -> tuple[Any, ...]:
        """The sigmoid or tanh, as `kinds` says, of x + product, gate by gate."""
        return tuple(getattr(self, kind)(a + b) for kind, a, b in zip(kinds, x, product, strict=True))

    def linear(self, a: Any, b: Any, state: Any) -> Any:
        """a h + b, of the state h before."""
        return a * state + b

    def turning(self, a: tuple[Any, Any], b: tuple[Any, Any], state: tuple[Any, Any]) -> tuple[Any, Any]:
        """The same of complex numbers, each as its real and its imaginary part."""
        (c, s), (re, im) = a, state
        return c * re - s * im + b[0], s * re + c * im + b[1]

    def delay(self, value: Any, state: Any) -> tuple[Any, Any]:
        """What the value was a step before, and the state that keeps it for the step after."""
        return state, value


class Ops(Functions):
    """What a cell's step calls. Keeps a trail; with `recorded` it hands out earlier results instead of computing.

    The trail has, for each call, which product it was or the kinds of activations, what went in, and what came out: of a
    product its left side, of activations as many tensors as kinds.
    """

    def __init__(
        self,
        product: Callable[[tf.Tensor, int], Blocks],
        recorded: Sequence[Blocks] | None = None,
        memory: Tensors = (),
    ):
        self._product, self._recorded, self.memory = product, recorded, memory
        self.trail: list[tuple[int | tuple[str, ...], Blocks, Blocks]] = []

    def _do(self, what: int | tuple[str, ...], arguments: Blocks, compute: Callable[[], Blocks]) -> Blocks:
        out = compute() if self._recorded is None else self._recorded[len(self.trail)]
        self.trail.append((what, arguments, out))
        return out

    def product(self, left: tf.Tensor, k: int = 0) -> Blocks:
        return self._do(k, (left,), lambda: self._product(left, k))

    def sigmoid(self, x: tf.Tensor) -> tf.Tensor:
        return self._do(("sigmoid",), (x,), lambda: (tf.sigmoid(x),))[0]

    def tanh(self, x: tf.Tensor) -> tf.Tensor:
        return self._do(("tanh",), (x,), lambda: (tf.tanh(x),))[0]

    def gates(self, kinds: Sequence[str], x: Tensors, product: Tensors) -> Blocks:
        """By one tanh of all: sigmoid(z) = (1 + tanh(z / 2)) / 2. What was split, XLA joins without a copy."""

        def compute() -> Blocks:
            z = tf.concat(x, 1) + tf.concat(product, 1)
            half = tf.repeat(
                tf.constant([0.5 if kind == "sigmoid" else 1.0 for kind in kinds], z.dtype), x[0].shape[-1]
            )
            return tuple(tf.split(half * tf.tanh(half * z) + (1 - half), len(kinds), axis=1))

        return self._do(tuple(kinds), tuple(a + b for a, b in zip(x, product, strict=True)), compute)


def apply(kind: str, x: tf.Tensor) -> tf.Tensor:
    """An activation, or x itself where there is none."""
    return {"sigmoid": tf.sigmoid, "tanh": tf.tanh, "": tf.identity}[kind](x)


class PlainOps(Functions):
    """What a step calls, computed at once: for Keras's own loop, which export can read."""

    sigmoid, tanh = staticmethod(tf.sigmoid), staticmethod(tf.tanh)

    def __init__(self, cell: Cell, recurrent: Sequence[tf.Tensor], memory: Sequence[tf.Tensor] = ()):
        self._cell, self._recurrent, self.memory = cell, recurrent, memory

    def product(self, left: tf.Tensor, k: int = 0) -> Blocks:
        blocks = self._cell.products[k]
        return tuple(tf.split(whole_product(left, self._recurrent[k], blocks), blocks, axis=1))


def step_gradient(
    cell: Cell,
    x: Tensors,
    state: Tensors,
    vectors: Tensors,
    recorded: Any,
    dstate: Tensors,
    turned: Callable[[int, Blocks], tf.Tensor],
    memory: Tensors = (),
) -> tuple[Blocks, Blocks, Blocks, Blocks, list[tuple[tf.Tensor, Blocks]]]:
    """The chain rule for one step, from recorded results.

    Args:
        turned: `turned(k, dgates)`, the gradient of product k in its left side.
    Returns:
        gradients of x, state, vectors and memory; for each product its left side and the gradients of its blocks.
    """
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((x, state, vectors, recorded, memory))
        op = Ops(lambda *_: (), recorded, memory)
        targets = list(cell.step(op, x, state, vectors))
    upstream = list(dstate)
    products: dict[int, tuple[tf.Tensor, Blocks]] = {}
    for what, arguments, out in reversed(op.trail):
        d = tape.gradient(targets, out, upstream, unconnected_gradients="zero")
        if isinstance(what, int):
            products[what] = arguments[0], d
            upstream.append(turned(what, d))
        else:
            upstream += [
                each * (y * (1 - y) if kind == "sigmoid" else 1 - y * y)
                for kind, each, y in zip(what, d, out, strict=True)
            ]
        targets += arguments
    given = (x, state, vectors, tuple(memory))
    dx, ds, dv, dm = tape.gradient(targets, given, upstream, unconnected_gradients="zero")
    return dx, ds, dv, dm, [products[k] for k in range(len(cell.products))]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the backward loop of a cell needs; found by tracing one step of it.

    Attributes:
        kept: which of (gates of x, results of op.*) it reads, but for those in `again`.
        again: which of the results are a state after the step or an activation of one, from which they are had again: the
            number among all of `kept`'s candidates, the kind or "", the state.
        courses: which states it reads, before the step or after; the wide ones are always among them.
        results: how many blocks each result of op.* has.
        joined: how many neighbouring gates of x lie in one piece: as many as `op.gates` reads at once, and else one.
        shared: for each product, of each of its blocks the gate of x that has the same gradient, or None.
        left: for each product, which state is its left side, or None where it must be computed.
        widths: for each product, the width of its left side in units.
    """

    kept: tuple[int, ...]
    again: tuple[tuple[int, str, int], ...]
    courses: tuple[int, ...]
    results: tuple[int, ...]
    joined: tuple[int, ...]
    shared: tuple[tuple[int | None, ...], ...]
    left: tuple[int | None, ...]
    widths: tuple[int, ...]

    def runs(self, gates: int) -> list[tuple[int, ...]]:
        """`kept` in runs of neighbours of one result, or of the gates, which lie side by side already."""
        ends = set(itertools.accumulate((gates, *self.results)))
        runs: list[tuple[int, ...]] = []
        for i in self.kept:
            joins = runs and runs[-1][-1] == i - 1 and i not in ends
            runs = [*runs[:-1], (*runs[-1], i)] if joins else [*runs, (i,)]
        return runs


@functools.cache
def plan_of(cell: Cell) -> Plan:
    with tf.Graph().as_default():
        units, places = 3, 5

        def blocks(n: int, width: int = units) -> Blocks:
            return tuple(tf.compat.v1.placeholder(tf.float32, (2, width)) for _ in range(n))

        def states() -> Blocks:
            return blocks(cell.states - cell.wide) + blocks(cell.wide, places)

        x, state, vectors = blocks(cell.gates), states(), blocks(cell.vectors)
        memory = tuple(tf.compat.v1.placeholder(tf.float32, (2, places, units)[:rank]) for rank in cell.memory)
        op = Ops(lambda left, k: blocks(cell.products[k]), memory=memory)
        new = cell.step(op, x, state, vectors)
        widths = {what: left[0].shape[-1] // units for what, left, _ in op.trail if isinstance(what, int)}
        narrow = new[: cell.states - cell.wide]
        after = [one for what, arguments, out in op.trail for one in _from_states(what, arguments, out, narrow)]
        recorded = tuple(blocks(len(out)) for _, _, out in op.trail)

        def turned(k: int, d: Blocks) -> tf.Tensor:
            return tf.concat(d, 1) @ tf.ones((units * cell.products[k], units * widths[k]))

        dx, ds, dv, dm, products = step_gradient(cell, x, state, vectors, recorded, states(), turned, memory)

        shared, left = [], []
        for argument, d in products:
            shared.append(tuple(next((gate for gate, own in enumerate(dx) if own is block), None) for block in d))
            left.append(next((i for i, s in enumerate(state) if s is argument), None))
        read, queue = set(), [*dx, *ds, *dv, *dm, *(t for argument, d in products for t in (argument, *d))]
        while queue:
            tensor = queue.pop()
            if id(tensor) not in read:
                read.add(id(tensor))
                queue.extend(tensor.op.inputs)
        candidates = [*x, *(t for out in recorded for t in out)]
        again = [(i, *one) for i, one in enumerate(after, cell.gates) if one is not None and id(candidates[i]) in read]
        followed = {i for i in range(len(narrow)) if id(state[i]) in read} | {i for *_, i in again}
        computed = {i for i, *_ in again}
    return Plan(
        kept=tuple(i for i, t in enumerate(candidates) if id(t) in read and i not in computed),
        again=tuple(again),
        courses=(*sorted(followed), *range(len(narrow), cell.states)),
        results=tuple(len(r) for r in recorded),
        joined=_joined(x, [arguments for what, arguments, _ in op.trail if not isinstance(what, int)]),
        shared=tuple(shared),
        left=tuple(left),
        widths=tuple(widths[k] for k in range(len(products))),
    )


def _joined(x: Blocks, activated: Sequence[Blocks]) -> tuple[int, ...]:
    """How many neighbours of x go into each activation together; those that go into none, or alone, are one each."""
    places = [[gate for one in group for gate in range(len(x)) if _reads(one, x[gate])] for group in activated]
    first = {
        gates[0]: len(gates) for gates in places if gates and gates == list(range(gates[0], gates[0] + len(gates)))
    }
    found, gate = [], 0
    while gate < len(x):
        found.append(first.get(gate, 1))
        gate += found[-1]
    return tuple(found)


def _reads(one: tf.Tensor, other: tf.Tensor) -> bool:
    return one is other or any(given is other for given in one.op.inputs)


def _from_states(
    what: int | tuple[str, ...], arguments: Blocks, out: Blocks, new: Blocks
) -> list[tuple[str, int] | None]:
    """For each block of a result, of which of the new states it is what activation ("" where it is the state itself)."""
    known = {id(state): ("", i) for i, state in enumerate(new)}
    if not isinstance(what, int) and len(what) == 1 and id(arguments[0]) in known:
        known.setdefault(id(out[0]), (what[0], known[id(arguments[0])][1]))
    return [known.get(id(block)) for block in out]


def left_widths(cell: Cell) -> tuple[int, ...]:
    """For each recurrent product of a cell, the width of its left side in units."""
    return plan_of(cell).widths
