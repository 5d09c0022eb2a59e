"""The loops of the scan where a cell is linear in its state: all steps at once, but for h_t = a_t h_{t-1} + b_t.

A cell's step is called with (rows, steps, units) in place of (rows, units), so that products and gates are of all steps; its
states are there to be handed to `linear`, `turning` and `delay`. Of the recurrence itself the gradient is again one, that
goes the other way: g_t = d_t + a_{t+1} g_{t+1}, where d is the gradient in h from without; then g is that in b, and
g_t h_{t-1} that in a.

Decision, by measurement on one core at (32, 200, 128): the loop over single steps, compiled by XLA with the gates before
it, takes 1.2 ms of processor time; a scan by doubling inside of chunks of 16 with a loop over chunks 4.2 ms, one by doubling
over all steps 8.9 ms. At (1, 4000, 128) it is 0.9 beside 2.3 ms. An associative scan does more work to need fewer turns, and
a processor has no use for that: a turn without a product costs less than a microsecond. Nor are there products over many
steps, or their logarithms, that could leave the range of a float.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from keras import ops

from seqkit.recurrence.compiled import Compiled
from seqkit.recurrence.loops import Setting, dims, read
from seqkit.recurrence.step import Blocks, Functions, Tensors


@functools.cache
def linear_loops_of(setting: Setting) -> tuple[Compiled, Compiled]:
    """As `loops_of`, where the cell is linear."""

    def forward(
        direction: tf.Tensor, x: tf.Tensor, masks: Tensors, weights: Tensors, states: Tensors, memory: Tensors
    ) -> Any:
        rows = _Rows(setting, direction, masks, weights)
        gates = rows.project(x)
        outputs, last, trail = rows.run(gates, rows.recurrent, rows.vectors, states)
        return outputs, last, (gates, tuple(states), tuple(one.course for one in trail)) if setting.keeping else ()

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
        rows = _Rows(setting, direction, masks, weights)
        gates, first, courses = kept
        dgates, drecurrent, dvectors, dfirst = rows.run_back(gates, first, courses, doutputs, dstates)
        if setting.projected:
            return dgates, (*drecurrent, *dvectors), dfirst, ()
        dkernel = tf.tensordot(x, dgates, ((0, 1), (0, 1)))
        dx = tf.tensordot(dgates, turned[0], 1)
        return dx, (dkernel, tf.reduce_sum(dgates, (0, 1)), *drecurrent, *dvectors), dfirst, ()

    return Compiled(forward), Compiled(backward)


class _Rows:
    """One shard in a trace.

    Attributes:
        direction: int32, (), 1 or -1.
        real: bool, (rows, steps, 1), or None where all steps are.
    """

    def __init__(self, setting: Setting, direction: tf.Tensor, masks: Tensors, weights: Tensors):
        self.setting, self.cell, self.direction, self.masks = setting, setting.cell, direction, masks
        self.real = masks[0][:, :, None] if setting.masked else None
        self.projection, rest = weights[: setting.projection], weights[setting.projection :]
        self.recurrent, self.vectors = tuple(rest[: len(self.cell.products)]), tuple(rest[len(self.cell.products) :])

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """The gates, (rows, steps, gates * units), to which `run` adds the bias in passing."""
        return x if self.setting.projected else tf.tensordot(x, self.projection[0], 1)

    def run(
        self,
        gates: tf.Tensor,
        recurrent: Tensors,
        vectors: Tensors,
        states: Tensors,
        recorded: Sequence[Blocks] | None = None,
    ) -> tuple[Any, Blocks, list["_Linear"]]:
        """Outputs, (rows, steps, units), or (); the last states; the recurrences there were."""
        gates = gates if self.setting.projected else gates + self.projection[1]
        op = _AllSteps(self, recurrent, recorded)
        courses = self.cell.step(op, tuple(tf.split(gates, self.cell.gates, axis=2)), tuple(states), tuple(vectors))
        courses = tuple(op.held(course, state) for course, state in zip(courses, states, strict=True))
        outputs: Any = ()
        if self.setting.sequences:
            outputs = courses[0]
            if self.real is not None:
                outputs = tf.where(self.masks[1][:, :, None], outputs, 0)
        # chosen, not sliced at a place that depends on the direction: the gradient of that isn't one that XLA compiles
        last = tuple(tf.where(self.direction > 0, course[:, -1], course[:, 0]) for course in courses)
        return outputs, last, op.trail

    def run_back(
        self, gates: tf.Tensor, states: Blocks, recorded: Sequence[Blocks], doutputs: Any, dstates: Tensors
    ) -> Any:
        """The gradients of gates, recurrent weights, vectors and first states."""
        sources = (gates, self.recurrent, self.vectors, states)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch((sources, recorded))
            outputs, last, trail = self.run(*sources, recorded)
        targets, upstream = list(last), list(dstates)
        if self.setting.sequences:
            targets, upstream = [outputs, *targets], [doutputs, *upstream]
        for one in reversed(trail):
            d = tape.gradient(targets, one.course, upstream, unconnected_gradients="zero")
            da, db, dfirst = self._gradient(one, d)
            targets += [*one.a, *one.b, *one.first]
            upstream += [*da, *db, *dfirst]
        return tape.gradient(targets, sources, upstream, unconnected_gradients="zero")

    def course(self, a: Blocks, b: Blocks, first: Blocks) -> Blocks:
        """The states after each step, (rows, steps, units)."""

        def step(t: tf.Tensor, before: Blocks) -> tuple[Blocks, Blocks]:
            after = _sums(_times(_at(a, t), before), _at(b, t))
            return after, after

        return self._loop(step, first, b, forwards=True)[0]

    def _gradient(self, one: "_Linear", d: Blocks) -> tuple[Blocks, Blocks, Blocks]:
        """Of a, b and the first state, from that in the course."""

        last = dims(d[0])[1] - 1

        def step(t: tf.Tensor, later: Blocks) -> tuple[Blocks, Blocks]:
            here, place = _sums(_at(d, t), later), t - self.direction
            inside = (place >= 0) & (place <= last)
            courses = _at(one.course, tf.clip_by_value(place, 0, last))
            before = tuple(tf.where(inside, *pair) for pair in zip(courses, one.first, strict=True))
            return (*_times(here, _conjugate(before)), *here), _times(_conjugate(_at(one.a, t)), here)

        nothing = tuple(tf.zeros_like(state) for state in one.first)
        written, dfirst = self._loop(step, nothing, (*d, *d), forwards=False)
        return written[: len(d)], written[len(d) :], dfirst

    def _loop(
        self, step: Callable[[tf.Tensor, Blocks], tuple[Blocks, Blocks]], first: Blocks, like: Blocks, *, forwards: bool
    ) -> tuple[Blocks, Blocks]:
        """What `step(t, carried) -> (written, carried)` writes, at t, and what it carries in the end."""
        steps, stride = dims(like[0])[1], self.direction if forwards else -self.direction
        start = tf.where(stride > 0, 0, steps - 1)

        def turn(s: tf.Tensor, t: tf.Tensor, carried: Blocks, written: Blocks) -> Any:
            new, carried = step(t, carried)
            place = tf.stack((0, t, 0))
            written = tuple(
                ops.slice_update(each, place, value[:, None]) for each, value in zip(written, new, strict=True)
            )
            return s + 1, t + stride, carried, written

        empty = tuple(tf.zeros(dims(each), each.dtype) for each in like)
        *_, carried, written = tf.while_loop(lambda s, *_: s < steps, turn, (0, start, first, empty))
        return written, carried

    def before(self, course: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        """The states before each step."""
        there = tf.concat([first[:, None], course[:, :-1]], 1)
        back = tf.concat([course[:, 1:], first[:, None]], 1)
        return tf.where(self.direction > 0, there, back)


class _Linear(NamedTuple):
    """h_t = a_t h_{t-1} + b_t of real numbers, or of complex ones in two parts; all but `first` (rows, steps, units)."""

    a: Blocks
    b: Blocks
    first: Blocks
    course: Blocks


class _AllSteps(Functions):
    """What a cell's step calls, of all steps; with `recorded` it hands out earlier courses instead of computing."""

    sigmoid, tanh = staticmethod(tf.sigmoid), staticmethod(tf.tanh)

    def __init__(self, rows: _Rows, recurrent: Tensors, recorded: Sequence[Blocks] | None):
        self._rows, self._recurrent, self._recorded = rows, recurrent, recorded
        self.trail: list[_Linear] = []

    def product(self, left: tf.Tensor, k: int = 0) -> Blocks:
        return tuple(tf.split(tf.tensordot(left, self._recurrent[k], 1), self._rows.cell.products[k], axis=2))

    def linear(self, a: Any, b: Any, state: Any) -> Any:
        return self._add((a,), (b,), (state,))[0]

    def turning(self, a: tuple[Any, Any], b: tuple[Any, Any], state: tuple[Any, Any]) -> tuple[Any, Any]:
        re, im = self._add(a, b, state)
        return re, im

    def delay(self, value: Any, state: Any) -> tuple[Any, Any]:
        value = self.held(value, state)
        return self._rows.before(value, state), value

    def held(self, course: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        """With what was before in place of masked steps; the course of a recurrence has that already."""
        known = any(course is one for each in self.trail for one in each.course)
        return course if known or self._rows.real is None else self.linear(tf.zeros((), course.dtype), course, state)

    def _add(self, a: Blocks, b: Blocks, first: Blocks) -> Blocks:
        real, shape = self._rows.real, dims(b[0])
        a = tuple(tf.broadcast_to(each, shape) for each in a)
        if real is not None:
            a = tuple(tf.where(real, each, part) for each, part in zip(a, (1, 0), strict=False))
            b = tuple(tf.where(real, each, 0) for each in b)
        course = self._rows.course(a, b, first) if self._recorded is None else self._recorded[len(self.trail)]
        self.trail.append(_Linear(a, b, first, course))
        return course


def _at(blocks: Blocks, t: tf.Tensor) -> Blocks:
    return tuple(read(block, t) for block in blocks)


def _sums(p: Blocks, q: Blocks) -> Blocks:
    return tuple(one + other for one, other in zip(p, q, strict=True))


def _times(p: Blocks, q: Blocks) -> Blocks:
    if len(p) == 1:
        return (p[0] * q[0],)
    return p[0] * q[0] - p[1] * q[1], p[0] * q[1] + p[1] * q[0]


def _conjugate(p: Blocks) -> Blocks:
    return p if len(p) == 1 else (p[0], -p[1])
