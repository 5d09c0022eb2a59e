"""A pyramid of layers in the open: each place is that of its own steps, and padding is none."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from seqkit.core.ragged import steps_a_place
from seqkit.core.settings import Embedding, Stack
from seqkit.inference.opened import open_model
from seqkit.layers.embedding import embed_tokens
from seqkit.runs.inspecting import STEP, OpenRows, _of_layers
from seqkit.topologies.many_to_one import many_to_one


@given(steps=st.integers(1, 200), halved=st.integers(0, 8))
def test_a_place_stands_for_a_power_of_two(steps, halved):
    places = -(-steps // 2**halved)
    stride = steps_a_place(steps, places)
    assert stride == 2**halved or places == 1 <= steps <= stride < 2**halved


@pytest.mark.parametrize("layers", [2, 3, 4])
def test_a_row_of_a_pyramid_is_shown_as_it_is_alone(layers):
    stack = Stack(cell="gru", units=(4,) * layers, pyramidal=True)
    model = many_to_one(*embed_tokens(9, Embedding(units=3)), outputs=2, stack=stack, pooling="attention")
    lengths = [5, 1, 4, 3]

    def shown(lengths):
        at = np.arange(max(lengths))
        ids = np.where(at < np.array(lengths)[:, None], 4 + at % 5, 0).astype(np.int32)
        steps = {STEP: [["a"] * length for length in lengths]}
        rows = OpenRows({"ids": tf.constant(ids)}, {"ids": np.array(lengths)}, steps, "ids")
        return {name: array.values for name, array in _of_layers(open_model(model, rows.batch), rows).items()}

    together = shown(lengths)
    assert "attention" in together
    for row, length in enumerate(lengths):
        for name, (alone,) in shown([length]).items():
            own = together[name][row]
            np.testing.assert_allclose(own[: len(alone)], alone, atol=1e-6, err_msg=name)
            assert np.isnan(own[len(alone) :]).all(), name
