"""Reservoirs: recurrent layers that don't learn, under an affine map that is fitted in one pass (Jaeger 2001).

The recurrence is drawn once; on what it makes of a sequence the answers are regressed. That is a system of linear equations,
whose sums are gathered batch by batch: no gradients, no epochs, and memory for (units + 1)^2 numbers however long the data.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.cells import Recurrent

Array = np.ndarray


def reservoir(
    units: int,
    features: int,
    *,
    spectral_radius: float = 0.9,
    leak: float = 1.0,
    density: float = 0.1,
    input_scale: float = 1.0,
    bias_scale: float = 0.2,
    seed: int = 0,
    **options: Any,
) -> Recurrent:
    """A recurrent layer of leaky echo state units (Jaeger et al. 2007), whose weights are drawn here and stay.

    h_t = (1 - leak) h_{t-1} + leak tanh(W x_t + R h_{t-1} + b). Lukosevicius 2012, *A practical guide to applying echo state
    networks*, says what each setting does and how to choose it.

    Args:
        units: Width of the state.
        features: Width of the inputs, which had better be of scale 1.
        spectral_radius: Of R, the largest size of an eigenvalue: how long inputs echo. From 1 on they might for ever.
        leak: How much of a unit is new at each step; the smaller, the slower the signal that it follows.
        density: Share of R that isn't zero.
        input_scale, bias_scale: W and b are uniform within plus or minus these.
        seed: Of all draws.
        **options: Those of `keras.layers.RNN`, such as a name; `return_sequences` is on.
    Returns:
        A layer that is built, and not trainable. It streams and goes into files as any cell does.
    Raises:
        InputError: A setting is out of range, or R came out without an eigenvalue.
    Example:
        >>> from seqkit.recurrence.reservoir import reservoir
        >>> layer = reservoir(100, features=3, spectral_radius=0.9, leak=0.3)
        >>> layer(rng.normal(size=(2, 50, 3)).astype("float32")).shape, len(layer.trainable_weights)
        (TensorShape([2, 50, 100]), 0)
    """
    at_least("units", units, 1)
    at_least("features", features, 1)
    for name, value in (("leak", leak), ("density", density)):
        if not 0 < value <= 1:
            raise InputError(f"{name} is {value}: give a share above 0, up to 1.")
    if spectral_radius < 0:
        raise InputError(f"spectral_radius is {spectral_radius}: give a number of at least 0.")
    rng = np.random.default_rng(seed)
    kernel = rng.uniform(-input_scale, input_scale, (features, units))
    recurrent = rng.uniform(-1, 1, (units, units)) * (rng.random((units, units)) < density)
    largest = np.abs(np.linalg.eigvals(recurrent)).max()
    if largest < 1e-9 < spectral_radius:
        raise InputError(f"density {density} left {units} units without a circle of connections: give more of either.")
    bias = rng.uniform(-bias_scale, bias_scale, units)
    layer = Recurrent(units, "echo_state", **{"return_sequences": True, "trainable": False} | options)
    layer.build((None, None, features))
    scale = spectral_radius / largest if largest > 0 else 0.0
    layer.set_weights([kernel, bias, recurrent * scale, np.full(units, leak)])
    return layer


class RidgeSums:
    """The sums of a ridge regression with an intercept, gathered in any number of pieces, in float64.

    Args:
        features: Width of what is regressed on.
        targets: How many numbers are fitted.
    Example:
        >>> from seqkit.recurrence.reservoir import RidgeSums
        >>> sums, x = RidgeSums(2, 1), rng.normal(size=(50, 2))
        >>> sums.add(x[:25], x[:25] @ [[3.0], [-1.0]] + 0.5)
        >>> sums.add(x[25:], x[25:] @ [[3.0], [-1.0]] + 0.5)
        >>> kernel, bias = sums.solve(ridge=1e-9)
        >>> kernel.round(3).tolist(), bias.round(3).tolist()
        ([[3.0], [-1.0]], [0.5])
    """

    def __init__(self, features: int, targets: int):
        self._squares = np.zeros((features + 1, features + 1))
        self._products = np.zeros((features + 1, targets))

    def add(self, features: Array, targets: Array, weights: Array | None = None) -> None:
        """More rows: (rows, features), (rows, targets), and how much each row counts, (rows,)."""
        given = np.concatenate([features, np.ones((len(features), 1))], axis=1, dtype=np.float64)
        weighed = given if weights is None else given * np.asarray(weights, np.float64)[:, None]
        self._squares += weighed.T @ given
        self._products += weighed.T @ np.asarray(targets, np.float64)

    def solve(self, ridge: float) -> tuple[Array, Array]:
        """Kernel, (features, targets), and bias, (targets,): the least sum of weighted squared errors and `ridge` times the
        squares of the kernel.

        Raises:
            InputError: Nothing was added, or the equations have no one solution.
        """
        count = self._squares[-1, -1]
        if not count:
            raise InputError("There is nothing to fit: no step has a weight.")
        mean, answer = self._squares[-1, :-1] / count, self._products[-1] / count
        squares = self._squares[:-1, :-1] - count * np.outer(mean, mean) + ridge * np.eye(len(mean))
        products = self._products[:-1] - count * np.outer(mean, answer)
        try:
            kernel: Array = scipy.linalg.solve(squares, products, assume_a="pos")
        except (np.linalg.LinAlgError, ValueError) as error:
            raise InputError(
                f"The states say the same in several ways ({error}): give a larger ridge than {ridge:g}."
            ) from None
        return kernel, answer - mean @ kernel


def fit_readout(
    model: keras.Model, batches: Iterable[tuple[Any, ...]], *, ridge: float = 1e-6, washout: int = 0
) -> keras.Model:
    """Put an affine map on what a model says at every step, fitted by ridge regression in one pass.

    Args:
        model: From inputs to states, (batch, steps, units), such as `reservoir`'s layers side by side or one on the other.
            Nothing in it is changed.
        batches: (inputs, targets) each, or (inputs, targets, weights): targets float, (batch, steps, targets), for classes
            their one-hot vectors; weights (batch, steps), 0 where a step is padding. They are read once.
        ridge: What the squares of the map's weights cost, but for the bias, beside the sum of squared errors.
        washout: How many of each row's first steps aren't fitted, since the first state is still in them.
    Returns:
        A model from the same inputs to (batch, steps, targets), with a layer "readout" on top.
    Raises:
        InputError: There is no batch, or the equations have no one solution.
    Example:
        >>> from seqkit.recurrence.reservoir import fit_readout, reservoir
        >>> inputs = keras.Input((None, 1))
        >>> model = keras.Model(inputs, reservoir(100, features=1)(inputs))
        >>> x = rng.uniform(-1, 1, (4, 200, 1)).astype("float32")
        >>> y = np.roll(x, 2, axis=1)  # what came two steps before
        >>> fitted = fit_readout(model, [(x, y)], washout=20)
        >>> bool(np.corrcoef(np.ravel(fitted(x)[:, 20:]), np.ravel(y[:, 20:]))[0, 1] > 0.99)
        True
    """
    at_least("washout", washout, 0)
    if ridge < 0:
        raise InputError(f"ridge is {ridge}: give a number of at least 0.")
    run = tf.function(accelerate(model), reduce_retracing=True)
    sums = None
    for inputs, targets, *rest in batches:
        states, targets = run(inputs).numpy()[:, washout:], np.asarray(targets)[:, washout:]
        weights = np.asarray(rest[0])[:, washout:].reshape(-1) if rest else None
        if sums is None:
            sums = RidgeSums(states.shape[-1], targets.shape[-1])
        sums.add(states.reshape(-1, states.shape[-1]), targets.reshape(-1, targets.shape[-1]), weights)
    if sums is None:
        raise InputError("There is nothing to fit: there is no batch.")
    kernel, bias = sums.solve(ridge)
    # a Sequential that nobody has called has neither input nor output, but these
    given = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    readout = keras.layers.Dense(len(bias), name="readout", dtype=model.outputs[0].dtype)
    fitted = keras.Model(given, readout(model.outputs[0]), name=f"{model.name}_readout")
    readout.set_weights([kernel, bias])
    return fitted
