"""The recurrences of the field as gate equations, by name, and a Keras layer for those that Keras lacks.

A new cell is one function and one line. The minimal gated unit of Zhou et al. 2016, for example:

    def mgu(op, x, state, vectors):
        (h,) = state
        f = op.sigmoid(x[0] + op.product(h, 0)[0])
        return ((1 - f) * h + f * op.tanh(x[1] + op.product(f * h, 1)[0]),)

    register("mgu", Recurrence(Cell(mgu, gates=2, products=(1, 1))))

and `Stack(cell="mgu")` has it.

In its step x holds W x_t + b gate by gate, `op.product(h, k)` is R_k h gate by gate, and the first state is the output.
"""

import copy
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqkit.core.errors import InputError
from seqkit.core.registry import cells
from seqkit.recurrence import gated, light, timed
from seqkit.recurrence.heads import head_units
from seqkit.recurrence.step import Cell, PlainOps, Tensors, left_widths


@dataclasses.dataclass(frozen=True)
class Recurrence:
    """A cell and what its layer needs besides.

    Args:
        cell: the equations.
        forget: the gate whose bias starts at 1, if any.
        plain: gates to which x_t goes as it is where it is as wide as the state.
        unbiased: gates without a bias.
        start: what makes vectors of as many draws from (0, 1), (vectors, units) both; without it they start at zero.
        bound: how large a number of a vector may become, in either direction.
        timed: the gate that is, for all units, the last number of x_t as it is: the time since the step before. No other
            gate reads that number.
    Example:
        >>> from seqkit.recurrence.cells import Recurrence
        >>> from seqkit.recurrence.step import Cell
        >>> def leaky(op, x, state, vectors):  # h' = 0.7 h + 0.3 tanh(W x + R h + b)
        ...     return (0.7 * state[0] + 0.3 * op.tanh(x[0] + op.product(state[0])[0]),)
        >>> Recurrence(Cell(leaky, gates=1, products=(1,))).cell.states
        1
    """

    cell: Cell
    forget: int | None = None
    plain: tuple[int, ...] = ()
    unbiased: tuple[int, ...] = ()
    start: Callable[[np.ndarray], np.ndarray] | None = None
    bound: float | None = None
    timed: int | None = None


CELLS: dict[str, Recurrence] = {
    "simple_rnn": Recurrence(Cell(gated.simple_rnn, gates=1, products=(1,))),
    "lstm": Recurrence(Cell(gated.lstm, gates=4, products=(4,), states=2), forget=1),
    "gru": Recurrence(Cell(gated.gru, gates=3, products=(3,))),
    "gru_reset_before": Recurrence(Cell(gated.gru_reset_before, gates=3, products=(2, 1))),
    "mut1": Recurrence(Cell(gated.mut1, gates=3, products=(1, 1), vectors=1), plain=(2,), unbiased=(2,)),
    "mut2": Recurrence(Cell(gated.mut2, gates=3, products=(2, 1)), plain=(1,)),
    "mut3": Recurrence(Cell(gated.mut3, gates=3, products=(1, 1, 1))),
    "lstm_peephole": Recurrence(Cell(gated.lstm_peephole, gates=4, products=(4,), states=2, vectors=3), forget=2),
    "lstm_no_input_gate": Recurrence(
        Cell(gated.lstm_no_input_gate, gates=3, products=(3,), states=2, vectors=2), forget=1
    ),
    "lstm_no_forget_gate": Recurrence(Cell(gated.lstm_no_forget_gate, gates=3, products=(3,), states=2, vectors=2)),
    "lstm_no_output_gate": Recurrence(
        Cell(gated.lstm_no_output_gate, gates=3, products=(3,), states=2, vectors=2), forget=2
    ),
    "lstm_no_input_activation": Recurrence(
        Cell(gated.lstm_no_input_activation, gates=4, products=(4,), states=2, vectors=3), forget=2
    ),
    "lstm_no_output_activation": Recurrence(
        Cell(gated.lstm_no_output_activation, gates=4, products=(4,), states=2, vectors=3), forget=2
    ),
    "lstm_coupled": Recurrence(Cell(gated.lstm_coupled, gates=3, products=(3,), states=2, vectors=2)),
    "lstm_full_gate": Recurrence(Cell(gated.lstm_full_gate, gates=4, products=(4, 3), states=5, vectors=3), forget=2),
    "mingru": Recurrence(Cell(light.mingru, gates=2, products=(), linear=True)),
    "minlstm": Recurrence(Cell(light.minlstm, gates=3, products=(), linear=True)),
    "sru": Recurrence(Cell(light.sru, gates=4, products=(), states=2, vectors=2), plain=(3,), unbiased=(0, 3)),
    "qrnn": Recurrence(Cell(light.qrnn, gates=6, products=(), states=5, linear=True), unbiased=(3, 4, 5)),
    "rg_lru": Recurrence(
        Cell(light.rg_lru, gates=3, products=(), vectors=1, linear=True),
        plain=(2,),
        unbiased=(2,),
        start=light.rg_lru_start,
    ),
    "indrnn": Recurrence(Cell(light.indrnn, gates=1, products=(), vectors=1), start=light.indrnn_start, bound=1.0),
    "lru": Recurrence(
        Cell(light.lru, gates=3, products=(1, 1), states=3, vectors=3, linear=True),
        unbiased=(0, 1, 2),
        start=light.lru_start,
    ),
    # of `reservoir.py`, and of no stack, which would train its weights
    "echo_state": Recurrence(Cell(gated.echo_state, gates=1, products=(1,), vectors=1)),
    "cfc": Recurrence(Cell(timed.cfc, gates=5, products=(4,)), unbiased=(4,), timed=4),
}


def register(name: str, recurrence: Recurrence) -> None:
    """Give a recurrence a name, under which `Stack(cell=...)` and `Recurrent` find it.

    Raises:
        ValueError: the name is taken.
    Example:
        >>> from seqkit.recurrence.cells import Recurrence, register
        >>> from seqkit.recurrence.step import Cell
        >>> def leaky(op, x, state, vectors):  # h' = 0.7 h + 0.3 tanh(W x + R h + b)
        ...     return (0.7 * state[0] + 0.3 * op.tanh(x[0] + op.product(state[0])[0]),)
        >>> register("my_leaky", Recurrence(Cell(leaky, gates=1, products=(1,))))
        >>> Stack(cell="my_leaky", units=(8,)).layer_name(1)
        'my_leaky_1'
    """
    if name in CELLS:
        raise ValueError(f"A cell {name!r} is there already: choose another name.")
    cells.add(name, recurrence)


def recurrence_of(name: str) -> Recurrence:
    """The recurrence of a name: one of `CELLS`, registered, declared by a package, or at a path that was imported.

    Raises:
        ValueError: There is none.
    """
    if name in CELLS:
        return CELLS[name]
    if name not in cells:
        where = f"import {name.partition(':')[0]} first" if ":" in name else "import the module that registers it first"
        raise ValueError(
            f"No cell is named {name!r} here; there are {', '.join([*CELLS, *cells.names()])}. For a cell of one's own "
            f"{where} (on the command line with --import)."
        )
    found: Recurrence = cells.find(name)
    return found


def weights_of(layer: keras.layers.RNN) -> tuple[Cell, dict[str, Any]]:
    """The cell of a recurrent layer, and its weights as keyword arguments of `bptt.scan`.

    Raises:
        TypeError: the layer is none that the scan knows.
    """
    own = layer.cell
    if isinstance(own, GateCell):
        return own.recurrence.cell, own.scan_weights()
    kernel, recurrent = ops.convert_to_tensor(own.kernel), ops.convert_to_tensor(own.recurrent_kernel)
    bias = None if own.bias is None else ops.convert_to_tensor(own.bias)
    weights = {"kernel": kernel, "bias": bias, "recurrent": [recurrent]}
    if isinstance(own, keras.layers.LSTMCell):
        return CELLS["lstm"].cell, weights
    if isinstance(own, keras.layers.SimpleRNNCell):
        return CELLS["simple_rnn"].cell, weights
    if isinstance(own, keras.layers.GRUCell) and own.reset_after:
        if bias is not None:
            weights |= {"bias": bias[0], "recurrent_bias": [bias[1]]}
        return CELLS["gru"].cell, weights
    if isinstance(own, keras.layers.GRUCell):
        weights["recurrent"] = [recurrent[:, : 2 * own.units], recurrent[:, 2 * own.units :]]
        return CELLS["gru_reset_before"].cell, weights
    raise TypeError(f"{layer.name}: expected LSTM, GRU, SimpleRNN or Recurrent; received {type(layer).__name__}.")


@keras.saving.register_keras_serializable(package="seqkit")
class GateCell(keras.layers.Layer):
    """One step of any recurrence, for `keras.layers.RNN`.

    Args:
        units: width of the state.
        cell: a name that `recurrence_of` knows.
        recurrent_initializer: "orthogonal", or "identity" for an IRNN (Le, Jaitly and Hinton 2015).
        heads: parts of the units that don't see each other's past: the recurrent matrices are block-diagonal (`heads.py`).
    Raises:
        ValueError: no such cell; or (InputError) it has no recurrent product to be cut, or units that don't come out even.
    """

    def __init__(
        self,
        units: int,
        cell: str,
        recurrent_initializer: Any = "orthogonal",
        kernel_initializer: Any = "glorot_uniform",
        heads: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units, self.kind, self.recurrence = units, cell, recurrence_of(cell)
        if heads > 1 and (self.recurrence.cell.linear or not self.recurrence.cell.products):
            raise InputError(
                f"A {cell} has no product in its step that could be cut into {heads} heads: leave heads at 1."
            )
        self.heads, self.head_units = heads, head_units(units, heads)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        states = self.recurrence.cell.states
        self.state_size = units if states == 1 else [units] * states
        self.output_size = units

    def build(self, shape: tuple[Any, ...]) -> None:
        cell, units = self.recurrence.cell, self.units
        given = self.recurrence.timed, *(self.recurrence.plain if shape[-1] == units else ())
        self.learned = [g for g in range(cell.gates) if g not in given]
        rows = shape[-1] - (self.recurrence.timed is not None)
        if rows < 1:
            raise InputError(
                f"A {self.kind} reads the time since the step before as the last of a step's numbers: expected two or more, "
                f"received {shape[-1]}."
            )
        self.kernel = self.add_weight(
            (rows, len(self.learned) * units), initializer=self.kernel_initializer, name="kernel"
        )
        self.biased = [g for g in range(cell.gates) if g not in self.recurrence.unbiased]
        self.bias = None
        if self.biased:
            self.bias = self.add_weight((len(self.biased) * units,), initializer=self._first_bias, name="bias")
        draw, constant = functools.partial(self._blockwise, itertools.count()), keras.initializers.Constant
        self.recurrent = [
            self.add_weight(self._kernel_shape(width, blocks), initializer=draw, name=f"recurrent_kernel_{k}")
            for k, (width, blocks) in enumerate(zip(left_widths(cell), cell.products, strict=True))
        ]
        limit = None if self.recurrence.bound is None else light.Within(self.recurrence.bound)
        self.vectors = [
            self.add_weight((units,), initializer=constant(values), constraint=limit, name=f"vector_{k}")
            for k, values in enumerate(light.first_vectors(self.recurrence.start, (cell.vectors, units)))
        ]

    def _kernel_shape(self, width: int, blocks: int) -> tuple[int, ...]:
        heads = (self.heads,) if self.heads > 1 else ()
        return (*heads, width * self.head_units, blocks * self.head_units)

    def _first_bias(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        blocks = [ops.full((self.units,), float(g == self.recurrence.forget), dtype=dtype) for g in self.biased]
        return ops.concatenate(blocks)

    def _blockwise(self, numbers: Iterator[int], shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        """Each gate's matrix from the initializer by itself, for which "identity" needs it square."""
        if len(shape) == 3:
            return ops.stack([self._blockwise(numbers, shape[1:], dtype) for _ in range(shape[0])])
        draw, units = [], self.head_units
        for _ in range(shape[0] * shape[1] // units**2):
            own = copy.copy(self.recurrent_initializer)
            if isinstance(getattr(own, "seed", None), int):  # the same seed would draw the same matrix for all
                own.seed += next(numbers)
            draw.append(own((units, units), dtype=dtype))
        rows = shape[0] // units
        return ops.concatenate([ops.concatenate(draw[i::rows], axis=1) for i in range(rows)], axis=0)

    def scan_weights(self) -> dict[str, Any]:
        """Keyword arguments of `bptt.scan`: kernels with the identity where x_t goes in as it is, and ones where its last
        number does.
        """
        gates, clock = range(self.recurrence.cell.gates), self.recurrence.timed
        kernel = ops.convert_to_tensor(self.kernel)
        if clock is not None:
            kernel = ops.pad(kernel, ((0, 1), (0, 0)))
        eye, zero = ops.eye(kernel.shape[0], dtype=kernel.dtype), ops.zeros((self.units,), dtype=kernel.dtype)
        kernels = dict(zip(self.learned, ops.split(kernel, len(self.learned), axis=1), strict=True))
        if clock is not None:
            kernels[clock] = ops.pad(ops.ones((1, self.units), dtype=kernel.dtype), ((kernel.shape[0] - 1, 0), (0, 0)))
        bias = [] if self.bias is None else ops.split(ops.convert_to_tensor(self.bias), len(self.biased))
        biases = dict(zip(self.biased, bias, strict=True))
        return {
            "kernel": ops.concatenate([kernels.get(g, eye) for g in gates], axis=1),
            "bias": ops.concatenate([biases.get(g, zero) for g in gates]),
            "recurrent": [ops.convert_to_tensor(w) for w in self.recurrent],
            "vectors": [ops.convert_to_tensor(v) for v in self.vectors],
        }

    def call(self, inputs: tf.Tensor, states: Tensors, training: bool = False) -> tuple[tf.Tensor, list[tf.Tensor]]:
        weights, cell = self.scan_weights(), self.recurrence.cell
        x = tf.split(inputs @ weights["kernel"] + weights["bias"], cell.gates, axis=1)
        new = cell.step(PlainOps(cell, weights["recurrent"]), tuple(x), tuple(states), tuple(weights["vectors"]))
        return new[0], list(new)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return config | {
            "units": self.units,
            "cell": self.kind,
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "heads": self.heads,
        }


@keras.saving.register_keras_serializable(package="seqkit")
class Recurrent(keras.layers.RNN):
    """A layer of any recurrence; `seqkit.recurrence.acceleration.accelerate` runs it through the scan.

    Args:
        units: width of the state.
        cell: a name that `recurrence_of` knows.
        recurrent_initializer: "orthogonal", or "identity" for an IRNN (Le, Jaitly and Hinton 2015).
        kernel_initializer: of the input kernel.
        heads: parts of the units that don't see each other's past, as in `GateCell`.
        **kwargs: those of `keras.layers.RNN`: return_sequences, return_state, go_backwards and so on.
    Call arguments:
        sequences: float, (batch, steps, features).
        mask: bool, (batch, steps).
        initial_state: a list of (batch, units).

    Example:
        >>> from seqkit.recurrence.cells import Recurrent
        >>> layer = Recurrent(4, "mingru", return_sequences=True)
        >>> layer(rng.normal(size=(2, 5, 3)).astype("float32")).shape
        TensorShape([2, 5, 4])
    """

    def __init__(
        self,
        units: int,
        cell: str,
        recurrent_initializer: Any = "orthogonal",
        kernel_initializer: Any = "glorot_uniform",
        heads: int = 1,
        **kwargs: Any,
    ):
        own = GateCell(units, cell, recurrent_initializer, kernel_initializer, heads, dtype=kwargs.get("dtype"))
        if own.recurrence.timed is not None and kwargs.get("go_backwards"):
            raise InputError(
                f"A {cell} reads the time since the step before, and so not backwards: leave go_backwards off."
            )
        super().__init__(own, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        own = config.pop("cell")["config"]
        names = ("units", "cell", "recurrent_initializer", "kernel_initializer", "heads")
        return config | {name: own[name] for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Recurrent":
        return cls(**config)


KERAS = {"simple_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def make_layer(cell: str, units: int, heads: int = 1, **options: Any) -> keras.layers.RNN:
    """A recurrent layer by the name of its cell: Keras's own where Keras has it, so that a saved model opens without seqkit.

    Args:
        cell: a name that `recurrence_of` knows.
        units: width of the state.
        heads: parts of the units with a recurrent matrix each; Keras has 1 alone.
        **options: `recurrent_initializer` and those of `keras.layers.RNN`.
    Raises:
        InputError: recurrent weights are to be the identity, or cut into heads, and there are none; or the units don't
            come out even.
    Example:
        >>> from seqkit.recurrence.cells import make_layer
        >>> type(make_layer("lstm", 8)).__name__, type(make_layer("mut1", 8)).__name__
        ('LSTM', 'Recurrent')
    """
    if options.get("recurrent_initializer") == "identity" and not recurrence_of(cell).cell.products:
        raise InputError(
            f"A {cell} has no recurrent weights that could be the identity: leave recurrent_initializer out."
        )
    if heads != 1:
        return Recurrent(units, cell, heads=heads, **options)
    if cell == "gru_reset_before":
        return keras.layers.GRU(units, reset_after=False, **options)
    if cell in KERAS:
        return KERAS[cell](units, **options)
    return Recurrent(units, cell, **options)
