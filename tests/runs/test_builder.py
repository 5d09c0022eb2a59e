"""A run in the making: it goes on with what it was started with, or not at all."""

import keras
import pytest

from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.recipes.sentiment import sentiment

SMALL = {
    "embedding": Embedding(units=2),
    "stack": Stack(cell="gru", units=(2,)),
    "training": Training(epochs=2, batch_size=8),
    "min_count": 1,
}


class StopAfterAnEpoch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def texts(kind):
    return [f"{word} {kind} film {number}" for number in range(8) for word in ("good", "bad")], ["+", "-"] * 8


def test_an_interrupted_run_goes_on_with_its_own_data_only(tmp_path):
    """Python's data has no name: only what it holds tells whether it is the same."""
    data = {name: texts(name) for name in ("data", "valid", "test")}
    with pytest.raises(KeyboardInterrupt):
        sentiment(**data, out=tmp_path / "run", callbacks=[StopAfterAnEpoch()], **SMALL)
    for name, (rows, labels) in data.items():
        others = {
            "a label": (rows, [*labels[:-2], "-", "+"]),
            "a text": ([*rows[:-1], "bad film"], labels),
            "a row less": (rows[:-1], labels[:-1]),
            "another order": (rows[::-1], labels[::-1]),
        }
        for other in others.values():
            with pytest.raises(InputError, match="The data is not what the interrupted run was started with"):
                sentiment(**data | {name: other}, out=tmp_path / "run", resume=True, **SMALL)
    resumed = sentiment(**data, out=tmp_path / "run", resume=True, **SMALL)
    assert [row["epoch"] for row in resumed.history] == [1, 2]
