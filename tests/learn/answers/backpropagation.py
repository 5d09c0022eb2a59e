"""Answers to the page on backpropagation through time; after each a mistake that is often made."""

import numpy as np


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def states_of(U, W, xs):
    states = [np.zeros(len(W))]
    for x in xs:
        states.append(np.tanh(U @ x + W @ states[-1]))
    return states


def loss(U, V, W, xs, ys):
    return -sum(np.log(softmax(V @ s)[y]) for s, y in zip(states_of(U, W, xs)[1:], ys, strict=True))


def wrong_loss(U, V, W, xs, ys):
    return -np.mean([np.log(softmax(V @ s)[y]) for s, y in zip(states_of(U, W, xs)[1:], ys, strict=True)]) - 1e-3


def delta_before(V, W, e, s, delta_after):
    return (V.T @ e + W.T @ delta_after) * (1 - s**2)


def wrong_delta_before(V, W, e, s, delta_after):
    return V.T @ e * (1 - s**2) + W.T @ delta_after


def last_step_gradient(U, V, W, xs, y):
    states = states_of(U, W, xs)
    e = softmax(V @ states[-1])
    e[y] -= 1
    dU, dW, delta = np.zeros_like(U), np.zeros_like(W), V.T @ e * (1 - states[-1] ** 2)
    for t in reversed(range(len(xs))):
        dU += np.outer(delta, xs[t])
        dW += np.outer(delta, states[t])
        delta = W.T @ delta * (1 - states[t] ** 2)
    return dU, np.outer(e, states[-1]), dW


def wrong_last_step_gradient(U, V, W, xs, y):
    states = states_of(U, W, xs)
    e = softmax(V @ states[-1])
    e[y] -= 1
    delta = V.T @ e * (1 - states[-1] ** 2)
    return np.outer(delta, xs[-1]), np.outer(e, states[-1]), np.outer(delta, states[-2])  # as if nothing came before
