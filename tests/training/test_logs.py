"""Keras's own TensorBoard callback sees what history.csv holds, in a training of ours, without a network."""

import keras
import numpy as np
import pytest

from seqkit import Embedding, Stack, Training
from seqkit.recipes.sentiment import sentiment
from tests.cases import write_small_table

# TensorBoard has been told of NumPy 2's copy by nobody
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


def test_tensorboard_shows_the_curves_of_the_history(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    table = str(write_small_table(tmp_path))
    run = sentiment(
        table,
        valid=table,
        out=tmp_path / "run",
        embedding=Embedding(units=4),
        stack=Stack(units=(4,)),
        training=Training(epochs=2),
        callbacks=[keras.callbacks.TensorBoard(tmp_path / "logs")],
    )
    for part, columns in {"train": {"epoch_loss": "loss"}, "validation": {"epoch_loss": "val_loss"}}.items():
        events = EventAccumulator(str(tmp_path / "logs" / part), size_guidance={"tensors": 0}).Reload()
        for tag, column in columns.items():
            shown = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
            np.testing.assert_allclose(shown, [row[column] for row in run.history], rtol=1e-6)
