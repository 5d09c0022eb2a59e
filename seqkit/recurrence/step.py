"""One step of a cell, and its gradient by the chain rule: what the loops of `loops.py` repeat."""

import dataclasses
import functools
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
            `op.sigmoid` and `op.tanh`; what these three return is what the backward pass may look up. Everything else
            may be any differentiable TensorFlow expression; what `Functions` has can be exported to C too. The first state
            is the output.
        gates: how many blocks of `units` columns the input projection has.
        products: for each recurrent product, how many blocks of `units` columns it has.
        states: how many states there are.
        vectors: how many element-wise weights of `units` numbers, such as peepholes.
        memory: ranks of the tensors (batch, places, ...) that every step may look at, as `op.memory`.
        wide: how many of the states, the last ones, are as wide as the memory has places: (batch, places).
        linear: the states go into `op.linear`, `op.turning` and `op.delay` alone. Then the same function gives all steps at
            once, (batch, steps, units), and nothing but h_t = a_t h_{t-1} + b_t is left for the loop (`linear.py`).
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
    """What a cell's step calls. Keeps a trail; with `recorded` it hands out earlier results instead of computing."""

    def __init__(
        self,
        product: Callable[[tf.Tensor, int], Blocks],
        recorded: Sequence[Blocks] | None = None,
        memory: Tensors = (),
    ):
        self._product, self._recorded, self.memory = product, recorded, memory
        self.trail: list[tuple[str | int, tf.Tensor, Blocks]] = []

    def _do(self, what: str | int, argument: tf.Tensor, compute: Callable[[], Blocks]) -> Blocks:
        out = compute() if self._recorded is None else self._recorded[len(self.trail)]
        self.trail.append((what, argument, out))
        return out

    def product(self, left: tf.Tensor, k: int = 0) -> Blocks:
        return self._do(k, left, lambda: self._product(left, k))

    def sigmoid(self, x: tf.Tensor) -> tf.Tensor:
        return self._do("sigmoid", x, lambda: (tf.sigmoid(x),))[0]

    def tanh(self, x: tf.Tensor) -> tf.Tensor:
        return self._do("tanh", x, lambda: (tf.tanh(x),))[0]


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
    for what, argument, out in reversed(op.trail):
        d = tape.gradient(targets, out, upstream, unconnected_gradients="zero")
        if what == "sigmoid":
            upstream.append(d[0] * out[0] * (1 - out[0]))
        elif what == "tanh":
            upstream.append(d[0] * (1 - out[0] * out[0]))
        elif isinstance(what, int):
            products[what] = argument, d
            upstream.append(turned(what, d))
        targets.append(argument)
    given = (x, state, vectors, tuple(memory))
    dx, ds, dv, dm = tape.gradient(targets, given, upstream, unconnected_gradients="zero")
    return dx, ds, dv, dm, [products[k] for k in range(len(cell.products))]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the backward loop of a cell needs; found by tracing one step of it.

    Attributes:
        kept: which of (gates of x, states, results of op.*) the backward loop reads; not the wide states, which lie apart.
        results: how many blocks each result of op.* has.
        shared: for each product, the gate of x from which on its gradient is that of x, or None.
        left: for each product, which state is its left side, or None where it must be computed.
        widths: for each product, the width of its left side in units.
    """

    kept: tuple[int, ...]
    results: tuple[int, ...]
    shared: tuple[int | None, ...]
    left: tuple[int | None, ...]
    widths: tuple[int, ...]


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
        cell.step(op, x, state, vectors)
        widths = {what: left.shape[-1] // units for what, left, _ in op.trail if isinstance(what, int)}
        recorded = tuple(blocks(len(out)) for _, _, out in op.trail)

        def turned(k: int, d: Blocks) -> tf.Tensor:
            return tf.concat(d, 1) @ tf.ones((units * cell.products[k], units * widths[k]))

        dx, ds, dv, dm, products = step_gradient(cell, x, state, vectors, recorded, states(), turned, memory)

        shared, left = [], []
        for argument, d in products:
            runs = [g for g in range(cell.gates - len(d) + 1) if all(a is b for a, b in zip(dx[g:], d, strict=False))]
            shared.append(runs[0] if runs else None)
            left.append(next((i for i, s in enumerate(state) if s is argument), None))
        reached = {id(t) for argument, _ in products for t in [argument]}
        seen, queue = set(), [*dx, *ds, *dv, *dm, *(t for argument, d in products for t in (argument, *d))]
        while queue:
            tensor = queue.pop()
            if id(tensor) not in seen:
                seen.add(id(tensor))
                queue.extend(tensor.op.inputs)
        candidates = [*x, *state, *(t for out in recorded for t in out)]
        apart = {id(t) for t in state[cell.states - cell.wide :]}
        kept = tuple(i for i, t in enumerate(candidates) if id(t) in (seen | reached) - apart)
    return Plan(
        kept,
        tuple(len(r) for r in recorded),
        tuple(shared),
        tuple(left),
        tuple(widths[k] for k in range(len(products))),
    )


def left_widths(cell: Cell) -> tuple[int, ...]:
    """For each recurrent product of a cell, the width of its left side in units."""
    return plan_of(cell).widths
