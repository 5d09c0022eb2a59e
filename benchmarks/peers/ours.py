"""The same three jobs by seqkit's recipes, in the peers' sizes. Of `time_to_quality.py`."""

import json
import sys
import tempfile
import time
from pathlib import Path

import keras

from seqkit import Attention, Embedding, Stack, Training, Wide, recipes

EPOCHS = 20


class Told(keras.callbacks.Callback):
    """Prints a figure of each epoch."""

    def __init__(self, figure: str):
        super().__init__()
        self.figure = figure

    def on_epoch_end(self, epoch, logs=None):
        print(json.dumps({"figure": logs[self.figure], "processor": time.process_time()}), flush=True)


def texts(train: str, valid: str, longest: str) -> tuple:
    return recipes.sentiment, "val_accuracy", {
        "data": train, "valid": valid, "vocabulary_size": 20_000, "max_length": int(longest), "wide": Wide(ngrams=0),
        "embedding": Embedding(units=128), "stack": Stack(cell="lstm", units=(64, 64), bidirectional=True),
        "training": Training(epochs=EPOCHS, batch_size=32),
    }  # fmt: skip


def tags(train: str, valid: str) -> tuple:
    return recipes.tagging, "val_accuracy", {
        "data": train, "valid": valid, "min_count": 2, "characters": "none", "embedding": Embedding(units=128),
        "stack": Stack(cell="lstm", units=(128,), bidirectional=True),
        "training": Training(epochs=EPOCHS, batch_size=32, learning_rate=2e-3, global_clipnorm=5.0),
    }  # fmt: skip


def pairs(train: str, valid: str) -> tuple:
    return recipes.translation, "val_loss", {
        "data": train, "valid": valid, "source": "en", "target": "de", "unit": "whitespace", "vocabulary_size": 100_000,
        "embedding": Embedding(units=256), "encoder": Stack(cell="gru", units=(256,), bidirectional=True),
        "decoder": Stack(cell="gru", units=(256,)), "attention": Attention("multiplicative"),
        "training": Training(epochs=EPOCHS, batch_size=64, learning_rate=1e-3),
    }  # fmt: skip


def main(job: str, *files: str) -> None:
    recipe, figure, arguments = {"texts": texts, "tags": tags, "pairs": pairs}[job](*files)
    with tempfile.TemporaryDirectory() as folder:
        recipe(**arguments, out=Path(folder) / "run", callbacks=[Told(figure)])


if __name__ == "__main__":
    main(*sys.argv[1:])
