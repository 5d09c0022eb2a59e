"""A leaky integrator (Jaeger 2001): h' = (1 - a) h + a tanh(W x + R h + b), a = 0.3."""

from seqkit.recurrence.cells import Recurrence
from seqkit.recurrence.step import Cell

RATE = 0.3


def step(op, x, state, vectors):
    (h,) = state
    return ((1 - RATE) * h + RATE * op.tanh(x[0] + op.product(h)[0]),)


leaky = Recurrence(Cell(step, gates=1, products=(1,)))
