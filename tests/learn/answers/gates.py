"""Answers to the page on the gates of LSTM and GRU; after each a mistake that is often made."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(W, R, b, x, h, c):
    f, i, o, g = np.split(W @ x + R @ h + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def wrong_lstm_step(W, R, b, x, h, c):
    f, i, o, g = np.split(W @ x + R @ h + b, 4)
    after = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), after  # shows the cell before


def gru_step(W, R, x, h):
    (wz, wr, wh), (rz, rr, rh) = np.split(W, 3), np.split(R, 3)
    z, r = sigmoid(wz @ x + rz @ h), sigmoid(wr @ x + rr @ h)
    return z * h + (1 - z) * np.tanh(wh @ x + rh @ (r * h))


def wrong_gru_step(W, R, x, h):
    (wz, wr, wh), (rz, rr, rh) = np.split(W, 3), np.split(R, 3)
    z, r = sigmoid(wz @ x + rz @ h), sigmoid(wr @ x + rr @ h)
    return (1 - z) * h + z * np.tanh(wh @ x + rh @ (r * h))  # as others write it


def forget_bias(steps):
    gate = 0.5 ** (1 / steps)
    return np.log(gate / (1 - gate))


def wrong_forget_bias(steps):
    return np.log(steps)
