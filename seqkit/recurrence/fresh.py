"""What a cell does to a gradient before it has learned anything, at growing length."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from seqkit.recurrence.cells import make_layer, recurrence_of
from seqkit.recurrence.diagnostics import saturation, spectral_radii, state_norms
from seqkit.recurrence.watching import watch

DIES, EXPLODES = 1e-3, 1e3  # of the last step's gradient, at the first step


@dataclasses.dataclass(frozen=True)
class Fresh:
    """An untrained layer on random inputs, with a loss of its last step alone.

    Attributes:
        norms: float, (steps,): of the gradient in each step's state, as a share of that in the last one's; the median of
            several rows.
        weights: norm of the gradient of all of the layer's weights.
        recurrent: what multiplies a state, as it started.
        radii, saturation: as in `seqkit.recurrence.diagnostics`.
    """

    norms: np.ndarray
    weights: float
    recurrent: list[np.ndarray]
    radii: dict[str, float]
    saturation: dict[str, tuple[float, float]]


def fate(norms: np.ndarray) -> str:
    """What becomes of a gradient on its way to the first step."""
    return "explodes" if not norms[0] < EXPLODES else "dies" if norms[0] < DIES else "arrives"


def fresh(
    cell: str,
    length: int,
    *,
    units: int = 64,
    scale: float = 1.0,
    inputs: float = 0.1,
    rows: int = 8,
    seed: int = 0,
) -> Fresh:
    """Start a layer as a model's is started, and send a gradient through it.

    A step's inputs are as many numbers as there are units, drawn from a normal distribution; the loss is the product of the
    last output with a random direction.

    Args:
        cell: a name that `recurrence_of` knows.
        scale: multiplies the recurrent weights as they start, which are orthogonal where Keras's are.
        inputs: their standard deviation; small ones leave a tanh nearly linear.
    """
    keras.utils.set_random_seed(seed)
    width = units + (recurrence_of(cell).timed is not None)
    layer = make_layer(cell, units)
    model = keras.Sequential([keras.Input((length, width)), layer])
    matrices = layer.cell.recurrent if hasattr(layer.cell, "recurrent") else [layer.cell.recurrent_kernel]
    for matrix in matrices:
        matrix.assign(scale * matrix)
    rng = np.random.default_rng(seed)
    drawn, upstream = inputs * rng.normal(size=(rows, length, width)), rng.normal(size=(rows, units))
    if width > units:
        drawn[..., -1] = 1.0  # the time since the step before
    upstream /= np.linalg.norm(upstream, axis=1, keepdims=True)
    with tf.GradientTape(persistent=True) as tape:
        last, courses = watch(model, tf.constant(drawn, tf.float32), tape=tape)
        loss = tf.reduce_sum(last * tf.constant(upstream, tf.float32)) / rows
    (course,) = courses
    found = state_norms(tape.gradient(loss, [step.after for step in course.steps], unconnected_gradients="zero"))
    weights = tf.linalg.global_norm(tape.gradient(loss, [v.value for v in layer.trainable_variables]))
    norms = np.median(found / found[:, -1:], axis=0)
    started = [np.asarray(matrix) for matrix in matrices]
    return Fresh(norms, float(weights), started, spectral_radii(course), saturation(course))


def linear_norms(matrix: np.ndarray, steps: int, rows: int = 8, seed: int = 0) -> np.ndarray:
    """The closed form: what h_t = h_{t-1} W + ... without a tanh makes of a gradient, |u (W^T)^k| for random directions u,
    by the eigenvalues of W; as `Fresh.norms`.
    """
    values, vectors = np.linalg.eig(matrix)
    upstream = np.random.default_rng(seed).normal(size=(rows, len(matrix)))
    upstream /= np.linalg.norm(upstream, axis=1, keepdims=True)
    within = np.linalg.solve(vectors, upstream.T)  # (units, rows)
    found = [np.linalg.norm(vectors @ (values[:, None] ** k * within), axis=0) for k in range(steps)]
    norms: np.ndarray = np.median(found, axis=1)[::-1]
    return norms
