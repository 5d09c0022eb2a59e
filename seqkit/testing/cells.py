"""What every cell has to pass."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import Recurrent

Array = np.ndarray
Reference = Callable[..., Sequence[Array]]

STEPS = 21  # more than a chunk of the scan, and no multiple of it


def check_cell(
    name: str, reference: Reference, *, units: int = 4, features: int = 3, seed: int = 0, heads: int = 1
) -> None:
    """Check a cell against NumPy, in float64: its Keras layer and the scan, whole, in pieces from a random state and step by
    step, under masks of any pattern, in both directions, and its gradient against finite differences.

    Args:
        name: Of a cell that is known (`seqkit.recurrence.cells`).
        reference: One step written from the equations, in NumPy: (x, states, kernel, bias, recurrent, vectors) -> states,
            with x (batch, features), states a tuple of (batch, units), kernel (features, gates * units), bias
            (gates * units,), recurrent a list of one matrix a product, vectors a list of (units,).
        heads: In how many the units are cut; the reference gets whole matrices, with zeros between heads.
    Raises:
        AssertionError: The two differ.
    Example:
        >>> from seqkit.testing.cells import check_cell
        >>> def elman(x, states, kernel, bias, recurrent, vectors):  # h' = tanh(W x + R h + b)
        ...     return (np.tanh(x @ kernel + bias + states[0] @ recurrent[0]),)
        >>> check_cell("simple_rnn", elman, units=2, features=1)
    """
    rng = np.random.default_rng(seed)
    layer = Recurrent(units, name, heads=heads, return_sequences=True, return_state=True, dtype="float64")
    x = rng.normal(size=(3, STEPS, features))
    layer.build(x.shape)
    layer.set_weights([rng.normal(size=weight.shape) * 0.7 for weight in layer.weights])
    cell, made = layer.cell.recurrence.cell, layer.cell.scan_weights()
    states = [rng.normal(size=(3, units)) for _ in range(cell.states)]
    arrays = {key: [np.asarray(v) for v in w] if isinstance(w, list) else np.asarray(w) for key, w in made.items()}
    weights = tf.nest.map_structure(tf.constant, arrays)
    arrays["recurrent"] = [_whole(kernel, units) for kernel in arrays["recurrent"]]

    def run(inputs: Array, states: Sequence[Array], **options: Any) -> tuple[Array, Sequence[Array]]:
        outputs, final = scan(cell, inputs, initial_state=[tf.constant(s) for s in states], **weights, **options)
        return np.asarray(outputs), [np.asarray(s) for s in final]

    def expected(states: Sequence[Array], mask: Array | None = None, reverse: bool = False) -> tuple[Array, Any]:
        return _loop(reference, x, states, arrays, mask, reverse)

    whole = expected(states)
    outputs, *final = layer(x, initial_state=[tf.constant(s) for s in states])
    _same("the Keras layer", (outputs, final), whole)
    _same("the scan", run(x, states), whole)
    for size in (7, 1):
        _same(f"in pieces of {size}", _in_pieces(run, x, states, size), whole)
    lengths = np.array([STEPS, 4, 0])[:, None]
    masks = {"right": np.arange(STEPS) < lengths, "gaps": rng.random((3, STEPS)) < 0.5}
    for pattern, mask in (masks | {"left": masks["right"][:, ::-1]}).items():
        for reverse in (False, True):
            real = run(x, states, mask=tf.constant(mask), reverse=reverse)
            wanted = expected(states, mask, reverse)
            _same(f"mask {pattern}, reverse {reverse}", (real[0][mask], real[1]), (wanted[0][mask], wanted[1]))
    _same("reversed", run(x, states, reverse=True), expected(states, reverse=True))
    _check_gradient(cell, x, states, weights, rng)


def _whole(kernel: Array, units: int) -> Array:
    """A kernel, or one of (heads, width * units / heads, blocks * units / heads), as (width * units, blocks * units)."""
    if kernel.ndim == 2:
        return kernel
    own = units // len(kernel)
    whole = np.zeros((len(kernel) * kernel.shape[1], len(kernel) * kernel.shape[2]))
    for head, part in enumerate(kernel):
        for row in range(0, part.shape[0], own):
            for column in range(0, part.shape[1], own):
                top, left = row * len(kernel) + head * own, column * len(kernel) + head * own
                whole[top : top + own, left : left + own] = part[row : row + own, column : column + own]
    return whole


def _loop(
    reference: Reference, x: Array, states: Sequence[Array], weights: dict[str, Any], mask: Array | None, reverse: bool
) -> tuple[Array, list[Array]]:
    """(batch, steps, units) and the last states; a masked step hands the states on."""
    now, outputs = [np.asarray(state) for state in states], np.zeros((*x.shape[:2], states[0].shape[1]))
    steps = range(x.shape[1])
    for t in reversed(steps) if reverse else steps:
        new = reference(x[:, t], tuple(now), **weights)
        real = np.ones(len(x), bool) if mask is None else mask[:, t]
        now = [np.where(real[:, None], after, before) for after, before in zip(new, now, strict=True)]
        outputs[:, t] = now[0]
    return outputs, now


def _in_pieces(run: Callable[..., Any], x: Array, states: Sequence[Array], size: int) -> tuple[Array, Sequence[Array]]:
    pieces = []
    for start in range(0, x.shape[1], size):
        outputs, states = run(x[:, start : start + size], states)
        pieces.append(outputs)
    return np.concatenate(pieces, axis=1), states


def _check_gradient(cell: Any, x: Array, states: Sequence[Array], weights: dict[str, Any], rng: Any) -> None:
    """The gradient of the scan along a random direction, beside a central difference."""
    flat = tf.nest.flatten([tf.constant(x), [tf.constant(s) for s in states], weights])
    like = [tf.constant(x), [tf.constant(s) for s in states], weights]
    upstream = rng.normal(size=(*x.shape[:2], states[0].shape[1]))

    def loss(tensors: list[Any]) -> tf.Tensor:
        inputs, initial, given = tf.nest.pack_sequence_as(like, tensors)
        outputs, final = scan(cell, inputs, initial_state=initial, **given)
        return tf.reduce_sum(outputs * upstream) + sum(tf.reduce_sum(state) for state in final)

    with tf.GradientTape() as tape:
        tape.watch(flat)
        value = loss(flat)
    gradients = tape.gradient(value, flat)
    direction = [rng.normal(size=tensor.shape) for tensor in flat]
    ahead, behind = (
        float(loss([tensor + h * d for tensor, d in zip(flat, direction, strict=True)])) for h in (1e-6, -1e-6)
    )
    along = sum(float(tf.reduce_sum(g * d)) for g, d in zip(gradients, direction, strict=True) if g is not None)
    np.testing.assert_allclose(along, (ahead - behind) / 2e-6, rtol=1e-5, err_msg="the gradient")


def _same(what: str, got: Any, expected: Any) -> None:
    np.testing.assert_allclose(got[0], expected[0], atol=1e-10, err_msg=f"outputs: {what}")
    for one, other in zip(got[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10, err_msg=f"states: {what}")
