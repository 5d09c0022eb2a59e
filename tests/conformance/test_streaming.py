"""Streaming: piece by piece, or step by step, a one-directional model answers as it answers the whole sequence at once."""

import keras
import numpy as np
import pytest

from seqkit.core.settings import Stack
from seqkit.recurrence.stateful import stateful
from seqkit.testing.models import check_streaming
from tests.cases import IN_STEP


@pytest.mark.parametrize("case", IN_STEP, ids=lambda case: case.name)
@pytest.mark.parametrize("size", [1, 4])
def test_pieces_equal_the_whole(case, size, rng):
    for variant in case.variants:
        model = case.build(Stack(cell="lstm", units=(5, 6), layer_norm=True), variant)
        batch = case.batch(rng, (9, 4))
        check_streaming(model, batch, np.arange(9) < np.array([[9], [4]]), size=size)


@pytest.mark.parametrize("case", IN_STEP, ids=lambda case: case.name)
def test_piece_check_catches_a_state_that_is_not_handed_on(case, rng):
    model = case.build(Stack(cell="gru", units=(5,)), case.variants[0])
    copy = stateful(model)
    forgetful = keras.Model(copy.inputs, [copy.outputs[0], *(0.0 * state for state in copy.outputs[1:])])
    real = np.arange(9) < np.array([[9], [4]])
    with pytest.raises(AssertionError):
        check_streaming(model, case.batch(rng, (9, 4)), real, size=4, copy=forgetful)
