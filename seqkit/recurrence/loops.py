"""The loops of the scan over one shard of a batch: forward, and back through what that one kept.

Why they are as they are stands in `bptt.py`.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from seqkit.recurrence.compiled import Compiled
from seqkit.recurrence.heads import kernel_gradient, whole_product
from seqkit.recurrence.step import Cell, Ops, Tensors, apply, plan_of, step_gradient

CHUNK = 16  # steps


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a pair of loops is made for: only batch and steps may vary within a pair.

    Attributes:
        cell: The equations.
        biased: For each product, whether it has a bias.
        masked: There is a mask.
        sequences: The outputs of all steps are asked for.
        projected: The inputs are W x + b already, and there is neither a kernel nor a bias among the weights.
        keeping: The forward loop keeps what the backward one reads.
        widths: The dtype and the shapes of the weights.
    """

    cell: Cell
    biased: tuple[bool, ...]
    masked: bool
    sequences: bool
    projected: bool
    keeping: bool
    widths: tuple[Any, ...]

    @property
    def projection(self) -> int:
        """How many of the weights, the first ones, are of the input projection."""
        return 0 if self.projected else 2


@functools.cache
def loops_of(setting: Setting) -> tuple[Compiled, Compiled]:
    """The forward and the backward loop of one shard.

    Of one setting there is one pair, and the direction is a value: layers, directions and shards of the same shape compile
    once.
    """

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

    return Compiled(forward), Compiled(backward)


class _Shard:
    """One shard in a trace of its loop, and the way through its steps.

    A state's course is (steps + 1, rows, width): its values between the steps; the first one where the loop doesn't come.
    Edge and places are carried by the loops and not computed in them, or XLA would take the direction and the longest row
    for constants and compile again for each.

    Attributes:
        length: Number of steps.
        size: Of a chunk.
        count: Number of chunks.
        edge: The first chunk's left edge.
        around: Where in a state's course lies what it was before the first step, and where what it is after. The lesser of
            the two is the number of the step.
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
        self.around = (tf.where(direction > 0, 0, self.length), tf.where(direction > 0, 1, self.length - 1))

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
        read = self.plan.courses if self.setting.keeping else range(self.narrow, self.cell.states)
        followed = sorted({*read, *([0] if sequences else [])})
        kept = (
            tf.zeros((self.steps, self.rows, len(self.plan.kept) * self.units), dtype) if self.setting.keeping else ()
        )
        courses = {i: tf.broadcast_to(states[i], (self.steps + 1, *dims(states[i]))) for i in followed}
        start = (0, self.edge, self.around, tuple(states), kept, courses)
        *_, states, kept, courses = tf.while_loop(lambda k, *_: k < self.count, self.chunk, start)
        outputs: Any = ()
        if sequences:
            # chosen, not sliced at a place that depends on the direction, as XLA would compile for each
            course = tf.where(self.direction > 0, courses[0][1:], courses[0][:-1])
            outputs = tf.transpose(course, (1, 0, 2))
            if self.setting.masked:
                outputs = tf.where(self.inside(), outputs, states[0][:, None])
                outputs = tf.where(self.masks[1][:, :, None], outputs, 0)
        wide = (tf.transpose(courses[i], (1, 0, 2)) for i in range(self.narrow, self.cell.states))
        found = (kept, {i: courses[i] for i in self.plan.courses}) if self.setting.keeping else ()
        return outputs, (*states[: self.narrow], *wide), found

    def chunk(
        self,
        k: tf.Tensor,
        edge: tf.Tensor,
        around: Tensors,
        states: Tensors,
        kept: Any,
        courses: dict[int, tf.Tensor],
    ) -> tuple[Any, ...]:
        first = self.first_step(edge)
        projected = self.project(self.piece(first))

        def step(
            s: tf.Tensor, around: Tensors, states: Tensors, kept: Any, courses: dict[int, tf.Tensor]
        ) -> tuple[Any, ...]:
            t = tf.minimum(*around)
            gates = tuple(tf.split(_take(projected, t - first), self.cell.gates, axis=1))
            new, trail = self.step(t, gates, states)
            kept = _put(kept, t, trail) if self.setting.keeping else ()
            courses = {i: _put(course, around[1], [new[i]]) for i, course in courses.items()}
            return s + 1, tuple(place + self.direction for place in around), new, kept, courses

        last = tf.minimum((k + 1) * self.size, self.length)
        loop = tf.while_loop(lambda s, *_: s < last, step, (k * self.size, around, states, kept, courses))
        return k + 1, edge + self.direction * self.size, *loop[1:]

    def step(self, t: tf.Tensor, gates: Tensors, states: Tensors) -> tuple[tuple[tf.Tensor, ...], Tensors]:
        """The states after it, and what the way back will read of it."""
        op = Ops(self.product, memory=self.memory)
        new = self.cell.step(op, gates, states, self.vectors)
        candidates = [*gates, *(block for _, _, out in op.trail for block in out)]
        if self.setting.masked:
            real = self.real(t)
            new = tuple(tf.where(real, a, b) for a, b in zip(new, states, strict=True))
        return new, [tf.concat([candidates[i] for i in run], 1) for run in self.plan.runs(self.cell.gates)]

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
        kept: tuple[tf.Tensor, dict[int, tf.Tensor]],
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
        around = tuple(place + self.direction * (self.length - 1) for place in self.around)
        start = (self.count - 1, edge, around, self.dstates, dconstant, tf.zeros_like(self.x), dweights)
        *_, dstates, dconstant, dx, dweights = tf.while_loop(lambda k, *_: k >= 0, self.chunk, start)
        dweights = (*dweights, *(tf.reduce_sum(v, 0) for v in dconstant[:vectors]))
        return dx, dweights, dstates, dconstant[vectors:]

    def chunk(
        self,
        k: tf.Tensor,
        edge: tf.Tensor,
        around: Tensors,
        dstates: Tensors,
        dconstant: Tensors,
        dx: tf.Tensor,
        dweights: Tensors,
    ) -> tuple[Any, ...]:
        first = self.first_step(edge)

        def step(
            s: tf.Tensor, around: Tensors, dstates: Tensors, dconstant: Tensors, written: tf.Tensor
        ) -> tuple[Any, ...]:
            dold, dshared, written = self.step(around, dstates, written, first)
            # a state of one row, known while tracing, beside inputs of any number
            dold = tuple(tf.ensure_shape(new, old.shape) for new, old in zip(dold, dstates, strict=True))
            return s - 1, tuple(place - self.direction for place in around), dold, _sums(dconstant, dshared), written

        written = tf.zeros((self.size, self.rows, self.columns.width * self.units), self.x.dtype)
        last = tf.minimum((k + 1) * self.size, self.length) - 1
        loop = tf.while_loop(lambda s, *_: s >= k * self.size, step, (last, around, dstates, dconstant, written))
        _, around, dstates, dconstant, written = loop

        before = first + around[0] - tf.minimum(*around)
        dpiece, dnew = self.gradients(written, first, before)
        dx = ops.slice_update(dx, tf.stack((0, first, 0)), dpiece)
        return k - 1, edge - self.direction * self.size, around, dstates, dconstant, dx, _sums(dweights, dnew)

    def step(
        self, around: Tensors, dstates: Tensors, written: tf.Tensor, first: tf.Tensor
    ) -> tuple[Tensors, Tensors, tf.Tensor]:
        """The gradients of the states before and of what all steps share; `written`, with what `gradients` needs."""
        t, real = tf.minimum(*around), None
        gates, states, recorded = self.recall(t, around)
        if self.setting.sequences:
            dstates = (dstates[0] + read(self.doutputs, t), *dstates[1:])
        dnew = dstates
        if self.setting.masked:
            real = self.real(t)
            dnew = tuple(tf.where(real, d, 0) for d in dstates)
        dblocks = _Written(self, written, t - first)
        dgates, dold, dvectors, dmemory, products = step_gradient(
            self.cell, gates, states, self.vectors, recorded, dnew, dblocks.left_gradient, self.memory
        )
        written = dblocks.write(dgates, [left for left, _ in products])
        if self.setting.masked:
            dold = tuple(tf.where(real, new, d) for new, d in zip(dold, dstates, strict=True))
        wide = (a + _take(d, t) for a, d in zip(dold[self.narrow :], self.dcourses, strict=True))
        return (*dold[: self.narrow], *wide), (*dvectors, *dmemory), written

    def recall(self, t: tf.Tensor, around: Tensors) -> tuple[Tensors, Tensors, tuple[Tensors, ...]]:
        """The gates and states before a step and the results of its op.*, as far as they are read."""
        cell, plan = self.cell, self.plan
        shape = (self.rows, self.units)
        blocks = tf.split(_take(self.kept, t), len(plan.kept), axis=1) if plan.kept else ()
        full = dict(zip(plan.kept, blocks, strict=True))
        full |= {i: apply(kind, _take(self.courses[state], around[1])) for i, kind, state in plan.again}
        # a tensor of its own for each, or their gradients would be added up
        everything = iter(
            [full[i] if i in full else tf.zeros(shape, self.x.dtype) for i in range(cell.gates + sum(plan.results))]
        )
        gates, *recorded = (tuple(next(everything) for _ in range(width)) for width in (cell.gates, *plan.results))
        states = tuple(
            _take(self.courses[i], around[0]) if i in plan.courses else tf.zeros(shape, self.x.dtype)
            for i in range(cell.states)
        )
        return gates, states, tuple(recorded)

    def gradients(self, written: tf.Tensor, first: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Of a chunk's inputs, (rows, size, features), and of all weights but vectors.

        Args:
            before: the place of the states before step `first` in their courses.
        """
        dgates = self.steps_of(written, 0, 0, self.cell.gates)
        dpiece, dprojection, beside = dgates, [], self.beside()
        kernels, biases = [], []
        if not self.setting.projected:
            piece = tf.reshape(self.piece(first), (self.size * self.rows, self.features))
            sides = [piece] + ([] if beside is None else [self.left(beside, written, before)])
            together = tf.matmul(tf.concat(sides, 1), dgates, transpose_a=True)
            dprojection = [together[: self.features], tf.reduce_sum(dgates, 0)]
            dpiece = dgates @ self.turned[0]
        for k, blocks in enumerate(self.cell.products):
            dblocks = self.steps_of(written, 0, self.columns.blocks[k], blocks)
            if k == beside:
                kernels.append(together[self.features :])
            else:
                kernels.append(kernel_gradient(self.left(k, written, before), dblocks, self.recurrent[k], blocks))
            biases.extend([tf.reduce_sum(dblocks, 0)] if self.setting.biased[k] else [])
        dpiece = tf.transpose(tf.reshape(dpiece, (self.size, self.rows, self.features)), (1, 0, 2))
        return dpiece, [*dprojection, *kernels, *biases]

    def beside(self) -> int | None:
        """The product whose blocks have the gradients of all gates, if any: its kernel's goes with the projection's."""
        whole = range(0 if self.setting.projected else len(self.cell.products))
        fit = (k for k in whole if self.plan.shared[k] == 0 and self.cell.products[k] == self.cell.gates)
        return next((k for k in fit if len(self.recurrent[k].shape) == 2), None)

    def left(self, k: int, written: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
        """The left sides of a product in a chunk, (size * rows, width)."""
        state = self.plan.left[k]
        if state is None:
            return self.steps_of(written, 0, self.columns.lefts[k], self.plan.widths[k])
        return self.steps_of(self.courses[state], before, 0, 1)

    def steps_of(self, buffer: tf.Tensor, first: tf.Tensor | int, column: int, columns: int) -> tf.Tensor:
        """A chunk of (steps, rows, width), some columns of units of it: (size * rows, columns * units)."""
        width = columns * self.units
        piece = tf.slice(buffer, (first, 0, column * self.units), (self.size, self.rows, width))
        return tf.reshape(piece, (self.size * self.rows, width))


class _Written:
    """What the products of many steps need of one step, written as it is found."""

    def __init__(self, back: _Backward, written: tf.Tensor, place: tf.Tensor):
        self.back, self.plan, self.columns, self.place, self.written = back, back.plan, back.columns, place, written

    def put(self, column: int, blocks: Tensors) -> None:
        self.written = _put(self.written, self.place, blocks, column * self.back.units)

    def left_gradient(self, k: int, dblocks: Tensors) -> tf.Tensor:
        """Of product k in its left side; its blocks are read from where they are written, which saves a copy of them."""
        column, width = self.columns.blocks[k] * self.back.units, self.back.cell.products[k] * self.back.units
        self.put(self.columns.blocks[k], dblocks)
        whole = tf.slice(self.written, (self.place, 0, column), (1, self.back.rows, width))
        whole = tf.reshape(whole, (self.back.rows, width))
        return whole_product(whole, self.back.turned[k - len(self.back.cell.products)], self.plan.widths[k])

    def write(self, dgates: Tensors, lefts: Tensors) -> tf.Tensor:
        """All else: gates whose gradient isn't that of a product's block, and left sides that aren't states."""
        products = zip(self.plan.shared, self.back.cell.products, strict=True)
        there = {gate + i for gate, blocks in products if gate is not None for i in range(blocks)}
        for gate in set(range(len(dgates))) - there:
            self.put(gate, [dgates[gate]])
        for k, left in enumerate(lefts):
            if self.plan.left[k] is None:
                self.put(self.columns.lefts[k], [left])
        return self.written


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
