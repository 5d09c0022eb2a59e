"""Answers to the page on the hello model; after each a mistake that is often made."""

import numpy as np


def one_hot(text, alphabet):
    return np.eye(len(alphabet))[[alphabet.index(letter) for letter in text]]


def wrong_one_hot(text, alphabet):
    return [alphabet.index(letter) for letter in text]


def nats(logits, ids):
    logits = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[range(len(ids)), ids])


def wrong_nats(logits, ids):
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[range(len(ids)), ids])  # too large for exp


def draw(logits, temperature, u):
    powers = np.exp(logits / temperature)
    return np.argmax(np.cumsum(powers / powers.sum()) > u)


def wrong_draw(logits, temperature, u):
    powers = np.exp(logits) ** temperature
    return np.argmax(np.cumsum(powers / powers.sum()) > u)
