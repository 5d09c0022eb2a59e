"""Answers to the page on questions about pictures; after each a mistake that is often made."""

import collections

import numpy as np


def first_of_most(counts):
    return min(counts, key=lambda answer: (-counts[answer], answer))


def question_alone(questions, answers, asked):
    had = collections.defaultdict(collections.Counter)
    for question, answer in zip(questions, answers, strict=True):
        had[question][answer] += 1
    return [first_of_most(had.get(question, collections.Counter(answers))) for question in asked]


def wrong_question_alone(questions, answers, asked):
    return [first_of_most(collections.Counter(answers)) for _ in asked]


def look(W, U, b, w, u, grid):
    scores = np.tanh(grid @ W.T + U @ u + b) @ w
    p = np.exp(scores - scores.max())
    p /= p.sum()
    return p, u + p @ grid


def wrong_look(W, U, b, w, u, grid):
    scores = np.tanh(grid @ W.T + U @ u + b) @ w
    p = np.exp(scores - scores.max())
    p /= p.sum()
    return p, p @ grid  # the question is forgotten


def gain_by_kind(right, blind, kinds):
    return {kind: 100 * (right[kinds == kind].mean() - blind[kinds == kind].mean()) for kind in set(kinds)}


def wrong_gain_by_kind(right, blind, kinds):
    return {kind: 100 * (right[kinds == kind] & ~blind[kinds == kind]).mean() for kind in set(kinds)}
