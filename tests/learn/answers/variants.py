"""Answers to the page on the LSTM's variants; after each a mistake that is often made."""

import numpy as np


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def step(W, R, p, b, y, c, x, peeps):
    z, i, f, o = W @ x + R @ y + b
    new = np.tanh(z) * sigmoid(i + p[0] * c) + c * sigmoid(f + p[1] * c)
    return np.tanh(new) * sigmoid(o + p[2] * peeps(c, new)), new


def vanilla(W, R, p, b, y, c, x):
    return step(W, R, p, b, y, c, x, lambda before, after: after)


def wrong_vanilla(W, R, p, b, y, c, x):
    return step(W, R, p, b, y, c, x, lambda before, after: before)


def coupled(W, R, p, b, y, c, x):
    z, i, o = W @ x + R @ y + b
    i = sigmoid(i + p[0] * c)
    c = np.tanh(z) * i + c * (1 - i)
    return np.tanh(c) * sigmoid(o + p[1] * c), c


def wrong_coupled(W, R, p, b, y, c, x):
    z, i, o = W @ x + R @ y + b
    i = sigmoid(i + p[0] * c)
    c = np.tanh(z) * (1 - i) + c * i
    return np.tanh(c) * sigmoid(o + p[1] * c), c


def mut3(W, R, b, h, x):
    z = sigmoid(W[0] @ x + R[0] @ np.tanh(h) + b[0])
    r = sigmoid(W[1] @ x + R[1] @ h + b[1])
    return np.tanh(W[2] @ x + R[2] @ (r * h) + b[2]) * z + h * (1 - z)


def wrong_mut3(W, R, b, h, x):
    z, r = (sigmoid(W[k] @ x + R[k] @ h + b[k]) for k in range(2))
    return np.tanh(W[2] @ x + R[2] @ (r * h) + b[2]) * z + h * (1 - z)
