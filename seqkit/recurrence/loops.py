"""The loops of the scan over one shard of a batch: forward, and back through what that one kept.

Why they are as they are stands in `bptt.py`.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from seqkit.recurrence.heads import kernel_gradient, whole_product
from seqkit.recurrence.step import Cell, Ops, Tensors, plan_of, step_gradient

CHUNK = 16  # steps
Loop = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a pair of loops is made for: only batch and steps may vary within a pair.

    Attributes:
        cell: The equations.
        biased: For each product, whether it has a bias.
        masked: There is a mask.
        sequences: The outputs of all steps are asked for.
        projected: The inputs are W x + b already, and there is neither a kernel nor a bias among the weights.
        widths: The dtype and the shapes of the weights.
    """

    cell: Cell
    biased: tuple[bool, ...]
    masked: bool
    sequences: bool
    projected: bool
    widths: tuple[Any, ...]

    @property
    def projection(self) -> int:
        """How many of the weights, the first ones, are of the input projection."""
        return 0 if self.projected else 2


@functools.cache
def loops_of(setting: Setting) -> tuple[Loop, Loop]:
    """The forward and the backward loop of one shard.

    Of one setting there is one pair, and the direction is a value: layers, directions and shards of the same shape compile
    once.
    """
    compiled = functools.partial(tf.function, jit_compile=True, autograph=False, reduce_retracing=True)

    def forward(
        direction: tf.Tensor, x: tf.Tensor, masks: Tensors, weights: Tensors, states: Tensors, memory: Tensors
    ) -> Any:
        return _Forward(setting, direction, x, masks, weights, memory).run(states)

    def backward(
        direction: tf.Tensor,
        x: tf.Tensor,
        masks: Tensors,
        weights: Tensors,
        turned: Tensors,
        kept: Any,
        doutputs: Any,
        dstates: Tensors,
        memory: Tensors,
    ) -> Any:
        return _Backward(setting, direction, x, masks, weights, memory, turned, kept, doutputs, dstates).run()

    return compiled(forward), compiled(backward)


class _Shard:
    """One shard in a trace of its loop, and the way through its steps.

    Edge and step are carried by the loops and not computed in them, or XLA would take the direction and the longest row
    for constants and compile again for each.

    Attributes:
        length: Number of steps.
        size: Of a chunk.
        count: Number of chunks.
        edge: The first chunk's left edge.
        t: The first step.
    """

    def __init__(
        self, setting: Setting, direction: tf.Tensor, x: tf.Tensor, masks: Tensors, weights: Tensors, memory: Tensors
    ):
        cell = setting.cell
        self.setting, self.cell, self.plan = setting, cell, plan_of(cell)
        self.direction, self.x, self.masks, self.weights, self.memory = direction, x, masks, weights, memory
        self.narrow = cell.states - cell.wide
        self.rows, self.steps, self.features = dims(x)

        self.projection, rest = weights[: setting.projection], weights[setting.projection :]
        self.recurrent, rest = rest[: len(cell.products)], rest[len(cell.products) :]
        bias = iter(rest[: sum(setting.biased)])
        self.biases = [next(bias) if biased else None for biased in setting.biased]
        self.vectors = tuple(tf.broadcast_to(v, (self.rows, v.shape[-1])) for v in rest[sum(setting.biased) :])
        self.units = (self.features if setting.projected else weights[0].shape[-1]) // cell.gates

        self.length = masks[2] if setting.masked else self.steps
        self.size = tf.minimum(CHUNK, self.steps)
        self.count = -(-self.length // self.size)
        self.edge = tf.where(direction > 0, 0, self.length - self.size)
        self.t = tf.where(direction > 0, 0, self.length - 1)

    def first_step(self, edge: tf.Tensor) -> tf.Tensor:
        """Of the chunk's inputs, which are always `size` steps."""
        return tf.clip_by_value(edge, 0, self.steps - self.size)

    def piece(self, first: tf.Tensor) -> tf.Tensor:
        """A chunk's inputs, (size, rows, features)."""
        return tf.transpose(tf.slice(self.x, (0, first, 0), (self.rows, self.size, self.features)), (1, 0, 2))

    def real(self, t: tf.Tensor) -> tf.Tensor:
        """Which rows have this step: bool, (rows, 1)."""
        return read(self.masks[0][:, :, None], t)

    def inside(self) -> tf.Tensor:
        """Which steps the loop comes to: bool, (steps, 1)."""
        return (tf.range(self.steps) < self.length)[:, None]


class _Forward(_Shard):
    def run(self, states: Tensors) -> tuple[Any, tuple[tf.Tensor, ...], tuple[Any, ...]]:
        """Outputs, (rows, steps, units), or (); the last states, or the course of wide ones; what the way back needs."""
        sequences, dtype = self.setting.sequences, self.x.dtype
        outputs = tf.zeros((self.steps, self.rows, self.units), dtype) if sequences else ()
        kept = tf.zeros((self.steps, self.rows, len(self.plan.kept) * self.units), dtype)
        courses = tuple(tf.zeros((self.steps + 1, *dims(state)), dtype) for state in states[self.narrow :])
        start = (0, self.edge, self.t, tuple(states), outputs, kept, courses)
        *_, states, outputs, kept, courses = tf.while_loop(lambda k, *_: k < self.count, self.chunk, start)
        courses = self.follow(courses, self.steps, states)
        if sequences:
            outputs = tf.transpose(outputs, (1, 0, 2))
        if self.setting.masked and sequences:
            outputs = tf.where(self.inside(), outputs, states[0][:, None])
            outputs = tf.where(self.masks[1][:, :, None], outputs, 0)
        last = (*states[: self.narrow], *(tf.transpose(course, (1, 0, 2)) for course in courses))
        return outputs, last, (kept, courses)

    def chunk(
        self,
        k: tf.Tensor,
        edge: tf.Tensor,
        t: tf.Tensor,
        states: Tensors,
        outputs: Any,
        kept: tf.Tensor,
        courses: Tensors,
    ) -> tuple[Any, ...]:
        first = self.first_step(edge)
        projected = self.project(self.piece(first))

        def step(
            s: tf.Tensor, t: tf.Tensor, states: Tensors, outputs: Any, kept: tf.Tensor, courses: Tensors
        ) -> tuple[Any, ...]:
            gates = tuple(tf.split(_take(projected, t - first), self.cell.gates, axis=1))
            new, trail = self.step(t, gates, states)
            kept = _put(kept, t, trail)
            courses = self.follow(courses, t, states)
            outputs = _put(outputs, t, new[:1]) if self.setting.sequences else ()
            return s + 1, t + self.direction, new, outputs, kept, courses

        last = tf.minimum((k + 1) * self.size, self.length)
        loop = tf.while_loop(lambda s, *_: s < last, step, (k * self.size, t, states, outputs, kept, courses))
        return k + 1, edge + self.direction * self.size, *loop[1:]

    def step(self, t: tf.Tensor, gates: Tensors, states: Tensors) -> tuple[tuple[tf.Tensor, ...], Tensors]:
        """The states after it, and what the way back will read of it."""
        op = Ops(self.product, memory=self.memory)
        new = self.cell.step(op, gates, states, self.vectors)
        candidates = [*gates, *states, *(block for _, _, out in op.trail for block in out)]
        if self.setting.masked:
            real = self.real(t)
            new = tuple(tf.where(real, a, b) for a, b in zip(new, states, strict=True))
        return new, [candidates[i] for i in self.plan.kept]

    def project(self, piece: tf.Tensor) -> tf.Tensor:
        """A chunk's gates, (size, rows, gates * units)."""
        if self.setting.projected:
            return piece
        kernel, bias = self.projection
        gates = tf.reshape(piece, (self.size * self.rows, self.features)) @ kernel + bias
        return tf.reshape(gates, (self.size, self.rows, self.cell.gates * self.units))

    def product(self, left: tf.Tensor, k: int) -> tuple[tf.Tensor, ...]:
        blocks, bias = self.cell.products[k], self.biases[k]
        out = whole_product(left, self.recurrent[k], blocks)
        return tuple(tf.split(out if bias is None else out + bias, blocks, axis=1))

    def follow(self, courses: Tensors, t: tf.Tensor, states: Tensors) -> tuple[tf.Tensor, ...]:
        """The courses of wide states, with those before step t."""
        return tuple(_put(c, t, [state]) for c, state in zip(courses, states[self.narrow :], strict=True))


class _Backward(_Shard):
    def __init__(
        self,
        setting: Setting,
        direction: tf.Tensor,
        x: tf.Tensor,
        masks: Tensors,
        weights: Tensors,
        memory: Tensors,
        turned: Tensors,
        kept: tuple[tf.Tensor, Tensors],
        doutputs: Any,
        dstates: Tensors,
    ):
        super().__init__(setting, direction, x, masks, weights, memory)
        self.columns = _columns_of(self.cell)
        self.turned, (self.kept, self.courses) = turned, kept
        self.dcourses = tuple(tf.transpose(d, (1, 0, 2)) for d in dstates[self.narrow :])  # (steps + 1, rows, places)
        self.dstates = (*dstates[: self.narrow], *(_take(d, self.steps) for d in self.dcourses))
        self.doutputs = doutputs
        if setting.sequences and setting.masked:
            self.doutputs = tf.where(masks[1][:, :, None], doutputs, 0)
            beyond = tf.where(self.inside(), tf.zeros((), x.dtype), self.doutputs)
            self.dstates = (self.dstates[0] + tf.reduce_sum(beyond, 1), *self.dstates[1:])

    def run(self) -> tuple[tf.Tensor, tuple[tf.Tensor, ...], tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        """The gradients of inputs, weights, first states and memory."""
        vectors = self.cell.vectors
        dweights = tuple(tf.zeros(w.shape, self.x.dtype) for w in self.weights[: len(self.weights) - vectors])
        dconstant = tuple(tf.zeros_like(v) for v in (*self.vectors, *self.memory))  # what all steps share
        edge = self.edge + self.direction * (self.count - 1) * self.size
        t = self.t + self.direction * (self.length - 1)
        start = (self.count - 1, edge, t, self.dstates, dconstant, tf.zeros_like(self.x), dweights)
        *_, dstates, dconstant, dx, dweights = tf.while_loop(lambda k, *_: k >= 0, self.chunk, start)
        dweights = (*dweights, *(tf.reduce_sum(v, 0) for v in dconstant[:vectors]))
        return dx, dweights, dstates, dconstant[vectors:]

    def chunk(
        self,
        k: tf.Tensor,
        edge: tf.Tensor,
        t: tf.Tensor,
        dstates: Tensors,
        dconstant: Tensors,
        dx: tf.Tensor,
        dweights: Tensors,
    ) -> tuple[Any, ...]:
        first = self.first_step(edge)

        def step(
            s: tf.Tensor, t: tf.Tensor, dstates: Tensors, dconstant: Tensors, written: tf.Tensor
        ) -> tuple[Any, ...]:
            dgates, dold, dshared, products = self.step(t, dstates)
            written = self.write(written, t - first, dgates, products)
            # a state of one row, known while tracing, beside inputs of any number
            dold = tuple(tf.ensure_shape(new, old.shape) for new, old in zip(dold, dstates, strict=True))
            return s - 1, t - self.direction, dold, _sums(dconstant, dshared), written

        written = tf.zeros((self.size, self.rows, self.columns.width * self.units), self.x.dtype)
        last = tf.minimum((k + 1) * self.size, self.length) - 1
        loop = tf.while_loop(lambda s, *_: s >= k * self.size, step, (last, t, dstates, dconstant, written))
        _, t, dstates, dconstant, written = loop

        dpiece, dprojection = self.projection_gradients(written, first)
        dx = ops.slice_update(dx, tf.stack((0, first, 0)), dpiece)
        dweights = _sums(dweights, [*dprojection, *self.product_gradients(written, first)])
        return k - 1, edge - self.direction * self.size, t, dstates, dconstant, dx, dweights

    def step(self, t: tf.Tensor, dstates: Tensors) -> tuple[Tensors, Tensors, Tensors, Any]:
        """The gradients of gates, states before and what all steps share; for each product its left side and its blocks'."""
        gates, states, recorded = self.recall(t)
        if self.setting.sequences:
            dstates = (dstates[0] + read(self.doutputs, t), *dstates[1:])
        dnew = dstates
        if self.setting.masked:
            real = self.real(t)
            dnew = tuple(tf.where(real, d, 0) for d in dstates)
        dgates, dold, dvectors, dmemory, products = step_gradient(
            self.cell, gates, states, self.vectors, recorded, dnew, self.left_gradient, self.memory
        )
        if self.setting.masked:
            dold = tuple(tf.where(real, new, d) for new, d in zip(dold, dstates, strict=True))
        wide = (a + _take(d, t) for a, d in zip(dold[self.narrow :], self.dcourses, strict=True))
        return dgates, (*dold[: self.narrow], *wide), (*dvectors, *dmemory), products

    def recall(self, t: tf.Tensor) -> tuple[Tensors, Tensors, tuple[Tensors, ...]]:
        """The gates and states before a step and the results of its op.*, as far as the forward loop kept them."""
        cell, results = self.cell, self.plan.results
        blocks = tf.split(_take(self.kept, t), len(self.plan.kept), axis=1)
        full = dict(zip(self.plan.kept, blocks, strict=True))
        full |= {cell.gates + self.narrow + i: _take(course, t) for i, course in enumerate(self.courses)}
        total = cell.gates + cell.states + sum(results)
        # a tensor of its own for each, or their gradients would be added up
        everything = iter([full[i] if i in full else tf.zeros_like(blocks[0]) for i in range(total)])
        gates, states, *recorded = (
            tuple(next(everything) for _ in range(width)) for width in (cell.gates, cell.states, *results)
        )
        return gates, states, tuple(recorded)

    def left_gradient(self, k: int, dblocks: Tensors) -> tf.Tensor:
        """Of product k in its left side."""
        return whole_product(tf.concat(dblocks, 1), self.turned[k - len(self.cell.products)], self.plan.widths[k])

    def write(self, written: tf.Tensor, place: tf.Tensor, dgates: Tensors, products: Any) -> tf.Tensor:
        """What the products of many steps need of one."""
        written = _put(written, place, dgates)
        for k, (left, dblocks) in enumerate(products):
            if self.plan.shared[k] is None:
                written = _put(written, place, dblocks, self.columns.blocks[k] * self.units)
            if self.plan.left[k] is None:
                written = _put(written, place, [left], self.columns.lefts[k] * self.units)
        return written

    def projection_gradients(self, written: tf.Tensor, first: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Of a chunk's inputs, (rows, size, features), of the kernel and of the bias."""
        dgates, dweights = self.steps_of(written, 0, 0, self.cell.gates), []
        dpiece = dgates
        if not self.setting.projected:
            piece = tf.reshape(self.piece(first), (self.size * self.rows, self.features))
            dweights = [tf.matmul(piece, dgates, transpose_a=True), tf.reduce_sum(dgates, 0)]
            dpiece = dgates @ self.turned[0]
        return tf.transpose(tf.reshape(dpiece, (self.size, self.rows, self.features)), (1, 0, 2)), dweights

    def product_gradients(self, written: tf.Tensor, first: tf.Tensor) -> list[tf.Tensor]:
        """Of the recurrent kernels, and of those biases that there are."""
        kernels, biases = [], []
        for k, blocks in enumerate(self.cell.products):
            dblocks, source = self.steps_of(written, 0, self.columns.blocks[k], blocks), self.plan.left[k]
            if source is None:
                left = self.steps_of(written, 0, self.columns.lefts[k], self.plan.widths[k])
            else:
                left = self.steps_of(self.kept, first, self.plan.kept.index(self.cell.gates + source), 1)
            kernels.append(kernel_gradient(left, dblocks, self.recurrent[k], blocks))
            biases.extend([tf.reduce_sum(dblocks, 0)] if self.setting.biased[k] else [])
        return kernels + biases

    def steps_of(self, buffer: tf.Tensor, first: tf.Tensor | int, column: int, columns: int) -> tf.Tensor:
        """A chunk of (steps, rows, width), some columns of units of it: (size * rows, columns * units)."""
        width = columns * self.units
        piece = tf.slice(buffer, (first, 0, column * self.units), (self.size, self.rows, width))
        return tf.reshape(piece, (self.size * self.rows, width))


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Where lies what a step back writes: the gradients of the gates of x, of blocks that don't share them, left sides.

    Attributes:
        blocks: For each product, where the gradients of its blocks start, in units.
        lefts: For each product, where its left side starts; 0 where that is a state.
        width: Of all.
    """

    blocks: tuple[int, ...]
    lefts: tuple[int, ...]
    width: int


def _columns_of(cell: Cell) -> _Columns:
    plan, width, blocks, lefts = plan_of(cell), cell.gates, [], []
    for gate, size in zip(plan.shared, cell.products, strict=True):
        blocks.append(width if gate is None else gate)
        width += size if gate is None else 0
    for state, size in zip(plan.left, plan.widths, strict=True):
        lefts.append(width if state is None else 0)
        width += size if state is None else 0
    return _Columns(tuple(blocks), tuple(lefts), width)


def _sums(some: Tensors, others: Tensors) -> tuple[tf.Tensor, ...]:
    return tuple(a + b for a, b in zip(some, others, strict=True))


def read(buffer: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """(batch, steps, width) at one step: (batch, width)."""
    batch, _, width = dims(buffer)
    return tf.reshape(tf.slice(buffer, (0, t, 0), (batch, 1, width)), (batch, width))


def _take(buffer: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """(steps, batch, width) at one step: (batch, width)."""
    _, batch, width = dims(buffer)
    return tf.reshape(tf.slice(buffer, (t, 0, 0), (1, batch, width)), (batch, width))


def _put(buffer: tf.Tensor, t: tf.Tensor, blocks: Sequence[tf.Tensor], column: int = 0) -> tf.Tensor:
    """Blocks one by one: XLA writes each in place, and a concatenation of them it does element by element."""
    for block in blocks:
        buffer = ops.slice_update(buffer, tf.stack((t, 0, column)), block[None])
        column += dims(block)[-1]
    return buffer


def dims(x: tf.Tensor) -> list[Any]:
    """Sizes, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[i] if n is None else n for i, n in enumerate(x.shape)]
