"""Streaming: piece by piece, or step by step, a one-directional model answers as it answers the whole sequence at once."""

import keras
import numpy as np
import pytest

from seqkit.core.errors import ExportError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Stack
from seqkit.export.litert import write_step
from seqkit.export.step import Step
from seqkit.recurrence.stateful import stateful
from seqkit.testing.models import check_streaming, inputs_of
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


def stream_of(model, batch):
    """Inputs by name, and the model's answers to a row of nine steps and one of four."""
    whole = np.asarray(model(inputs_of(model, batch)))
    real = np.concatenate([whole[0, :9], whole[1, :4]])
    return {tensor.name: batch[tensor.name] for tensor in model.inputs}, Ragged.of_lengths(real, np.array([9, 4]))


@pytest.mark.parametrize("case", IN_STEP, ids=lambda case: case.name)
def test_litert_step_is_compared_with_the_whole(case, rng, tmp_path):
    model = case.build(Stack(cell="gru", units=(5,)), case.variants[0])
    inputs, whole = stream_of(model, case.batch(rng, (9, 4)))
    path = write_step(Step(model), tmp_path, (inputs, whole), precision="float32")
    assert path.exists()
    path.unlink()
    other = Ragged(whole.values + 0.1, whole.offsets)
    with pytest.raises(ExportError, match="differs from the run"):
        write_step(Step(model), tmp_path, (inputs, other), precision="float32")
    assert not path.exists()
