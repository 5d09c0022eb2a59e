"""Layers that run in the open: what they say, their gates, and the gradients in their states."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.recurrence.cells import CELLS, make_layer
from seqkit.recurrence.diagnostics import jacobian_norms, saturation, spectral_radii, state_norms
from seqkit.recurrence.fresh import fate, fresh, linear_norms
from seqkit.recurrence.watching import ACTIVATIONS, watch
from tests import oracle

UNITS, STEPS = 3, 5


def both_ways(cell, rng):
    """A layer that goes both ways and one above it, and a batch whose second row is short."""
    inputs, mask = keras.Input((STEPS, UNITS)), keras.Input((STEPS,), dtype="bool")
    there, back = (make_layer(cell, UNITS, return_sequences=True, go_backwards=back) for back in (False, True))
    hidden = keras.layers.Bidirectional(there, backward_layer=back, name="below")(inputs, mask=mask)
    model = keras.Model([inputs, mask], make_layer(cell, UNITS, name="above")(hidden, mask=mask))
    batch = rng.normal(size=(2, STEPS, UNITS)).astype(np.float32), np.arange(STEPS) < np.array([[STEPS], [3]])
    return model, list(batch)


@pytest.mark.parametrize("cell", [name for name in CELLS if name not in ("echo_state", "cfc")])
def test_a_watched_model_says_what_it_says_unwatched(cell, rng):
    model, batch = both_ways(cell, rng)
    with tf.GradientTape() as tape:
        outputs, courses = watch(model, batch, tape=tape)
    np.testing.assert_allclose(outputs, model(batch), atol=1e-6)
    assert [course.name for course in courses] == ["below forward", "below backward", "above"]
    gradients = tape.gradient(outputs, [step.after for step in courses[1].steps], unconnected_gradients="zero")
    assert state_norms(gradients).shape == (2, STEPS)
    for course in courses:
        assert len(course.steps[0].gates) == len(ACTIVATIONS.get(course.cell.step, ()))


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"return_sequences": True}])
def test_a_first_state_is_no_output_of_the_padding_before_a_row(options, rng):
    inputs, mask, state = keras.Input((STEPS, UNITS)), keras.Input((STEPS,), dtype="bool"), keras.Input((UNITS,))
    model = keras.Model(
        [inputs, mask, state], make_layer("gru", UNITS, **options)(inputs, mask=mask, initial_state=state)
    )
    real = np.arange(STEPS) >= np.array([[0], [2], [STEPS]])
    batch = [
        rng.normal(size=(3, STEPS, UNITS)).astype(np.float32),
        real,
        rng.normal(size=(3, UNITS)).astype(np.float32),
    ]
    np.testing.assert_allclose(watch(model, batch)[0], model(batch), atol=1e-6)


def test_gates_are_those_of_the_equations(rng):
    layer = keras.layers.LSTM(UNITS, return_sequences=True)
    model = keras.Sequential([keras.Input((STEPS, 2)), layer])
    x = 4 * rng.normal(size=(1, STEPS, 2)).astype(np.float32)
    _, (course,) = watch(model, x)
    kernel, recurrent, bias = map(np.asarray, layer.get_weights())
    h = c = np.zeros((1, UNITS))
    for t, step in enumerate(course.steps):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, g, o = oracle.sigm(i), oracle.sigm(f), np.tanh(g), oracle.sigm(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        expected = {"input gate": i, "forget gate": f, "candidate": g, "output gate": o, "squashed cell": np.tanh(c)}
        assert step.gates.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(step.gates[name][1], values, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(step.after[1], c, atol=1e-5)
    gates = {name: np.stack([step.gates[name][1] for step in course.steps]).ravel() for name in expected}
    within = {
        name: (values + 1) / 2 if name in ("candidate", "squashed cell") else values for name, values in gates.items()
    }
    shares = {name: ((values < 0.1).mean(), (values > 0.9).mean()) for name, values in within.items()}
    assert saturation(course) == {name: pytest.approx(share) for name, share in shares.items()}
    assert any(((values > 0.1) & (values < 0.2)).any() for values in within.values())
    assert sum(map(sum, shares.values())) > 0.5


def test_padding_saturates_no_gate(rng):
    """Of a padded batch the shares are those of its rows one by one, each as long as it is, by their numbers of steps."""
    inputs, mask = keras.Input((None, UNITS)), keras.Input((None,), dtype="bool")
    model = keras.Model([inputs, mask], make_layer("lstm", UNITS)(inputs, mask=mask))
    x, lengths = 4 * rng.normal(size=(2, STEPS, UNITS)).astype(np.float32), [2, STEPS]

    def shares(rows, real):
        (course,) = watch(model, [rows, real])[1]
        return {name: np.array(values) for name, values in saturation(course).items()}

    whole = shares(x, np.arange(STEPS) < np.array(lengths)[:, None])
    alone = [shares(x[k : k + 1, :n], np.ones((1, n), bool)) for k, n in enumerate(lengths)]
    for name, values in whole.items():
        np.testing.assert_allclose(values, np.average([own[name] for own in alone], axis=0, weights=lengths), atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru", "qrnn"])
def test_jacobians_multiply_to_what_a_small_change_of_a_state_does_at_the_end(cell, rng):
    """By finite differences of the whole rest of the sequence, from each step's state."""
    layer = make_layer(cell, UNITS, return_state=True)
    model = keras.Sequential([keras.Input((STEPS, 2)), make_layer(cell, UNITS, name="only")])
    model.layers[0].set_weights(model.layers[0].get_weights())
    x = rng.normal(size=(1, STEPS, 2)).astype(np.float32)
    _, (course,) = watch(model, x)
    layer.build((None, STEPS, 2))
    layer.set_weights(model.layers[0].get_weights())
    for t in (1, 3):
        start = [np.asarray(state, np.float64) for state in course.steps[t].after]
        joined = np.concatenate(start, axis=1)[0]
        columns = []
        for place in range(len(joined)):
            ends = []
            for change in (1e-2, -1e-2):
                moved = joined.copy()
                moved[place] += change
                states = np.split(moved[None].astype(np.float32), len(start), axis=1)
                ends.append(
                    np.concatenate(layer(x[:, t + 1 :], initial_state=list(map(tf.constant, states)))[1:], 1)[0]
                )
            columns.append((ends[0] - ends[1]) / 2e-2)
        assert jacobian_norms(course)[t] == pytest.approx(np.linalg.norm(np.stack(columns, 1), 2), rel=1e-2)
    assert jacobian_norms(course)[-1] == 1


def test_a_radius_is_that_of_each_gates_matrix_and_of_each_head():
    layer = make_layer("lstm", 4, heads=2)
    model = keras.Sequential([keras.Input((2, 3)), layer])
    matrix = np.zeros((2, 2, 8), np.float32)
    matrix[0, :, 2:4] = [[0, 0.5], [-0.5, 0]]  # the forget gate of the first head: eigenvalues +-0.5j
    matrix[1, :, 6:8] = [[3, 1], [0, 2]]  # the output gate of the second
    layer.cell.recurrent[0].assign(matrix)
    _, (course,) = watch(model, np.zeros((1, 2, 3), np.float32))
    assert spectral_radii(course) == pytest.approx({"R1.1": 0, "R1.2": 0.5, "R1.3": 0, "R1.4": 3})


@pytest.mark.parametrize("scale", [0.8, 1.3])
def test_the_closed_form_is_the_powers_of_the_matrix_which_a_nearly_linear_cell_follows(scale, rng):
    matrix = rng.normal(size=(4, 4))
    upstream = np.random.default_rng(0).normal(size=(8, 4))
    upstream /= np.linalg.norm(upstream, axis=1, keepdims=True)
    powers = [np.median(np.linalg.norm(upstream @ np.linalg.matrix_power(matrix.T, k), axis=1)) for k in range(6)]
    np.testing.assert_allclose(linear_norms(matrix, 6), powers[::-1], rtol=1e-8)
    found = fresh("simple_rnn", 8, units=4, scale=scale, inputs=1e-4)
    np.testing.assert_allclose(found.norms, scale ** np.arange(8)[::-1], rtol=1e-3)  # orthogonal as it starts
    assert found.radii == pytest.approx({"R1.1": scale}, rel=1e-5)


def test_what_becomes_of_a_gradient_is_said_by_its_share():
    assert [fate(np.array([share, 1.0])) for share in (1e-4, 0.5, 1e4, np.inf, np.nan)] == [
        "dies", "arrives", "explodes", "explodes", "explodes"
    ]  # fmt: skip


def test_a_model_without_a_recurrent_layer_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    with pytest.raises(InputError, match="no recurrent layer whose steps can be watched"):
        watch(model, np.zeros((1, 3), np.float32))
