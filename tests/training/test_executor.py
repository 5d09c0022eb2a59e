"""Which model runs: Keras's own, or one whose loops are compiled."""

import keras
import numpy as np
import pytest

from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.training import executor


@pytest.mark.parametrize(
    ("long", "tokens", "compiled"), [(100, 1000, False), (6, 1000, True), (100, 4, True), (7, 1000, False)]
)
def test_loops_are_compiled_for_many_tokens_or_long_rows(long, tokens, compiled, monkeypatch):
    monkeypatch.setattr(executor, "LONG", long)
    monkeypatch.setattr(executor, "TOKENS_A_SHAPE", tokens)
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, keras.layers.GRU(2)(keras.layers.Embedding(9, 2)(ids)))
    rows = Pipeline({"ids": Ragged.of_lengths(np.ones(9, np.int32), np.array([6, 3]))}, {"ids": (6,)}, 2)
    assert (executor.executor_of(model, rows, 1).model is not model) == compiled
