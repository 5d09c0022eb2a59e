"""Answers to the page on truncated backpropagation; after each a mistake that is often made."""

import numpy as np


def windows(steps, k):
    return [(begin, min(begin + k, steps)) for begin in range(0, steps, k)]


def wrong_windows(steps, k):
    return [(begin, begin + k) for begin in range(0, steps, k)]


def carry(W, U, xs, k):
    s, states = np.zeros(len(W)), []
    for begin, end in [(begin, begin + k) for begin in range(0, len(xs), k)]:
        for x in xs[begin:end]:
            s = np.tanh(U @ x + W @ s)
            states.append(s)
    return np.array(states)


def wrong_carry(W, U, xs, k):
    states = []
    for t, x in enumerate(xs):
        s = np.zeros(len(W)) if t % k == 0 else states[-1]
        states.append(np.tanh(U @ x + W @ s))
    return np.array(states)


def truncated(W, U, v, xs, k):
    states = [np.zeros(len(W))]
    for x in xs:
        states.append(np.tanh(U @ x + W @ states[-1]))
    dW, delta = np.zeros_like(W), v * (1 - states[-1] ** 2)
    for t in range(len(xs) - 1, len(xs) - 1 - k, -1):
        dW += np.outer(delta, states[t])
        delta = W.T @ delta * (1 - states[t] ** 2)
    return dW


def wrong_truncated(W, U, v, xs, k):
    states = [np.zeros(len(W))]
    for x in xs:
        states.append(np.tanh(U @ x + W @ states[-1]))
    dW, delta = np.zeros_like(W), v * (1 - states[-1] ** 2)
    for t in range(len(xs) - 1, -1, -1):  # all the way
        dW += np.outer(delta, states[t])
        delta = W.T @ delta * (1 - states[t] ** 2)
    return dW
