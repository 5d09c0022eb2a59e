"""Causality: the output of a one-directional stack at step t doesn't move when inputs after t change."""

import keras
import numpy as np
import pytest

from seqkit.core.settings import Stack
from seqkit.layers.stack import recurrent_stack
from tests.cases import IN_STEP, inputs_of


def check_causality(stack, rng):
    features, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    model = keras.Model([features, mask], recurrent_stack(features, mask, stack))
    one = rng.normal(size=(2, 8, 3)).astype("float32")
    other = one.copy()
    other[:, 5:] += 1.0
    real = np.ones((2, 8), bool)
    before, after = model([one, real]), model([other, real])
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-3


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_outputs_do_not_see_the_future(cell, rng):
    check_causality(Stack(cell=cell, units=(4, 4), residual=True, layer_norm=True), rng)


@pytest.mark.parametrize("case", IN_STEP, ids=lambda case: case.name)
def test_answers_in_step_do_not_see_the_future(case, rng):
    model = case.build(Stack(cell="gru", units=(4, 4)), case.variants[0])
    one = case.batch(rng, (8, 8))
    other = {name: np.concatenate([one[name][:, :5], one[name][:, :4:-1]], axis=1) for name in one}
    before, after = (np.asarray(model(inputs_of(model, batch))) for batch in (one, other))
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-5


def test_causality_check_catches_a_bidirectional_stack(rng):
    with pytest.raises(AssertionError):
        check_causality(Stack(units=(4,), bidirectional=True), rng)
