"""Gradients through time against closed forms, and the page that shows them."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.registry import cells
from seqkit.recurrence.cells import CELLS
from seqkit.recurrence.diagnostics import gradient_flow, gradient_flow_picture
from tests import oracle

PAGE = Path(__file__).parents[2] / "docs" / "cells.md"
STEPS, UNITS = 12, 4


def flow_at_rest(cell, recurrent, bias, rng):
    """Norms for a cell whose state stays at zero, relative to an upstream gradient of length 1."""
    upstream = rng.normal(size=(2, UNITS))
    upstream /= np.linalg.norm(upstream, axis=1, keepdims=True)
    inputs, kernel = tf.zeros((2, STEPS, 3), tf.float64), tf.zeros((3, len(bias)), tf.float64)
    weights = {"kernel": kernel, "bias": tf.constant(bias), "recurrent": [tf.constant(recurrent)]}
    return gradient_flow(CELLS[cell].cell, inputs, upstream, **weights)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_scaled_orthogonal_matrix_scales_the_gradient_by_its_powers(rng, scale):
    q, _ = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))
    norms = flow_at_rest("simple_rnn", scale * q, np.zeros(UNITS), rng)
    back = np.arange(STEPS)[::-1]
    np.testing.assert_allclose(norms, np.tile(scale**back, (2, 1)), rtol=1e-10)  # tanh'(0) = 1
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(norms, np.tile((scale + 0.01) ** back, (2, 1)), rtol=1e-10)


def test_lstm_keeps_what_its_forget_gate_lets_through(rng):
    forget = 3.0
    bias = np.repeat([0.0, forget, 0.0, 0.0], UNITS)
    norms = flow_at_rest("lstm", np.zeros((UNITS, 4 * UNITS)), bias, rng)
    through = oracle.sigm(forget) ** np.arange(STEPS)[::-1] / 2  # the output gate is half open: dh/dc = 1/2
    through[-1] = 1  # the last step's loss is of h alone
    np.testing.assert_allclose(norms, np.tile(through, (2, 1)), rtol=1e-10)


def test_gru_flow_is_finite_differences(rng):
    shapes = {"kernel": (3, 3 * UNITS), "bias": (3 * UNITS,), "recurrent": (UNITS, 3 * UNITS)}
    kernel, bias, recurrent = (rng.normal(size=shape) for shape in shapes.values())
    x, upstream = rng.normal(size=(1, STEPS, 3)), rng.normal(size=(1, UNITS))
    weights = {"kernel": tf.constant(kernel), "bias": tf.constant(bias), "recurrent": [tf.constant(recurrent)]}
    norms = gradient_flow(CELLS["gru"].cell, tf.constant(x), upstream, **weights)
    w = {"rb": 0}
    for gate, *parts in zip("zrh", *(np.split(a, 3, axis=-1) for a in (kernel, bias, recurrent)), strict=True):
        w |= dict(zip((f"W{gate}", f"b{gate}", f"R{gate}"), parts, strict=True))

    def step(x, h):
        return oracle.gru(x, h, w, reset_after=True)

    states = oracle.run(step, x, np.zeros((1, 1, UNITS)))[0]
    for t in range(STEPS - 1):
        nudged = states[:, t] + 1e-6 * np.concatenate([np.eye(UNITS), -np.eye(UNITS)])
        last = oracle.run(step, np.repeat(x[:, t + 1 :], 2 * UNITS, axis=0), [nudged])[1][0] @ upstream[0]
        np.testing.assert_allclose(norms[0, t], np.linalg.norm(last[:UNITS] - last[UNITS:]) / 2e-6, rtol=1e-6)


def test_picture_has_a_curve_a_cell_from_the_loss_backwards():
    norms = np.array([[0.25, 0.5, 1.0], [0.5, 1.0, 2.0]])
    picture = gradient_flow_picture({"halving": norms, "gone": norms * [0, 1, 1]})
    (ax,) = picture.axes
    halving, gone, *_ = ax.lines
    np.testing.assert_array_equal(halving.get_ydata(), [1, 0.5, 0.25])
    np.testing.assert_array_equal(gone.get_ydata(), [1, 0.5, np.nan])  # a logarithm has no zero
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["halving", "gone"]
    assert ax.get_yscale() == "log"


def test_code_of_the_page_on_cells_runs_as_it_stands(monkeypatch, tmp_path, rng):
    monkeypatch.setattr(cells, "_added", {})  # what the page registers is gone afterwards
    monkeypatch.chdir(tmp_path)
    page, names = PAGE.read_text(encoding="utf-8"), {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    assert (tmp_path / "gradient_flow.png").stat().st_size < 100_000
    assert (tmp_path / "model.keras").exists()
    assert not [name for name in CELLS if f"`{name}`" not in page]  # every cell is on the page

    x, layer = rng.normal(size=(2, 9, 3)).astype("float32"), names["mgu_model"].layers[0].cell
    wf, wh = np.split(layer.kernel.numpy(), 2, axis=1)
    rf, rh = (r.numpy() for r in layer.recurrent)

    def mgu(x, h):
        f = oracle.sigm(x @ wf + h @ rf)
        return (1 - f) * h + f * np.tanh(x @ wh + (f * h) @ rh)

    expected, _ = oracle.run(mgu, x, [np.zeros((2, 8))])
    for model in (names["mgu_model"], names["fast_mgu"]):
        np.testing.assert_allclose(model(x), expected, atol=1e-6)
