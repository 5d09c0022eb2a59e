"""The recurrences of the field as gate equations, by name, and a Keras layer for those that Keras lacks.

A new cell is one function and one line. The minimal gated unit of Zhou et al. 2016, for example:

    def mgu(op, x, state, vectors):
        (h,) = state
        f = op.sigmoid(x[0] + op.product(h, 0)[0])
        return ((1 - f) * h + f * op.tanh(x[1] + op.product(f * h, 1)[0]),)

    register("mgu", Recurrence(Cell(mgu, gates=2, products=(1, 1))))

and `Stack(cell="mgu")` has it.

In all of them x holds W x_t + b gate by gate, `op.product(h, k)` is R_k h gate by gate, and the first state is the
output.
"""

import copy
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqkit.core.errors import InputError
from seqkit.core.registry import cells
from seqkit.recurrence import light
from seqkit.recurrence.step import Blocks, Cell, PlainOps, Tensors, left_widths


def _add(a: Sequence[tf.Tensor], b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    return [p + q for p, q in zip(a, b, strict=True)]


def simple_rnn(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Elman 1990: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b)."""
    (h,) = state
    return (op.tanh(x[0] + op.product(h)[0]),)


def lstm(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; gates i, f, g, o as Keras orders them.

    c_t = f c_{t-1} + i g, h_t = o tanh(c_t)
    """
    h, c = state
    i, f, g, o = _add(x, op.product(h))
    c = op.sigmoid(f) * c + op.sigmoid(i) * op.tanh(g)
    return op.sigmoid(o) * op.tanh(c), c


def gru(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """As cuDNN has it, reset after the product: h_t = z h_{t-1} + (1 - z) tanh(W_h x_t + r (R_h h_{t-1} + b))."""
    (h,) = state
    z, r, n = op.product(h)
    z, r = op.sigmoid(x[0] + z), op.sigmoid(x[1] + r)
    return (z * h + (1 - z) * op.tanh(x[2] + r * n),)


def gru_reset_before(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Cho et al. 2014: h_t = z h_{t-1} + (1 - z) tanh(W_h x_t + R_h (r h_{t-1}))."""
    (h,) = state
    z, r = _add(x[:2], op.product(h, 0))
    z, r = op.sigmoid(z), op.sigmoid(r)
    return (z * h + (1 - z) * op.tanh(x[2] + op.product(r * h, 1)[0]),)


def mut1(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Jozefowicz, Zaremba and Sutskever 2015, MUT1; x_t itself where it is as wide as h, else W x_t.

    z = sigm(W_xz x_t + b_z), r = sigm(W_xr x_t + W_hr h + b_r), h' = tanh(W_hh (r h) + tanh(x_t) + b_h) z + h (1 - z)
    """
    (h,) = state
    z, r = op.sigmoid(x[0]), op.sigmoid(x[1] + op.product(h, 0)[0])
    return (op.tanh(op.product(r * h, 1)[0] + op.tanh(x[2]) + vectors[0]) * z + h * (1 - z),)


def mut2(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Jozefowicz, Zaremba and Sutskever 2015, MUT2; x_t itself where it is as wide as h, else W x_t.

    z = sigm(W_xz x_t + W_hz h + b_z), r = sigm(x_t + W_hr h + b_r),
    h' = tanh(W_hh (r h) + W_xh x_t + b_h) z + h (1 - z)
    """
    (h,) = state
    z, r = _add(x[:2], op.product(h, 0))
    z, r = op.sigmoid(z), op.sigmoid(r)
    return (op.tanh(op.product(r * h, 1)[0] + x[2]) * z + h * (1 - z),)


def mut3(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Jozefowicz, Zaremba and Sutskever 2015, MUT3.

    z = sigm(W_xz x_t + W_hz tanh(h) + b_z), r = sigm(W_xr x_t + W_hr h + b_r),
    h' = tanh(W_hh (r h) + W_xh x_t + b_h) z + h (1 - z)
    """
    (h,) = state
    z = op.sigmoid(x[0] + op.product(op.tanh(h), 0)[0])
    r = op.sigmoid(x[1] + op.product(h, 1)[0])
    return (op.tanh(op.product(r * h, 2)[0] + x[2]) * z + h * (1 - z),)


def lstm_peephole(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """The vanilla LSTM of Greff et al. 2015, "LSTM: A Search Space Odyssey", in its symbols; gates z, i, f, o.

    i = s(W_i x + R_i y + p_i c' + b_i), f = s(W_f x + R_f y + p_f c' + b_f), c = z i + c' f,
    o = s(W_o x + R_o y + p_o c + b_o), y = tanh(c) o, where c' is the cell before
    """
    y, c = state
    z, i, f, o = _add(x, op.product(y))
    c = op.tanh(z) * op.sigmoid(i + vectors[0] * c) + c * op.sigmoid(f + vectors[1] * c)
    return op.tanh(c) * op.sigmoid(o + vectors[2] * c), c


def lstm_no_input_gate(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """NIG of Greff et al. 2015: i = 1; gates z, f, o."""
    y, c = state
    z, f, o = _add(x, op.product(y))
    c = op.tanh(z) + c * op.sigmoid(f + vectors[0] * c)
    return op.tanh(c) * op.sigmoid(o + vectors[1] * c), c


def lstm_no_forget_gate(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """NFG of Greff et al. 2015: f = 1; gates z, i, o."""
    y, c = state
    z, i, o = _add(x, op.product(y))
    c = op.tanh(z) * op.sigmoid(i + vectors[0] * c) + c
    return op.tanh(c) * op.sigmoid(o + vectors[1] * c), c


def lstm_no_output_gate(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """NOG of Greff et al. 2015: o = 1; gates z, i, f."""
    y, c = state
    z, i, f = _add(x, op.product(y))
    c = op.tanh(z) * op.sigmoid(i + vectors[0] * c) + c * op.sigmoid(f + vectors[1] * c)
    return op.tanh(c), c


def lstm_no_input_activation(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """NIAF of Greff et al. 2015: z without its tanh."""
    y, c = state
    z, i, f, o = _add(x, op.product(y))
    c = z * op.sigmoid(i + vectors[0] * c) + c * op.sigmoid(f + vectors[1] * c)
    return op.tanh(c) * op.sigmoid(o + vectors[2] * c), c


def lstm_no_output_activation(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """NOAF of Greff et al. 2015: y = c o."""
    y, c = state
    z, i, f, o = _add(x, op.product(y))
    c = op.tanh(z) * op.sigmoid(i + vectors[0] * c) + c * op.sigmoid(f + vectors[1] * c)
    return c * op.sigmoid(o + vectors[2] * c), c


def lstm_coupled(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """CIFG of Greff et al. 2015: f = 1 - i; gates z, i, o."""
    y, c = state
    z, i, o = _add(x, op.product(y))
    i = op.sigmoid(i + vectors[0] * c)
    c = op.tanh(z) * i + c * (1 - i)
    return op.tanh(c) * op.sigmoid(o + vectors[1] * c), c


def lstm_full_gate(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """FGR of Greff et al. 2015: the gates i, f, o of the step before are inputs of all three gates."""
    y, c, *gates = state
    z, i, f, o = _add(x, op.product(y, 0))
    i, f, o = _add((i, f, o), op.product(ops.concatenate(gates, axis=1), 1))
    i, f = op.sigmoid(i + vectors[0] * c), op.sigmoid(f + vectors[1] * c)
    c = op.tanh(z) * i + c * f
    o = op.sigmoid(o + vectors[2] * c)
    return op.tanh(c) * o, c, i, f, o


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
    """

    cell: Cell
    forget: int | None = None
    plain: tuple[int, ...] = ()
    unbiased: tuple[int, ...] = ()
    start: Callable[[np.ndarray], np.ndarray] | None = None
    bound: float | None = None


CELLS: dict[str, Recurrence] = {
    "simple_rnn": Recurrence(Cell(simple_rnn, gates=1, products=(1,))),
    "lstm": Recurrence(Cell(lstm, gates=4, products=(4,), states=2), forget=1),
    "gru": Recurrence(Cell(gru, gates=3, products=(3,))),
    "gru_reset_before": Recurrence(Cell(gru_reset_before, gates=3, products=(2, 1))),
    "mut1": Recurrence(Cell(mut1, gates=3, products=(1, 1), vectors=1), plain=(2,), unbiased=(2,)),
    "mut2": Recurrence(Cell(mut2, gates=3, products=(2, 1)), plain=(1,)),
    "mut3": Recurrence(Cell(mut3, gates=3, products=(1, 1, 1))),
    "lstm_peephole": Recurrence(Cell(lstm_peephole, gates=4, products=(4,), states=2, vectors=3), forget=2),
    "lstm_no_input_gate": Recurrence(Cell(lstm_no_input_gate, gates=3, products=(3,), states=2, vectors=2), forget=1),
    "lstm_no_forget_gate": Recurrence(Cell(lstm_no_forget_gate, gates=3, products=(3,), states=2, vectors=2)),
    "lstm_no_output_gate": Recurrence(Cell(lstm_no_output_gate, gates=3, products=(3,), states=2, vectors=2), forget=2),
    "lstm_no_input_activation": Recurrence(
        Cell(lstm_no_input_activation, gates=4, products=(4,), states=2, vectors=3), forget=2
    ),
    "lstm_no_output_activation": Recurrence(
        Cell(lstm_no_output_activation, gates=4, products=(4,), states=2, vectors=3), forget=2
    ),
    "lstm_coupled": Recurrence(Cell(lstm_coupled, gates=3, products=(3,), states=2, vectors=2)),
    "lstm_full_gate": Recurrence(Cell(lstm_full_gate, gates=4, products=(4, 3), states=5, vectors=3), forget=2),
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
}


def register(name: str, recurrence: Recurrence) -> None:
    """Give a recurrence a name, under which `Stack(cell=...)` and `Recurrent` find it.

    Raises:
        ValueError: the name is taken.
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
    Raises:
        ValueError: no such cell.
    """

    def __init__(
        self,
        units: int,
        cell: str,
        recurrent_initializer: Any = "orthogonal",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units, self.kind, self.recurrence = units, cell, recurrence_of(cell)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        states = self.recurrence.cell.states
        self.state_size = units if states == 1 else [units] * states
        self.output_size = units

    def build(self, shape: tuple[int | None, ...]) -> None:
        cell, units = self.recurrence.cell, self.units
        self.learned = [g for g in range(cell.gates) if g not in self.recurrence.plain or shape[-1] != units]
        self.kernel = self.add_weight(
            (shape[-1], len(self.learned) * units), initializer=self.kernel_initializer, name="kernel"
        )
        self.biased = [g for g in range(cell.gates) if g not in self.recurrence.unbiased]
        self.bias = None
        if self.biased:
            self.bias = self.add_weight((len(self.biased) * units,), initializer=self._first_bias, name="bias")
        draw, constant = functools.partial(self._blockwise, itertools.count()), keras.initializers.Constant
        self.recurrent = [
            self.add_weight((width * units, blocks * units), initializer=draw, name=f"recurrent_kernel_{k}")
            for k, (width, blocks) in enumerate(zip(left_widths(cell), cell.products, strict=True))
        ]
        limit = None if self.recurrence.bound is None else light.Within(self.recurrence.bound)
        self.vectors = [
            self.add_weight((units,), initializer=constant(values), constraint=limit, name=f"vector_{k}")
            for k, values in enumerate(light.first_vectors(self.recurrence.start, (cell.vectors, units)))
        ]

    def _first_bias(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        blocks = [ops.full((self.units,), float(g == self.recurrence.forget), dtype=dtype) for g in self.biased]
        return ops.concatenate(blocks)

    def _blockwise(self, numbers: Iterator[int], shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        """Each gate's matrix from the initializer by itself, for which "identity" needs it square."""
        draw = []
        for _ in range(shape[0] * shape[1] // self.units**2):
            own = copy.copy(self.recurrent_initializer)
            if isinstance(getattr(own, "seed", None), int):  # the same seed would draw the same matrix for all
                own.seed += next(numbers)
            draw.append(own((self.units, self.units), dtype=dtype))
        rows = shape[0] // self.units
        return ops.concatenate([ops.concatenate(draw[i::rows], axis=1) for i in range(rows)], axis=0)

    def scan_weights(self) -> dict[str, Any]:
        """Keyword arguments of `bptt.scan`: kernels with the identity where x_t goes in as it is."""
        gates = range(self.recurrence.cell.gates)
        kernel = ops.convert_to_tensor(self.kernel)
        eye, zero = ops.eye(kernel.shape[0], dtype=kernel.dtype), ops.zeros((self.units,), dtype=kernel.dtype)
        kernels = dict(zip(self.learned, ops.split(kernel, len(self.learned), axis=1), strict=True))
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
        }


@keras.saving.register_keras_serializable(package="seqkit")
class Recurrent(keras.layers.RNN):
    """A layer of any recurrence; `seqkit.recurrence.acceleration.accelerate` runs it through the scan.

    Args:
        units: width of the state.
        cell: a name that `recurrence_of` knows.
        recurrent_initializer: "orthogonal", or "identity" for an IRNN (Le, Jaitly and Hinton 2015).
        kernel_initializer: of the input kernel.
        **kwargs: those of `keras.layers.RNN`: return_sequences, return_state, go_backwards and so on.
    Call arguments:
        sequences: float, (batch, steps, features).
        mask: bool, (batch, steps).
        initial_state: a list of (batch, units).
    """

    def __init__(
        self,
        units: int,
        cell: str,
        recurrent_initializer: Any = "orthogonal",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        own = GateCell(units, cell, recurrent_initializer, kernel_initializer, dtype=kwargs.get("dtype"))
        super().__init__(own, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        own = config.pop("cell")["config"]
        return config | {k: own[k] for k in ("units", "cell", "recurrent_initializer", "kernel_initializer")}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Recurrent":
        return cls(**config)


KERAS = {"simple_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def make_layer(cell: str, units: int, **options: Any) -> keras.layers.RNN:
    """A recurrent layer by the name of its cell: Keras's own where Keras has it, so that a saved model opens without seqkit.

    Args:
        cell: a name that `recurrence_of` knows.
        units: width of the state.
        **options: `recurrent_initializer` and those of `keras.layers.RNN`.
    Raises:
        InputError: recurrent weights are to be the identity, and there are none.
    """
    if options.get("recurrent_initializer") == "identity" and not recurrence_of(cell).cell.products:
        raise InputError(
            f"A {cell} has no recurrent weights that could be the identity: leave recurrent_initializer out."
        )
    if cell == "gru_reset_before":
        return keras.layers.GRU(units, reset_after=False, **options)
    if cell in KERAS:
        return KERAS[cell](units, **options)
    return Recurrent(units, cell, **options)
