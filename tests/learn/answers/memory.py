"""Answers to the page on n-grams, fixed windows and recurrent networks; after each a mistake that is often made."""

import itertools

import numpy as np


def bigrams(ids, symbols):
    counts = np.ones((symbols, symbols))
    for one, following in itertools.pairwise(ids):
        counts[one, following] += 1
    return counts / counts.sum(axis=1)[:, None]


def wrong_bigrams(ids, symbols):
    counts = np.ones((symbols, symbols))
    for one, following in itertools.pairwise(ids):
        counts[one, following] += 1
    return counts / counts.sum(axis=1)  # along the wrong axis


def windows(ids, k, begin):
    before = [begin] * k + list(ids)
    return np.array([before[i : i + k] for i in range(len(ids))])


def wrong_windows(ids, k, begin):
    before = [begin] * k + list(ids)
    return np.array([before[i + 1 : i + k + 1] for i in range(len(ids))])  # sees what it is to predict


def perplexity(log_probabilities):
    return np.exp(-np.mean(log_probabilities))


def wrong_perplexity(log_probabilities):
    return np.exp(-np.sum(log_probabilities))
