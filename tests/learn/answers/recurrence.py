"""Answers to the page on the recurrence by hand; after each a mistake that is often made."""

import numpy as np


def step(W_hh, W_xh, b, h, x):
    return np.tanh(W_hh @ h + W_xh @ x + b)


def wrong_step(W_hh, W_xh, b, h, x):
    return np.tanh(h @ W_hh + W_xh @ x + b)


def unroll(W_hh, W_xh, b, xs):
    h, hs = np.zeros(len(b)), []
    for x in xs:
        h = step(W_hh, W_xh, b, h, x)
        hs.append(h)
    return np.array(hs)


def wrong_unroll(W_hh, W_xh, b, xs):
    h = np.zeros(len(b))
    for x in xs:
        h = step(W_hh, W_xh, b, h, x)
    return h


def one_matrix(W_hh, W_xh):
    return np.concatenate([W_hh, W_xh], axis=1)


def wrong_one_matrix(W_hh, W_xh):
    return np.concatenate([W_xh, W_hh], axis=1)
