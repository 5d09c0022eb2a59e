"""Cells without a recurrent product, as gate equations: those that are linear in the state, which one function gives both
step by step and for all steps at once, and two that aren't, whose loops have nothing but numbers one by one.

A masked step hands on what was before, h_{t-1} and x_{t-1} alike.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.recurrence.step import Blocks, Tensors

Array = np.ndarray
LEAST = 1e-12  # below a root, whose slope at 0 has no bound


def first_vectors(start: Callable[[Array], Array] | None, shape: tuple[int, int]) -> Array:
    """What a layer's vectors, (vectors, units), start with: zeros, or what `Recurrence.start` says."""
    if start is None:
        return np.zeros(shape)
    seed = keras.initializers.RandomUniform().seed  # of keras.utils.set_random_seed
    return start(np.random.default_rng(seed).uniform(1e-6, 1 - 1e-6, shape))


class Within(keras.constraints.Constraint):
    """No number above a bound, nor below its negative."""

    def __init__(self, bound: float):
        self.bound = bound

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        return keras.ops.clip(weights, -self.bound, self.bound)


def _positive(op: Any, v: Any) -> Any:
    """g of Feng et al. 2024: v + 1/2 where v >= 0, else sigm(v)."""
    above = op.relu(v)
    return above + op.sigmoid(v - above)  # at 0 it has the slope from below: relu(-v) in place of this had none


def mingru(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """minGRU, Feng et al. 2024: z = sigm(W_z x_t + b_z), h_t = (1 - z) h_{t-1} + z g(W_h x_t + b_h); gates z, h."""
    z = op.sigmoid(x[0])
    return (op.linear(1 - z, z * _positive(op, x[1]), state[0]),)


def minlstm(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """minLSTM, Feng et al. 2024: f = sigm(W_f x_t + b_f), i = sigm(W_i x_t + b_i), h_t = (f h_{t-1} + i g(W_h x_t + b_h)) /
    (f + i); gates f, i, h.

    f / (f + i) is sigm(log f - log i), where both may be too small for a float.
    """
    f = op.sigmoid(op.softplus(-x[1]) - op.softplus(-x[0]))
    return (op.linear(f, (1 - f) * _positive(op, x[2]), state[0]),)


def sru(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Lei et al. 2018, (1) to (4); gates x~, f, r and x_t itself where it is as wide as c, else W x_t.

    f = sigm(W_f x_t + v_f c_{t-1} + b_f), c_t = f c_{t-1} + (1 - f) W x_t, r = sigm(W_r x_t + v_r c_{t-1} + b_r),
    h_t = r c_t + (1 - r) sqrt(3) x_t, whose factor keeps the variance of x_t where b_r starts at 0
    """
    _, before = state
    f, r = op.sigmoid(x[1] + vectors[0] * before), op.sigmoid(x[2] + vectors[1] * before)
    c = f * before + (1 - f) * x[0]
    return r * c + (1 - r) * (3**0.5 * x[3]), c


def qrnn(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Bradbury et al. 2017, fo-pooling, with a convolution of two steps; gates z, f, o of x_t, then of the step after.

    z = tanh(W_z x_t + V_z x_{t-1} + b_z), f and o likewise with sigm, c_t = f c_{t-1} + (1 - f) z, h_t = o c_t; before the
    first step x is 0. The states after h and c are V_z x_t, V_f x_t and V_o x_t.
    """
    _, c, *lags = state
    before, after = zip(*(op.delay(value, lag) for value, lag in zip(x[3:], lags, strict=True)), strict=True)
    z, f, o = (now + then for now, then in zip(x[:3], before, strict=True))
    f = op.sigmoid(f)
    c = op.linear(f, (1 - f) * op.tanh(z), c)
    return (op.sigmoid(o) * c, c, *after)


def rg_lru(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """De et al. 2024, (1) to (4), with full matrices; gates r, i and x_t itself where it is as wide as h, else W x_t.

    r = sigm(W_a x_t + b_a), i = sigm(W_x x_t + b_x), a = sigm(L)^(8 r), h_t = a h_{t-1} + sqrt(1 - a^2) (i x_t). The vector
    is -L, so that log a = -8 r softplus(-L); and 1 - a^2 = -tanh(log a) (1 + a^2), which is exact where a is near 1. The
    root's slope there is beyond float16, in which gradients of large inputs are not finite; bfloat16 holds it.
    """
    log_a = -8 * op.sigmoid(x[0]) * op.softplus(vectors[0])
    a = op.exp(log_a)
    rest = op.sqrt(LEAST - op.tanh(log_a) * (1 + a * a))
    return (op.linear(a, rest * (op.sigmoid(x[1]) * x[2]), state[0]),)


def rg_lru_start(u: Array) -> Array:
    """sigm(L)^8 = a with a^2 uniform between 0.9^2 and 0.999^2."""
    squared = 0.9**2 + u * (0.999**2 - 0.9**2)
    return np.log(np.expm1(-np.log(squared) / 16))


def indrnn(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Li et al. 2018: h_t = relu(W x_t + u h_{t-1} + b)."""
    return (op.relu(x[0] + vectors[0] * state[0]),)


def indrnn_start(u: Array) -> Array:
    """Uniform between 0 and 1, which is the paper's bound 2^(1 / T) for rows of any length T."""
    return u


def lru(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Orvieto et al. 2023, of complex numbers; gates Re B x, Im B x, D x, products Re C and -Im C, vectors nu, th, gam.

    lam = exp(-exp(nu) + j exp(th)), s_t = lam s_{t-1} + exp(gam) (B x_t), y_t = Re(C s_t) + D x_t; states y, Re s, Im s
    """
    nu, th, gam = vectors
    size, angle, scale = op.exp(-op.exp(nu)), op.exp(th), op.exp(gam)
    lam = size * op.cos(angle), size * op.sin(angle)
    re, im = op.turning(lam, (scale * x[0], scale * x[1]), (state[1], state[2]))
    return op.product(re, 0)[0] + op.product(im, 1)[0] + x[2], re, im


def lru_start(u: Array) -> Array:
    """|lam|^2 uniform between 0.9^2 and 0.999^2, its angle between 0 and 2 pi, exp(gam)^2 = 1 - |lam|^2."""
    squared = 0.9**2 + u[0] * (0.999**2 - 0.9**2)
    return np.stack([np.log(-np.log(squared) / 2), np.log(2 * np.pi * u[1]), np.log1p(-squared) / 2])
