"""Answers to the page on captions; after each a mistake that is often made."""

import numpy as np


def mean_state(W, b, grid):
    return np.tanh(W @ grid.mean(axis=0) + b)


def wrong_mean_state(W, b, grid):
    return np.tanh(W @ grid.sum(axis=0) + b)


def context(W_a, U_a, v_a, h, grid):
    scores = np.tanh(W_a @ h + grid @ U_a.T) @ v_a
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ grid


def wrong_context(W_a, U_a, v_a, h, grid):
    scores = np.tanh(W_a @ h + grid @ U_a.T) @ v_a
    return np.exp(scores) @ grid


def teacher_forcing(caption, start, end):
    return [start, *caption], [*caption, end]


def wrong_teacher_forcing(caption, start, end):
    return [start, *caption, end], [start, *caption, end]
