"""Cells with a recurrent product, as gate equations.

In all of them x holds W x_t + b gate by gate, `op.product(h, k)` is R_k h gate by gate, and the first state is the
output.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from seqkit.recurrence.step import Blocks, Tensors


def _add(a: Sequence[tf.Tensor], b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    return [p + q for p, q in zip(a, b, strict=True)]


def simple_rnn(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Elman 1990: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b)."""
    (h,) = state
    return (op.tanh(x[0] + op.product(h)[0]),)


def echo_state(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Leaky integrator units, Jaeger et al. 2007: h_t = (1 - a) h_{t-1} + a tanh(W x_t + R h_{t-1} + b)."""
    (h,), (leak,) = state, vectors
    return ((1 - leak) * h + leak * op.tanh(x[0] + op.product(h)[0]),)


def lstm(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; gates i, f, g, o as Keras orders them.

    c_t = f c_{t-1} + i g, h_t = o tanh(c_t)
    """
    h, c = state
    i, f, g, o = op.gates(("sigmoid", "sigmoid", "tanh", "sigmoid"), x, op.product(h))
    c = f * c + i * g
    return o * op.tanh(c), c


def gru(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """As cuDNN has it, reset after the product: h_t = z h_{t-1} + (1 - z) tanh(W_h x_t + r (R_h h_{t-1} + b))."""
    (h,) = state
    z, r, n = op.product(h)
    z, r = op.sigmoid(x[0] + z), op.sigmoid(x[1] + r)
    return (z * h + (1 - z) * op.tanh(x[2] + r * n),)


def gru_reset_before(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Cho et al. 2014: h_t = z h_{t-1} + (1 - z) tanh(W_h x_t + R_h (r h_{t-1}))."""
    (h,) = state
    z, r = map(op.sigmoid, _add(x[:2], op.product(h, 0)))
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
    z, r = map(op.sigmoid, _add(x[:2], op.product(h, 0)))
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
