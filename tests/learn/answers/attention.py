"""Answers to the page on attention; after each a mistake that is often made."""

import numpy as np


def softmax(scores):
    shares = np.exp(scores - scores.max())
    return shares / shares.sum()


def look_up(query, keys, values, real):
    return softmax(np.where(real, keys @ query, -1e4)) @ values


def wrong_look_up(query, keys, values, real):
    return (softmax(keys @ query) * real) @ values  # the rest no longer adds up to 1


def additive(W, U, v, query, memory):
    return softmax(np.tanh(W @ query + memory @ U.T) @ v)


def wrong_additive(W, U, v, query, memory):
    return softmax((W @ query + memory @ U.T) @ v)


def score_slopes(weights, values, slope):
    each = values @ slope
    return weights * (each - weights @ each)


def wrong_score_slopes(weights, values, slope):
    return weights * (values @ slope)
