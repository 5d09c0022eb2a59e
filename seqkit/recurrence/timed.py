"""Cells for steps at irregular times: one of their gates is the time since the step before."""

from typing import Any

from seqkit.recurrence.step import Blocks, Tensors


def cfc(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Blocks:
    """Closed-form continuous-time, Hasani et al. 2022, without a backbone; gates f, g, a, b and the time d since the step
    before, each of the four W x_t + R h_{t-1} + b.

    s = sigm(a d + b), h_t = (1 - s) tanh(f) + s tanh(g); the paper's b is 0, the code of its authors (ncps) has it
    """
    f, g, a, b = (now + then for now, then in zip(x[:4], op.product(state[0]), strict=True))
    s = op.sigmoid(a * x[4] + b)
    return ((1 - s) * op.tanh(f) + s * op.tanh(g),)
