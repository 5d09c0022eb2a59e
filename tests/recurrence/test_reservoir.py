"""Reservoirs: drawn as asked for, fitted as by scikit-learn in any number of pieces, and with the memory of theory."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from seqkit.core.errors import InputError
from seqkit.core.settings import Stack
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.reservoir import RidgeSums, fit_readout, reservoir
from seqkit.recurrence.stateful import stateful


def model_of(*layers):
    inputs = keras.Input((None, layers[0].cell.kernel.shape[0]), dtype="float32")
    said = inputs
    for layer in layers:
        said = layer(said)
    return keras.Model(inputs, said)


def test_weights_are_as_asked_for_and_do_not_learn():
    layer = reservoir(200, 3, spectral_radius=0.7, leak=0.4, density=0.15, input_scale=2.0, bias_scale=0.3, seed=5)
    kernel, bias, recurrent, leak = layer.get_weights()
    assert np.abs(np.linalg.eigvals(recurrent)).max() == pytest.approx(0.7, rel=1e-5)
    assert np.mean(recurrent != 0) == pytest.approx(0.15, abs=0.01)
    assert 1.9 < np.abs(kernel).max() <= 2.0
    assert 0.29 < np.abs(bias).max() <= 0.3
    np.testing.assert_allclose(leak, np.full(200, 0.4), rtol=1e-6)
    assert not layer.trainable_weights
    again, other = (reservoir(200, 3, density=0.15, seed=seed).get_weights()[2] for seed in (5, 6))
    np.testing.assert_allclose(again / np.abs(again).max(), recurrent / np.abs(recurrent).max(), rtol=1e-5)
    assert np.abs(other - again).max() > 0.1


@pytest.mark.parametrize("ridge", [1e-3, 10.0])
def test_the_readout_is_scikit_learns_whatever_the_pieces(ridge, rng):
    x, y, weights = (
        rng.normal(3.0, 2.0, (300, 7)),
        rng.normal(size=(300, 2)),
        rng.uniform(0, 2, 300) * (rng.random(300) < 0.7),
    )
    y += x[:, :2]
    sums = RidgeSums(7, 2)
    for piece in np.array_split(np.arange(300), 13):
        sums.add(x[piece], y[piece], weights[piece])
    kernel, bias = sums.solve(ridge)
    theirs = Ridge(alpha=ridge).fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(kernel, theirs.coef_.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(bias, theirs.intercept_, rtol=1e-8)


def test_a_fitted_model_is_ridge_on_the_states_of_real_steps_after_the_washout(rng, tmp_path):
    """Of two layers; by scikit-learn on states that NumPy computed step by step. It streams, and opens from a file."""
    layers = [reservoir(12, 2, leak=0.5, name="low"), reservoir(10, 12, seed=1, name="high")]
    x = rng.normal(size=(6, 30, 2)).astype("float32")
    y = np.cumsum(x, axis=1)[..., :1].astype("float32")
    real = np.arange(30) < np.array([30, 20, 10, 30, 5, 30])[:, None]
    fitted = fit_readout(
        model_of(*layers), ((x[rows], y[rows], real[rows]) for rows in ([0, 1, 2], [3, 4, 5])), ridge=0.1, washout=4
    )
    whole, states = np.asarray(fitted(x)), x.astype(np.float64)
    for layer in layers:
        kernel, bias, recurrent, leak = layer.get_weights()
        h, course = np.zeros((6, len(bias))), []
        for t in range(30):
            h = (1 - leak) * h + leak * np.tanh(states[:, t] @ kernel + h @ recurrent + bias)
            course.append(h)
        states = np.stack(course, axis=1)
    kept = real & (np.arange(30) >= 4)
    theirs = Ridge(alpha=0.1).fit(states[kept], y[kept])
    np.testing.assert_allclose(whole[..., 0], theirs.predict(states.reshape(-1, 10)).reshape(6, 30), atol=1e-4)

    copy, after = stateful(fitted, steps=1), [np.zeros((6, 12), "float32"), np.zeros((6, 10), "float32")]
    for t in range(30):
        said, *after = map(np.asarray, copy([x[:, t : t + 1], *after]))
        np.testing.assert_allclose(said[:, 0], whole[:, t], atol=1e-5)
    fitted.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(x), whole)


@pytest.mark.parametrize("in_line", [False, True])
def test_a_ring_remembers_as_much_as_theory_says(rng, in_line):
    """A ring of N units of weight r with inputs too small for tanh to bend: of the input k steps ago the readout explains
    (1 - r^2N) r^(2N floor(k / N)), N in all (Jaeger 2002; the ring: Rodan and Tino 2011).
    """
    units, r, steps, delays = 8, 0.9, 40_000, 16
    layer = reservoir(units, 1, dtype="float64")
    ring = r * np.roll(np.eye(units), 1, axis=1)
    layer.set_weights([1e-4 * np.eye(units)[:1], np.zeros(units), ring, np.ones(units)])
    inputs = keras.Input((None, 1), dtype="float64")
    u = rng.uniform(-1, 1, (1, steps, 1))
    wanted = np.concatenate([np.roll(u, k, axis=1) for k in range(delays)], axis=-1)
    model = keras.Sequential([inputs, layer]) if in_line else keras.Model(inputs, layer(inputs))
    fitted = fit_readout(model, [(u, wanted)], ridge=0.0, washout=200)
    said = np.asarray(accelerate(fitted)(u))[0, 200:]
    share = [np.corrcoef(said[:, k], wanted[0, 200:, k])[0, 1] ** 2 for k in range(delays)]
    theory = (1 - r ** (2 * units)) * r ** (2 * units * (np.arange(delays) // units))
    np.testing.assert_allclose(share, theory, atol=0.02)


def test_what_cant_be_made_or_fitted_is_told():
    for settings, said in (
        ({"leak": 0.0}, "leak is 0.0: give a share above 0"),
        ({"density": 1.5}, "density is 1.5"),
        ({"spectral_radius": -1}, "spectral_radius is -1"),
        ({"density": 1e-6}, "left 5 units without a circle of connections"),
    ):
        with pytest.raises(InputError, match=said):
            reservoir(5, 1, **settings)
    model = model_of(reservoir(5, 1))
    x = np.zeros((1, 3, 1), "float32")
    with pytest.raises(InputError, match="there is no batch"):
        fit_readout(model, [])
    with pytest.raises(InputError, match="no step has a weight"):
        fit_readout(model, [(x, x, np.zeros((1, 3)))])
    with pytest.raises(InputError, match="give a larger ridge than 0"):
        fit_readout(model, [(x, x)], ridge=0.0)
    with pytest.raises(InputError, match="echo_state"):
        Stack(cell="echo_state")  # whose weights a recipe would train
