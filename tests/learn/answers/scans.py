"""Answers to the page on the linear recurrences; after each a mistake that is often made."""

import numpy as np


def combine(first, second):
    return first[0] * second[0], second[0] * first[1] + second[1]


def wrong_combine(first, second):
    return first[0] * second[0], first[0] * second[1] + first[1]  # the second one first


def scan(a, b, h):
    hs = []
    for one_a, one_b in zip(a, b, strict=True):
        h = one_a * h + one_b
        hs.append(h)
    return np.array(hs)


def wrong_scan(a, b, h):
    hs = [h]
    for one_a, one_b in zip(a[1:], b[1:], strict=True):
        hs.append(one_a * hs[-1] + one_b)
    return np.array(hs)  # the first step is left out


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def mingru(W_z, b_z, W_h, b_h, h, x):
    z, n = sigmoid(W_z @ x + b_z), W_h @ x + b_h
    return (1 - z) * h + z * np.where(n >= 0, n + 0.5, sigmoid(n))


def wrong_mingru(W_z, b_z, W_h, b_h, h, x):
    z, n = sigmoid(W_z @ x + b_z), W_h @ x + b_h
    return (1 - z) * h + z * np.tanh(n)
