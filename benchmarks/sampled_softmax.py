"""What a training step of a language model on words costs, over all words and against a sample of them:

    python benchmarks/sampled_softmax.py [--words 30000 100000] [--sampled 1000] [--units 256] [--steps 10]

The processor's seconds of one step, all cores together, the mean of `--steps` after two that compile: so it hardly matters
what else the machine does. The model is that of `seqkit train language_model --unit word` with as many units in the
embedding as in the recurrent layer, on words that are drawn by Zipf's law; tied, the embedding is the output too.
"""

import argparse
import time

import keras
import numpy as np

from seqkit import Embedding, Stack, Training
from seqkit.batches.windows import Windows
from seqkit.core.ragged import Ragged
from seqkit.tasks.language_model import build_language_model
from seqkit.training.objectives import classification
from seqkit.training.trainer import Trainer

STREAMS, WINDOW, WARM = 16, 35, 2


class Seconds(keras.callbacks.Callback):
    """The processor's seconds of each step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_begin(self, batch, logs=None):
        self.since = time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(time.process_time() - self.since)


def in_windows(ids: np.ndarray) -> Windows:
    """What follows each of the ids, (streams, steps)."""
    lengths = np.full(len(ids), ids.shape[1] - 1)
    read, follow = (Ragged.of_lengths(part.ravel(), lengths) for part in (ids[:, :-1], ids[:, 1:]))
    return Windows({"ids": read, "targets": follow}, "ids", STREAMS, WINDOW)


def cost(words: int, sampled: int, units: int, tied: bool, steps: int) -> float:
    """Seconds of a step."""
    keras.utils.set_random_seed(0)
    model = build_language_model(words, Embedding(units=units), Stack(units=(units,)), one_hot=False, tied=tied)
    drawn = np.random.default_rng(0).zipf(1.1, (STREAMS, WINDOW * (steps + WARM) + 1))
    ids = (4 + drawn % (words - 4)).astype(np.int32)
    rows, valid = in_windows(ids), in_windows(ids[:, :2])
    training, seconds = Training(epochs=1, batch_size=STREAMS, sampled=sampled), Seconds()
    Trainer(model, classification(training), training).fit(rows, valid, callbacks=[seconds])
    return float(np.mean(seconds.steps[WARM:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, nargs="+", default=[30_000, 100_000])
    parser.add_argument("--sampled", type=int, default=1_000)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    print(f"| words | | all words | {given.sampled:,} drawn | |\n|---|---|---|---|---|")
    for words in given.words:
        for tied in (False, True):
            whole, part = (cost(words, sampled, given.units, tied, given.steps) for sampled in (0, given.sampled))
            kind = "tied" if tied else "two tables"
            print(f"| {words:,} | {kind} | {whole:.2f} s | {part:.2f} s | {whole / part:.1f} times |", flush=True)


if __name__ == "__main__":
    main()
