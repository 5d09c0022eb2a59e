"""Backpropagation through time, written once for all cells.

A cell is a function of one step (`Cell.step`). Here it runs over a sequence, differentiated in the vectorised form:
the input projections are products of many steps at once, the loop has the recurrent product alone, and each weight's
gradient is again a product of many steps at once, dU = sum_t Z_t^T X_t, dW = sum_t Z_{t+1}^T H_t.

Decisions, each by measurement on two cores of an AVX-512 machine:

- The loops are compiled by XLA: a step is some twenty small element-wise operations, dearer to start than to do.
- "Many steps at once" is `CHUNK` steps, not all, and fewer where layer and batch are large: what one chunk writes is still
  in the core's cache when the next product reads it. Chunks also let a batch stop where its padding begins.
- The batch is cut into one shard a core, so that cores need not meet at every step. With a mask the rows are sorted by
  length and cut finer: a shard stops at its own longest row, and a product of 8 rows is nearly as fast as one of 16,
  row for row.
- Transposed weights are made before the loops: XLA's product with a transposed right side ran at 60% of the plain one.
- What the loops write lies step after step, (steps, batch, width), so that a step writes one piece of memory and a chunk is
  one: 10% of a small layer's time.
- A step is few and large pieces, since each costs some 0.2 microseconds: neighbouring gates by one tanh, each state written
  once, gradients of blocks read from where they are written. What is one activation of a state is computed again on the way
  back, which is cheaper than to write and read it.
- Gates of x that an activation reads alone lie in pieces of their own: a tanh of some columns of a wider piece, at a step
  that the loop chooses, XLA doesn't vectorise. At (32, 200, 128, 128) a GRU that only answers took 1.4 times an LSTM's
  time in place of 0.8.
- What a step back reads of what it writes lies in buffers of its own (`_Layout` in `loops.py`): XLA copies a buffer that is
  written behind a read, all steps of it, at each step. That was two fifths of a large GRU's time.
- In bfloat16 XLA's loops are some fifty times slower than in float32, TensorFlow's own products twice as fast. So there the
  input projection and its gradients are TensorFlow's, of all steps at once, and the loops compute in float32.
- A cell that is linear in its state has loops of its own (`linear.py`).
"""

import dataclasses
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.framework import ops

from seqkit.recurrence.compiled import Compiled
from seqkit.recurrence.linear import linear_loops_of
from seqkit.recurrence.loops import Setting, loops_of
from seqkit.recurrence.shards import Shards, shards_of, split_mask
from seqkit.recurrence.step import Cell, Tensors

OWN_GRADIENTS = "seqkit_gradients"  # a collection of graphs


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
    keep: bool = True,
) -> tuple[tf.Tensor | None, tuple[tf.Tensor, ...]]:
    """Run a cell over a sequence; differentiable once in every tensor argument but the mask.

    A masked step hands the state on. Its output is that of the step before, zero where there is none, or always zero
    with `zero_output_for_mask`, as Keras has it.

    Args:
        inputs: float, (batch, steps, features).
        kernel: (features, cell.gates * units).
        bias: (cell.gates * units,), or None.
        recurrent: one (width, blocks * units) for each of the cell's products, or its blocks alone where it has heads,
            (heads, width / heads, blocks * units / heads) (`heads.py`).
        recurrent_bias: one (blocks * units,) or None for each of the cell's products.
        vectors: cell.vectors of (units,).
        memory: (batch, places, ...) for each of cell.memory.
        initial_state: cell.states of (batch, units); zeros when None. Those of cell.wide are (batch, places).
        mask: bool, (batch, steps), True where there is a step; any pattern.
        reverse: go from the last step to the first. Outputs stay at the step that they belong to.
        return_sequences: False returns None for the outputs and saves their memory.
        keep: True holds on to what a gradient needs; False is for inference: a gradient then runs forward again first.
    Returns:
        outputs (batch, steps, units) or None, and the states after the last step, cell.states of (batch, units). Of a wide
        state there is its whole course: before each step and after the last, (batch, steps + 1, places).
    Raises:
        ValueError: the number of weights or states isn't what the cell asks for; or there is a mask, or none of the first
            states, where there are wide ones.
        NotImplementedError: on differentiating the gradient.
    Example:
        >>> from seqkit.recurrence.bptt import scan
        >>> from seqkit.recurrence.cells import CELLS
        >>> x, kernel, recurrent = (rng.normal(size=shape) for shape in ((2, 5, 3), (3, 4), (4, 4)))
        >>> outputs, (last,) = scan(CELLS["simple_rnn"].cell, x, kernel, None, [recurrent])
        >>> outputs.shape, bool(np.allclose(outputs[:, -1], last))
        (TensorShape([2, 5, 4]), True)
    """
    recurrent_bias = tuple(recurrent_bias or (None,) * len(recurrent))
    _check_weights(cell, recurrent, recurrent_bias, vectors, memory)
    inputs = tf.convert_to_tensor(inputs)
    if cell.wide and (mask is not None or reverse or initial_state is None):
        raise ValueError(
            f"{cell.step.__name__} has wide states: give their first values, and neither mask nor reverse."
        )
    if initial_state is None:
        initial_state = (tf.zeros((tf.shape(inputs)[0], kernel.shape[-1] // cell.gates), inputs.dtype),) * cell.states
    if len(initial_state) != cell.states:
        raise ValueError(f"{cell.step.__name__} has {cell.states} states; received {len(initial_state)}.")

    dtype, projected = inputs.dtype, inputs.dtype == tf.bfloat16
    exact = tf.float32 if projected else dtype
    bias = tf.zeros(kernel.shape[-1:], dtype) if bias is None else bias
    projection = [tf.cast(kernel, dtype), tf.cast(bias, dtype)]
    if projected:
        inputs, projection = tf.cast(tf.tensordot(inputs, projection[0], 1) + projection[1], exact), []
    biases = [b for b in recurrent_bias if b is not None]
    weights = projection + [tf.cast(w, exact) for w in (*recurrent, *biases, *vectors)]
    states, memory = ([tf.cast(t, exact) for t in group] for group in (initial_state, memory))
    setting = Setting(
        cell,
        biased=tuple(b is not None for b in recurrent_bias),
        masked=mask is not None,
        sequences=return_sequences,
        projected=projected,
        keeping=keep,
        widths=(exact, *(tuple(w.shape) for w in weights)),
    )
    direction, shards = tf.constant(-1 if reverse else 1), shards_of(inputs, mask)
    masks = split_mask(shards, mask, reverse=reverse, zero_output=zero_output_for_mask)
    out = [tf.cast(x, dtype) for x in _Scan(setting, direction, shards, masks)(inputs, *weights, *states, *memory)]
    return (out[0] if return_sequences else None), tuple(out[-cell.states :])


def _check_weights(
    cell: Cell, recurrent: Tensors, recurrent_bias: Sequence[tf.Tensor | None], vectors: Tensors, memory: Tensors
) -> None:
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


class _Ran(NamedTuple):
    """What a shard's way back needs of its way there."""

    x: tf.Tensor
    mask: tuple[tf.Tensor, ...]
    memory: tuple[tf.Tensor, ...]
    kept: Any


@dataclasses.dataclass(frozen=True)
class _Scan:
    """The loops over all shards, as a function of inputs, weights, states and memory with a gradient of its own.

    Attributes:
        direction: int32, (), 1 or -1.
        masks: Of each shard, as `split_mask` gives them.
    """

    setting: Setting
    direction: tf.Tensor
    shards: Shards
    masks: list[tuple[tf.Tensor, ...]]

    def __call__(self, *arguments: tf.Tensor) -> Tensors:
        """Outputs, where they are asked for, and last states."""

        def run(*arguments: tf.Tensor) -> tuple[Tensors, Callable[..., Any]]:
            inputs, *rest = map(tf.stop_gradient, arguments)  # nobody is to differentiate the loops themselves
            weights, states, memory = self._groups(rest)
            results, ran = self._forward(inputs, weights, states, memory)

            def first(*of: tf.Tensor) -> tuple[Tensors, Callable[..., Any]]:
                # the arguments are there for a second gradient to meet
                upstream = [tf.stop_gradient(each) for each in of[: len(of) - len(arguments)]]
                keeping = dataclasses.replace(self, setting=dataclasses.replace(self.setting, keeping=True))
                kept = ran if self.setting.keeping else keeping._forward(inputs, weights, states, memory)[1]
                return keeping._backward(weights, kept, upstream), _no_second_gradient

            return results, lambda *upstream: _with_own_gradient(first, *upstream, *arguments)

        return _with_own_gradient(run, *arguments)

    def _loops(self) -> tuple[Compiled, Compiled]:
        return (linear_loops_of if self.setting.cell.linear else loops_of)(self.setting)

    def _groups(self, tensors: Tensors) -> tuple[Tensors, Tensors, Tensors]:
        cell = self.setting.cell
        memory = len(tensors) - len(cell.memory)
        states = memory - cell.states
        return tensors[:states], tensors[states:memory], tensors[memory:]

    def _forward(
        self, inputs: tf.Tensor, weights: Tensors, states: Tensors, memory: Tensors
    ) -> tuple[Tensors, list[_Ran]]:
        forward, _ = self._loops()
        outputs, final, ran = [], [], []
        shards = (self.shards.split(inputs), self.masks, self.shards.split_all(states), self.shards.split_all(memory))
        for x, mask, state, seen in zip(*shards, strict=True):
            output, last, kept = forward(self.direction, x, mask, weights, state, seen)
            outputs.append(output)
            final.append(last)
            ran.append(_Ran(x, mask, seen, kept))
        joined = [self.shards.join(outputs)] if self.setting.sequences else []
        return (*joined, *self.shards.join_all(final)), ran

    def _backward(self, weights: Tensors, ran: list[_Ran], upstream: Tensors) -> Tensors:
        _, backward = self._loops()
        cell, shards = self.setting.cell, self.shards
        doutputs = shards.split(upstream[0]) if self.setting.sequences else [()] * shards.count
        dstates = shards.split_all(upstream[-cell.states :])
        own = self.setting.projection
        turned = [
            tf.linalg.matrix_transpose(w) for w in (*weights[: min(own, 1)], *weights[own : own + len(cell.products)])
        ]
        back = [
            backward(self.direction, r.x, r.mask, weights, turned, r.kept, doutput, dstate, r.memory)
            for r, doutput, dstate in zip(ran, doutputs, dstates, strict=True)
        ]
        dinputs, dweights, dinitial, dmemory = zip(*back, strict=True)
        summed = [tf.add_n(parts) for parts in zip(*dweights, strict=True)]
        return (shards.join(dinputs), *summed, *shards.join_all(dinitial), *shards.join_all(dmemory))


def _with_own_gradient(function: Callable[..., Any], *arguments: tf.Tensor) -> Tensors:
    """Results of a function that returns them and their gradient (`tf.custom_gradient`).

    In a graph TensorFlow keeps such a gradient for good, in a registry by name, and through it the graph. Here the graph
    keeps it, and the registry a way to it that ends with the graph.
    """
    results: Tensors = tf.custom_gradient(function)(*arguments)
    if tf.is_symbolic_tensor(results[0]):
        operation, registered = results[0].op, ops.gradient_registry._registry
        name = operation.get_attr("_gradient_op_type").decode()
        gradient = registered[name]["type"]
        kept: Callable[[], Any] = weakref.ref(gradient)
        registered[name]["type"] = lambda *given: kept()(*given)
        operation.graph.add_to_collection(OWN_GRADIENTS, gradient)
        weakref.finalize(operation.graph, registered.pop, name, None)
    return results


def _no_second_gradient(*_: tf.Tensor) -> Any:
    raise NotImplementedError(
        "The scan is differentiable once. For gradients of gradients call the Keras model, not the accelerated one."
    )
