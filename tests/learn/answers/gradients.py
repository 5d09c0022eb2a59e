"""Answers to the page on vanishing and exploding gradients; after each a mistake that is often made."""

import numpy as np


def spectral_radius(W):
    return max(abs(np.linalg.eigvals(W)))


def wrong_spectral_radius(W):
    return np.linalg.norm(W, 2)  # the largest singular value


def jacobian(W, h):
    return np.diag(1 - h**2) @ W


def wrong_jacobian(W, h):
    return W * (1 - h**2)  # columns for rows


def clip(gradients, most):
    norm = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
    return [gradient * min(1, most / norm) for gradient in gradients]


def wrong_clip(gradients, most):
    return [gradient * min(1, most / np.linalg.norm(gradient)) for gradient in gradients]  # each by itself
