"""Causality: the output of a one-directional stack at step t doesn't move when inputs after t change."""

import keras
import numpy as np
import pytest

from seqkit.core.settings import Stack
from seqkit.layers.stack import recurrent_stack
from seqkit.testing.models import check_causality
from tests.cases import IN_STEP


def check_stack(stack, rng):
    features, mask = keras.Input((None, 3), name="features"), keras.Input((None,), dtype="bool", name="mask")
    model = keras.Model([features, mask], recurrent_stack(features, mask, stack))
    one = {"features": rng.normal(size=(2, 8, 3)).astype("float32"), "mask": np.ones((2, 8), bool)}
    other = one | {"features": one["features"] + (np.arange(8) >= 5)[:, None].astype("float32")}
    check_causality(model, one, other, step=5)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_outputs_do_not_see_the_future(cell, rng):
    check_stack(Stack(cell=cell, units=(4, 4), residual=True, layer_norm=True), rng)


@pytest.mark.parametrize("case", IN_STEP, ids=lambda case: case.name)
def test_answers_in_step_do_not_see_the_future(case, rng):
    model = case.build(Stack(cell="gru", units=(4, 4)), case.variants[0])
    one = case.batch(rng, (8, 8))
    other = {name: np.concatenate([one[name][:, :5], one[name][:, :4:-1]], axis=1) for name in one}
    check_causality(model, one, other, step=5)


def test_causality_check_catches_a_bidirectional_stack(rng):
    with pytest.raises(AssertionError):
        check_stack(Stack(units=(4,), bidirectional=True), rng)
