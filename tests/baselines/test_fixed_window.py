"""The fixed-window model: its equation in NumPy, what its window can and can't see, and files that change nothing."""

import numpy as np
import pytest

from seqkit.baselines import fixed_window as module
from seqkit.baselines.fixed_window import FixedWindow
from seqkit.baselines.gram_counts import contexts
from seqkit.core.ragged import Ragged

BEGIN, OUTCOMES = 2, np.array([1, 3, 4, 5])


@pytest.fixture(scope="module")
def echo():
    """A model of 3, 4, 5 at random, each said again after two others."""
    return fit(said_again(np.random.default_rng(0), 2000))


def said_again(rng, rows):
    first = rng.integers(3, 6, (rows, 2))
    return Ragged.of_lengths(np.tile(first, 3).ravel().astype(np.int32), np.full(rows, 6))


def fit(rows, window=3):
    return FixedWindow.fit(rows, OUTCOMES, begin=BEGIN, window=window, width=4, units=16, epochs=30)


def test_log_probabilities_follow_the_equation(echo):
    row = [5, 1, 3, 4]
    got = echo.log_probabilities(Ragged.of_lengths(np.array(row), np.array([4])), BEGIN)
    padded = [BEGIN] * 3 + row
    for place, symbol in enumerate(row):
        x = np.concatenate([echo.vectors[token] for token in padded[place : place + 3]]).astype(np.float64)
        y = np.tanh(x @ echo.hidden + echo.hidden_bias) @ echo.output + echo.output_bias
        expected = y[symbol == OUTCOMES].item() - np.log(np.exp(y).sum())
        assert got[place] == pytest.approx(expected, abs=1e-5)


def test_probabilities_add_up_to_one_and_the_rest_is_no_outcome(echo):
    rows = Ragged.of_lengths(np.array([[4, symbol] for symbol in OUTCOMES]).ravel(), np.full(4, 2))
    assert np.exp(echo.log_probabilities(rows, BEGIN)[1::2]).sum() == pytest.approx(1.0, abs=1e-6)
    odd = Ragged.of_lengths(np.array([0, 99, 4]), np.array([3]))
    assert np.isneginf(echo.log_probabilities(odd, BEGIN)).tolist() == [True, True, False]


def test_no_more_is_made_at_once_than_memory_is_meant_to_hold(echo, monkeypatch):
    rows = said_again(np.random.default_rng(1), 20)
    whole, asked = echo.log_probabilities(rows, BEGIN), []
    monkeypatch.setattr(module, "CHUNK", 320)
    monkeypatch.setattr(module, "contexts", lambda *given: (asked.append(len(given[-1])), contexts(*given))[1])
    np.testing.assert_allclose(echo.log_probabilities(rows, BEGIN), whole, rtol=1e-6)
    assert asked == [10] * 12  # of 3 vectors of 4 numbers, 16 units and 4 scores


def test_it_learns_what_its_window_shows_and_no_more(echo, rng):
    rows = said_again(rng, 200)
    shown = -echo.log_probabilities(rows, BEGIN).reshape(-1, 6).mean(axis=0)
    assert np.abs(shown[:2] - np.log(3)).max() < 0.1
    assert shown[2:].max() < 0.05
    narrow = -fit(said_again(np.random.default_rng(0), 2000), window=1).log_probabilities(rows, BEGIN)
    assert narrow.reshape(-1, 6)[:, 2:].mean() > 0.5


def test_one_seed_one_model_read_back_the_same(echo, tmp_path, rng):
    rows = said_again(rng, 5)
    echo.save(tmp_path / "fixed_window.npz")
    expected = echo.log_probabilities(rows, BEGIN)
    np.testing.assert_array_equal(
        FixedWindow.load(tmp_path / "fixed_window.npz").log_probabilities(rows, BEGIN), expected
    )
    again = fit(said_again(np.random.default_rng(0), 2000))
    np.testing.assert_array_equal(again.log_probabilities(rows, BEGIN), expected)
