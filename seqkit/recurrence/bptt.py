"""Backpropagation through time, written once for all cells.

A cell is a function of one step (`Cell.step`). Here it runs over a sequence, differentiated in the vectorised form:
the input projections are products of many steps at once, the loop has the recurrent product alone, and each weight's
gradient is again a product of many steps at once, dU = sum_t Z_t^T X_t, dW = sum_t Z_{t+1}^T H_t.

Decisions, each by measurement on two cores of an AVX-512 machine:

- The loops are compiled by XLA: a step is some twenty small element-wise operations, dearer to start than to do.
- "Many steps at once" is `CHUNK` steps, not all: what one chunk writes is still in the core's cache when the next
  product reads it. Chunks also let a batch stop where its padding begins.
- The batch is cut into one shard a core, so that cores need not meet at every step. With a mask the rows are sorted by
  length and cut finer: a shard stops at its own longest row, and a product of 8 rows is nearly as fast as one of 16,
  row for row.
- Transposed weights are made before the loops: XLA's product with a transposed right side ran at 60% of the plain one.
- What the loops write lies step after step, (steps, batch, width), so that a step writes one piece of memory and a chunk is
  one: 10% of a small layer's time.
- In bfloat16 XLA's loops are some fifty times slower than in float32, TensorFlow's own products twice as fast. So there the
  input projection and its gradients are TensorFlow's, of all steps at once, and the loops compute in float32.
"""

import functools
import itertools
import os
from collections.abc import Callable, Sequence

import tensorflow as tf
from keras import ops

from seqkit.recurrence.step import Cell, Ops, plan_of, step_gradient

CHUNK = 16  # steps
LEAST_ROWS = 4  # of a shard


def scan(
    cell: Cell,
    inputs: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor | None,
    recurrent: Sequence[tf.Tensor],
    *,
    recurrent_bias: Sequence[tf.Tensor | None] | None = None,
    vectors: Sequence[tf.Tensor] = (),
    memory: Sequence[tf.Tensor] = (),
    initial_state: Sequence[tf.Tensor] | None = None,
    mask: tf.Tensor | None = None,
    reverse: bool = False,
    zero_output_for_mask: bool = False,
    return_sequences: bool = True,
) -> tuple[tf.Tensor | None, tuple[tf.Tensor, ...]]:
    """Run a cell over a sequence; differentiable once in every tensor argument but the mask.

    A masked step hands the state on. Its output is that of the step before, zero where there is none, or always zero
    with `zero_output_for_mask`, as Keras has it.

    Args:
        inputs: float, (batch, steps, features).
        kernel: (features, cell.gates * units).
        bias: (cell.gates * units,), or None.
        recurrent: one (width, blocks * units) for each of the cell's products.
        recurrent_bias: one (blocks * units,) or None for each of the cell's products.
        vectors: cell.vectors of (units,).
        memory: (batch, places, ...) for each of cell.memory.
        initial_state: cell.states of (batch, units); zeros when None. Those of cell.wide are (batch, places).
        mask: bool, (batch, steps), True where there is a step; any pattern.
        reverse: go from the last step to the first. Outputs stay at the step that they belong to.
        return_sequences: False returns None for the outputs and saves their memory.
    Returns:
        outputs (batch, steps, units) or None, and the states after the last step, cell.states of (batch, units). Of a wide
        state there is its whole course: before each step and after the last, (batch, steps + 1, places).
    Raises:
        ValueError: the number of weights or states isn't what the cell asks for; or there is a mask, or none of the first
            states, where there are wide ones.
        NotImplementedError: on differentiating the gradient.
    """
    recurrent_bias = tuple(recurrent_bias or (None,) * len(recurrent))
    if (
        not len(recurrent) == len(recurrent_bias) == len(cell.products)
        or len(vectors) != cell.vectors
        or len(memory) != len(cell.memory)
    ):
        raise ValueError(
            f"{cell.step.__name__} takes {len(cell.products)} recurrent kernels, {cell.vectors} vectors and "
            f"{len(cell.memory)} tensors of memory; received {len(recurrent)} kernels, {len(recurrent_bias)} biases, "
            f"{len(vectors)} vectors and {len(memory)} tensors of memory."
        )
    inputs = tf.convert_to_tensor(inputs)
    dtype, units = inputs.dtype, kernel.shape[-1] // cell.gates
    if cell.wide and (mask is not None or reverse or initial_state is None):
        raise ValueError(
            f"{cell.step.__name__} has wide states: give their first values, and neither mask nor reverse."
        )
    if initial_state is None:
        initial_state = (tf.zeros((tf.shape(inputs)[0], units), dtype),) * cell.states
    if len(initial_state) != cell.states:
        raise ValueError(f"{cell.step.__name__} has {cell.states} states; received {len(initial_state)}.")

    bias = tf.zeros(kernel.shape[-1:], dtype) if bias is None else bias
    biases = [b for b in recurrent_bias if b is not None]
    projection, projected, exact = [tf.cast(kernel, dtype), tf.cast(bias, dtype)], dtype == tf.bfloat16, dtype
    if projected:
        exact = tf.float32
        inputs, projection = tf.cast(tf.tensordot(inputs, projection[0], 1) + projection[1], exact), []
    weights = projection + [tf.cast(w, exact) for w in (*recurrent, *biases, *vectors)]
    states, memory = ([tf.cast(t, exact) for t in group] for group in (initial_state, memory))
    direction = tf.constant(-1 if reverse else 1)
    forward, backward = _loops(
        cell,
        biased=tuple(b is not None for b in recurrent_bias),
        masked=mask is not None,
        sequences=return_sequences,
        projected=projected,
        widths=(exact, *(tuple(w.shape) for w in weights)),
    )
    split, join = _shards(inputs, mask)
    masks = itertools.repeat(()) if mask is None else _masks(mask, reverse, zero_output_for_mask, split)

    @tf.custom_gradient
    def run(*arguments):
        inputs, *rest = map(tf.stop_gradient, arguments)  # nobody is to differentiate the loops themselves
        looked_at = len(rest) - len(cell.memory)
        weights, states = rest[: looked_at - cell.states], rest[looked_at - cell.states : looked_at]
        xs = split(inputs)
        initial = list(zip(*(split(s) for s in states), strict=True))
        seen = list(zip(*(split(m) for m in rest[looked_at:]), strict=True)) or [()] * len(xs)
        ran = [forward(direction, x, m, weights, s, e) for x, m, s, e in zip(xs, masks, initial, seen, strict=False)]
        outputs = [join([r[0] for r in ran])] if return_sequences else []
        final = [join(s) for s in zip(*(r[1] for r in ran), strict=True)]

        @tf.custom_gradient
        def first(*of):  # the arguments are there for a second gradient to meet
            d = [tf.stop_gradient(each) for each in of[: len(of) - len(arguments)]]
            dys = split(d[0]) if return_sequences else [()] * len(xs)
            dstates = list(zip(*(split(s) for s in d[-cell.states :]), strict=True))
            products = weights[len(projection) : len(projection) + len(cell.products)]
            turned = [tf.transpose(w) for w in (*projection[:1], *products)]
            back = [
                backward(direction, x, m, weights, turned, r[2], dy, ds, e)
                for x, m, r, dy, ds, e in zip(xs, masks, ran, dys, dstates, seen, strict=False)
            ]
            dweights = [tf.add_n(parts) for parts in zip(*(b[1] for b in back), strict=True)]
            dinitial = [join(parts) for parts in zip(*(b[2] for b in back), strict=True)]
            dmemory = [join(parts) for parts in zip(*(b[3] for b in back), strict=True)]
            return (join([b[0] for b in back]), *dweights, *dinitial, *dmemory), _no_second_gradient

        return (*outputs, *final), lambda *d: first(*d, *arguments)

    out = [tf.cast(x, dtype) for x in run(inputs, *weights, *states, *memory)]
    return (out[0] if return_sequences else None), tuple(out[-cell.states :])


def _no_second_gradient(*_):
    raise NotImplementedError(
        "The scan is differentiable once. For gradients of gradients call the Keras model, not the accelerated one."
    )


def _shards(inputs: tf.Tensor, mask: tf.Tensor | None) -> tuple[Callable, Callable]:
    """How to cut (batch, ...) into shards of equally many rows, and how to put them together again."""
    cores = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)
    count = cores if mask is None else max(4, 2 * cores)
    rows = inputs.shape[0]
    if rows is not None:
        count = max(1, min(count, rows // LEAST_ROWS))
    batch = tf.shape(inputs)[0]
    even = rows is not None and rows % count == 0
    order = None if mask is None else tf.argsort(_lengths(mask), direction="DESCENDING", stable=True)

    def split(x):
        x = x if order is None else tf.gather(x, order)
        if not even:  # rows of zeros without gradients
            x = tf.pad(x, [(0, -batch % count)] + [(0, 0)] * (len(x.shape) - 1))
        return tf.split(x, count)

    def join(parts):
        x = tf.concat(parts, 0)
        x = x if even else x[:batch]
        return x if order is None else tf.gather(x, tf.argsort(order))

    return split, join


def _lengths(mask: tf.Tensor) -> tf.Tensor:
    """One more than the place of each row's last True: int32, (batch,)."""
    return tf.reduce_max(tf.where(mask, tf.range(1, tf.shape(mask)[1] + 1), 0), axis=1)


def _masks(mask: tf.Tensor, reverse: bool, zero_output: bool, split: Callable) -> list[tuple]:
    """For each shard: the mask, where there is an output of its own or a repeated one, and its longest row."""
    emit = mask if zero_output else tf.cumsum(tf.cast(mask, tf.int32), axis=1, reverse=reverse) > 0
    return [(m, e, tf.reduce_max(_lengths(m))) for m, e in zip(split(mask), split(emit), strict=True)]


def _read(buffer: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """(batch, steps, width) at one step: (batch, width)."""
    batch, _, width = _dims(buffer)
    return tf.reshape(tf.slice(buffer, (0, t, 0), (batch, 1, width)), (batch, width))


def _take(buffer: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """(steps, batch, width) at one step: (batch, width)."""
    _, batch, width = _dims(buffer)
    return tf.reshape(tf.slice(buffer, (t, 0, 0), (1, batch, width)), (batch, width))


def _put(buffer: tf.Tensor, t: tf.Tensor, blocks: Sequence[tf.Tensor], column: int = 0) -> tf.Tensor:
    """Blocks one by one: XLA writes each in place, and a concatenation of them it does element by element."""
    for block in blocks:
        buffer = ops.slice_update(buffer, tf.stack((t, 0, column)), block[None])
        column += _dims(block)[-1]
    return buffer


def _dims(x: tf.Tensor) -> list:
    """Sizes, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[i] if n is None else n for i, n in enumerate(x.shape)]


@functools.cache
def _loops(
    cell: Cell, biased: tuple[bool, ...], masked: bool, sequences: bool, projected: bool, widths: tuple
) -> tuple[Callable, Callable]:
    """The forward and the backward loop of one shard.

    With `projected` the inputs are W x + b already, and there is neither a kernel nor a bias among the weights.

    `widths`, the dtype and the shapes of the weights, is for the cache: only batch and steps may vary within a pair.
    Of one cell and setting there is one pair, and the direction is a value: layers, directions and shards of the same
    shape compile once.
    """
    plan = plan_of(cell)
    n, head, narrow = len(cell.products), 0 if projected else 2, cell.states - cell.wide

    def unpack(weights, rows):
        projection, rest = weights[:head], weights[head:]
        recurrent, rest = rest[:n], rest[n:]
        biases = [rest[sum(biased[:k])] if biased[k] else None for k in range(n)]
        vectors = tuple(tf.broadcast_to(v, (rows, v.shape[-1])) for v in rest[sum(biased) :])
        return projection, recurrent, biases, vectors, recurrent[0].shape[-1] // cell.products[0]

    def course(direction, masks, steps):
        """Number of steps and of chunks; steps in a chunk; the first chunk's left edge; the first step.

        Edge and step are carried by the loops and not computed in them, or XLA would take the direction and the longest
        row for constants and compile again for each.
        """
        length = masks[2] if masked else steps
        size = tf.minimum(CHUNK, steps)
        ahead = direction > 0
        return length, -(-length // size), size, tf.where(ahead, 0, length - size), tf.where(ahead, 0, length - 1)

    @tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
    def forward(direction, x, masks, weights, states, memory):
        rows, steps, features = _dims(x)
        projection, recurrent, biases, vectors, units = unpack(weights, rows)
        length, count, size, edge, t = course(direction, masks, steps)

        def project(first, size):
            piece = tf.transpose(tf.slice(x, (0, first, 0), (rows, size, features)), (1, 0, 2))
            if projected:
                return piece
            kernel, bias = projection
            gates = tf.reshape(piece, (size * rows, features)) @ kernel + bias
            return tf.reshape(gates, (size, rows, cell.gates * units))

        def product(left, k):
            out = left @ recurrent[k]
            return tuple(tf.split(out if biases[k] is None else out + biases[k], cell.products[k], axis=1))

        def chunk(k, edge, t, states, outputs, kept, courses):
            first = tf.clip_by_value(edge, 0, steps - size)
            piece = project(first, size)

            def step(s, t, states, outputs, kept, courses):
                gates = tuple(tf.split(_take(piece, t - first), cell.gates, axis=1))
                op = Ops(product, memory=memory)
                new = cell.step(op, gates, states, vectors)
                candidates = [*gates, *states, *(b for _, _, out in op.trail for b in out)]
                kept = _put(kept, t, [candidates[i] for i in plan.kept])
                courses = tuple(_put(c, t, [state]) for c, state in zip(courses, states[narrow:], strict=True))
                if masked:
                    real = _read(masks[0][:, :, None], t)
                    new = tuple(tf.where(real, a, b) for a, b in zip(new, states, strict=True))
                return s + 1, t + direction, new, _put(outputs, t, new[:1]) if sequences else (), kept, courses

            last = tf.minimum((k + 1) * size, length)
            loop = tf.while_loop(lambda s, *_: s < last, step, (k * size, t, states, outputs, kept, courses))
            return k + 1, edge + direction * size, *loop[1:]

        outputs = tf.zeros((steps, rows, units), x.dtype) if sequences else ()
        kept = tf.zeros((steps, rows, len(plan.kept) * units), x.dtype)
        courses = tuple(tf.zeros((steps + 1, *_dims(state)), x.dtype) for state in states[narrow:])
        start = (0, edge, t, tuple(states), outputs, kept, courses)
        *_, states, outputs, kept, courses = tf.while_loop(lambda k, *_: k < count, chunk, start)
        courses = tuple(_put(c, steps, [state]) for c, state in zip(courses, states[narrow:], strict=True))
        if sequences:
            outputs = tf.transpose(outputs, (1, 0, 2))
        if masked and sequences:
            outputs = tf.where((tf.range(steps) < length)[:, None], outputs, states[0][:, None])
            outputs = tf.where(masks[1][:, :, None], outputs, 0)
        return outputs, (*states[:narrow], *(tf.transpose(c, (1, 0, 2)) for c in courses)), (kept, courses)

    @tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
    def backward(direction, x, masks, weights, turned, kept, doutputs, dstates, memory):
        rows, steps, features = _dims(x)
        _, _, _, vectors, units = unpack(weights, rows)
        kept, courses = kept
        dcourses = tuple(tf.transpose(d, (1, 0, 2)) for d in dstates[narrow:])  # (steps + 1, rows, places)
        dstates = (*dstates[:narrow], *(_take(d, steps) for d in dcourses))
        length, count, size, edge, t = course(direction, masks, steps)
        # columns of what a step writes: the gradients of the gates of x, of products that don't share them, left sides
        column, starts, lefts = cell.gates, [], []
        for k in range(n):
            starts.append(column if plan.shared[k] is None else plan.shared[k])
            column += cell.products[k] if plan.shared[k] is None else 0
        for k in range(n):
            lefts.append(column if plan.left[k] is None else None)
            column += plan.widths[k] if plan.left[k] is None else 0

        if sequences and masked:
            doutputs = tf.where(masks[1][:, :, None], doutputs, 0)
            beyond = tf.where((tf.range(steps) < length)[:, None], tf.zeros((), x.dtype), doutputs)
            dstates = (dstates[0] + tf.reduce_sum(beyond, 1), *dstates[1:])

        def chunk(k, edge, t, dstates, dconstant, dx, dweights):
            first = tf.clip_by_value(edge, 0, steps - size)

            def step(s, t, dstates, dconstant, written):
                blocks = tf.split(_take(kept, t), len(plan.kept), axis=1)
                full = dict(zip(plan.kept, blocks, strict=True))
                full |= {cell.gates + narrow + i: _take(course, t) for i, course in enumerate(courses)}
                total = cell.gates + cell.states + sum(plan.results)
                # a tensor of its own for each, or their gradients would be added up
                everything = [full[i] if i in full else tf.zeros_like(blocks[0]) for i in range(total)]
                gates, rest = tuple(everything[: cell.gates]), everything[cell.gates :]
                states, rest = tuple(rest[: cell.states]), rest[cell.states :]
                ends = [sum(plan.results[: j + 1]) for j in range(len(plan.results))]
                recorded = tuple(tuple(rest[e - w : e]) for e, w in zip(ends, plan.results, strict=True))
                if sequences:
                    dstates = (dstates[0] + _read(doutputs, t), *dstates[1:])
                dnew = dstates
                if masked:
                    real = _read(masks[0][:, :, None], t)
                    dnew = tuple(tf.where(real, d, 0) for d in dstates)
                dgates, dold, dv, dm, products = step_gradient(
                    cell, gates, states, vectors, recorded, dnew, lambda k, d: tf.concat(d, 1) @ turned[k - n], memory
                )
                if masked:
                    dold = tuple(tf.where(real, new, d) for new, d in zip(dold, dstates, strict=True))
                dold = (*dold[:narrow], *(a + _take(d, t) for a, d in zip(dold[narrow:], dcourses, strict=True)))
                written = _put(written, t - first, dgates)
                for k, (left, d) in enumerate(products):
                    if plan.shared[k] is None:
                        written = _put(written, t - first, d, starts[k] * units)
                    if lefts[k] is not None:
                        written = _put(written, t - first, [left], lefts[k] * units)
                dconstant = tuple(a + b for a, b in zip(dconstant, (*dv, *dm), strict=True))
                return s - 1, t - direction, dold, dconstant, written

            written = tf.zeros((size, rows, column * units), x.dtype)
            last = tf.minimum((k + 1) * size, length) - 1
            loop = tf.while_loop(lambda s, *_: s >= k * size, step, (last, t, dstates, dconstant, written))
            _, t, dstates, dconstant, written = loop

            def rows_of(buffer, start, at, width):
                return tf.reshape(tf.slice(buffer, (start, 0, at), (size, rows, width)), (size * rows, width))

            dz = rows_of(written, 0, 0, cell.gates * units)
            if projected:
                parts, dpiece = [], dz
            else:
                piece = tf.transpose(tf.slice(x, (0, first, 0), (rows, size, features)), (1, 0, 2))
                piece = tf.reshape(piece, (size * rows, features))
                parts, dpiece = [tf.matmul(piece, dz, transpose_a=True), tf.reduce_sum(dz, 0)], dz @ turned[0]
            dpiece = tf.transpose(tf.reshape(dpiece, (size, rows, features)), (1, 0, 2))
            dx = ops.slice_update(dx, tf.stack((0, first, 0)), dpiece)
            sums = []
            for p in range(n):
                dp = rows_of(written, 0, starts[p] * units, cell.products[p] * units)
                source = plan.left[p]
                if source is None:
                    left = rows_of(written, 0, (lefts[p] or 0) * units, plan.widths[p] * units)
                else:
                    at = plan.kept.index(cell.gates + source)
                    left = rows_of(kept, first, at * units, units)
                parts.append(tf.matmul(left, dp, transpose_a=True))
                sums.extend([tf.reduce_sum(dp, 0)] if biased[p] else [])
            dweights = tuple(a + b for a, b in zip(dweights, parts + sums, strict=True))
            return k - 1, edge - direction * size, t, dstates, dconstant, dx, dweights

        zeros = tuple(tf.zeros(w.shape, x.dtype) for w in weights[: len(weights) - cell.vectors])
        dconstant = tuple(tf.zeros_like(v) for v in (*vectors, *memory))  # what all steps share
        edge, t = edge + direction * (count - 1) * size, t + direction * (length - 1)
        start = (count - 1, edge, t, tuple(dstates), dconstant, tf.zeros_like(x), zeros)
        *_, dstates, dconstant, dx, dweights = tf.while_loop(lambda k, *_: k >= 0, chunk, start)
        dweights = (*dweights, *(tf.reduce_sum(v, 0) for v in dconstant[: cell.vectors]))
        return dx, dweights, dstates, dconstant[cell.vectors :]

    return forward, backward
