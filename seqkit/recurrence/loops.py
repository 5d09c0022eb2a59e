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

CHUNK = 16  # steps at most
ROOM = 2**20  # gates of a chunk at most, which a core's cache still has when the next product reads them


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
        gates = tf.maximum(self.rows * cell.gates * self.units, 1)  # of a step
        self.size = tf.minimum(tf.minimum(CHUNK, self.steps), tf.maximum(ROOM // gates, 1))
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
            pieces = zip(projected, self.plan.joined, strict=True)
            gates = [gate for piece, n in pieces for gate in tf.split(_take(piece, t - first), n, axis=1)]
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

    def project(self, piece: tf.Tensor) -> list[tf.Tensor]:
        """A chunk's gates, (size, rows, n * units) each."""
        if not self.setting.projected:
            kernel, bias = self.projection
            gates = tf.reshape(piece, (self.size * self.rows, self.features)) @ kernel + bias
            piece = tf.reshape(gates, (self.size, self.rows, self.cell.gates * self.units))
        pieces: list[tf.Tensor] = tf.split(piece, [n * self.units for n in self.plan.joined], axis=2)
        return pieces

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
        self.layout = _layout_of(self.cell)
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
            s: tf.Tensor, around: Tensors, dstates: Tensors, dconstant: Tensors, written: Tensors
        ) -> tuple[Any, ...]:
            dold, dshared, written = self.step(around, dstates, written, first)
            # a state of one row, known while tracing, beside inputs of any number
            dold = tuple(tf.ensure_shape(new, old.shape) for new, old in zip(dold, dstates, strict=True))
            return s - 1, tuple(place - self.direction for place in around), dold, _sums(dconstant, dshared), written

        written = tuple(tf.zeros((self.size, self.rows, n * self.units), self.x.dtype) for n in self.layout.widths)
        last = tf.minimum((k + 1) * self.size, self.length) - 1
        loop = tf.while_loop(lambda s, *_: s >= k * self.size, step, (last, around, dstates, dconstant, written))
        _, around, dstates, dconstant, written = loop

        before = first + around[0] - tf.minimum(*around)
        dpiece, dnew = self.gradients(written, first, before)
        dx = ops.slice_update(dx, tf.stack((0, first, 0)), dpiece)
        return k - 1, edge - self.direction * self.size, around, dstates, dconstant, dx, _sums(dweights, dnew)

    def step(
        self, around: Tensors, dstates: Tensors, written: Tensors, first: tf.Tensor
    ) -> tuple[Tensors, Tensors, Tensors]:
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

    def gradients(self, written: Tensors, first: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Of a chunk's inputs, (rows, size, features), and of all weights but vectors.

        Args:
            before: the place of the states before step `first` in their courses.
        """
        flat = [tf.reshape(buffer, (self.size * self.rows, buffer.shape[-1])) for buffer in written]
        dgates = self.layout.gates_of(flat, self.units)
        dpiece, dprojection, beside = dgates, [], self.beside()
        kernels, biases = [], []
        if not self.setting.projected:
            piece = tf.reshape(self.piece(first), (self.size * self.rows, self.features))
            sides = [piece] + ([] if beside is None else [self.left(beside, flat, before)])
            together = tf.matmul(tf.concat(sides, 1), dgates, transpose_a=True)
            dprojection = [together[: self.features], tf.reduce_sum(dgates, 0)]
            dpiece = dgates @ self.turned[0]
        for k, blocks in enumerate(self.cell.products):
            if k == beside:
                kernels.append(together[self.features :])
            else:
                kernels.append(kernel_gradient(self.left(k, flat, before), flat[k], self.recurrent[k], blocks))
            biases.extend([tf.reduce_sum(flat[k], 0)] if self.setting.biased[k] else [])
        dpiece = tf.transpose(tf.reshape(dpiece, (self.size, self.rows, self.features)), (1, 0, 2))
        return dpiece, [*dprojection, *kernels, *biases]

    def beside(self) -> int | None:
        """The product whose blocks have the gradients of all gates, if any: its kernel's goes with the projection's."""
        whole = range(0 if self.setting.projected else len(self.cell.products))
        fit = (k for k in whole if self.plan.shared[k] == tuple(range(self.cell.gates)))
        return next((k for k in fit if len(self.recurrent[k].shape) == 2), None)

    def left(self, k: int, flat: Tensors, before: tf.Tensor) -> tf.Tensor:
        """The left sides of a product in a chunk, (size * rows, width)."""
        state = self.plan.left[k]
        if state is None:
            return flat[self.layout.lefts[k]]
        piece = tf.slice(self.courses[state], (before, 0, 0), (self.size, self.rows, self.units))
        return tf.reshape(piece, (self.size * self.rows, self.units))


class _Written:
    """What the products of many steps need of one step, written as it is found."""

    def __init__(self, back: _Backward, written: Tensors, place: tf.Tensor):
        self.back, self.layout, self.place, self.written = back, back.layout, place, list(written)

    def put(self, buffer: int, blocks: Tensors) -> None:
        self.written[buffer] = _put(self.written[buffer], self.place, blocks)

    def left_gradient(self, k: int, dblocks: Tensors) -> tf.Tensor:
        """Of product k in its left side; its blocks are read from where they are written, which saves a copy of them."""
        self.put(k, dblocks)
        turned = self.back.turned[k - len(self.back.cell.products)]
        return whole_product(_take(self.written[k], self.place), turned, self.back.plan.widths[k])

    def write(self, dgates: Tensors, lefts: Tensors) -> Tensors:
        """All else: gates whose gradient isn't that of a product's block, and left sides that aren't states."""
        if self.layout.own:
            self.put(len(lefts), [dgates[gate] for gate in self.layout.own])
        for k, buffer in self.layout.lefts.items():
            self.put(buffer, [lefts[k]])
        return tuple(self.written)


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where lies what a step back writes: a buffer for each product's blocks, for gates that share none, for left sides.

    Of a buffer that is written behind being read, in a step, XLA makes a copy, of all of a chunk: so each of them is written
    once a step, and read after that.

    Attributes:
        widths: Of each buffer, in units; product k's blocks are in buffer k.
        gates: For each gate of x, the buffer with its gradient, and where in that, in units.
        own: The gates whose gradient is that of no product's block: they are in a buffer of theirs, behind those of blocks.
        lefts: Product -> the buffer with its left side, where that isn't a state.
    """

    widths: tuple[int, ...]
    gates: tuple[tuple[int, int], ...]
    own: tuple[int, ...]
    lefts: dict[int, int]

    def gates_of(self, flat: Tensors, units: int) -> tf.Tensor:
        """The gradients of all gates of x, side by side, from the buffers: (rows, gates * units)."""
        runs: list[tuple[int, int, int]] = []  # buffer, from, to
        for buffer, column in self.gates:
            if runs and runs[-1][0] == buffer and runs[-1][2] == column:
                runs[-1] = (buffer, runs[-1][1], column + 1)
            else:
                runs.append((buffer, column, column + 1))
        return tf.concat([flat[buffer][:, begin * units : end * units] for buffer, begin, end in runs], 1)


def _layout_of(cell: Cell) -> _Layout:
    plan, widths = plan_of(cell), list(cell.products)
    shared = {gate: (k, i) for k, gates in enumerate(plan.shared) for i, gate in enumerate(gates) if gate is not None}
    own = tuple(gate for gate in range(cell.gates) if gate not in shared)
    gates = tuple(shared[gate] if gate in shared else (len(widths), own.index(gate)) for gate in range(cell.gates))
    widths += [len(own)] if own else []
    computed = [k for k, state in enumerate(plan.left) if state is None]
    lefts = {k: len(widths) + place for place, k in enumerate(computed)}
    return _Layout((*widths, *(plan.widths[k] for k in computed)), gates, own, lefts)


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
