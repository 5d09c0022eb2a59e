"""The neural cache beside its equations, written as loops."""

import numpy as np
import pytest

from seqkit.inference.neural_cache import NeuralCache


def by_hand(nats, states, symbols, size, flatness, share):
    mixed = []
    for t, symbol in enumerate(symbols):
        own, before = np.exp(nats[t]), range(max(0, t - size), t)
        weights = {i: np.exp(flatness * sum(a * b for a, b in zip(states[t], states[i], strict=True))) for i in before}
        same = sum(weight for i, weight in weights.items() if symbols[i] == symbol)
        mixed.append(np.log((1 - share) * own + share * same / sum(weights.values())) if weights else nats[t])
    return mixed


@pytest.mark.parametrize("size", [1, 4, 100])
def test_it_follows_its_equations_however_the_text_is_cut(rng, size):
    steps = 23
    nats, states, symbols = -rng.exponential(size=steps), rng.normal(size=(steps, 3)), rng.integers(0, 4, steps)
    expected = by_hand(nats, states, symbols, size, 0.7, 0.3)
    for cuts in ([], [1, 2, 9, 20], [11]):
        cache = NeuralCache(size, 0.7, 0.3)
        pieces = (np.split(part, cuts) for part in (nats, states, symbols))
        mixed = np.concatenate([cache.read(*piece) for piece in zip(*pieces, strict=True)])
        np.testing.assert_allclose(mixed, expected, rtol=1e-12)


def test_a_large_flatness_overflows_nothing(rng):
    mixed = NeuralCache(5, 1e6, 0.5).read(-np.ones(9), rng.normal(size=(9, 4)), np.arange(9) % 3)
    assert np.isfinite(mixed).all()
