"""A training by one, two and three processes of this machine: the same losses, the same scores.

    python benchmarks/workers.py --steps 200

A classifier of texts, and a language model whose state is carried from window to window, are trained with SGD and
without dropout on the same global batches. Printed is the greatest relative difference to one process: of the running loss
after each step, of the epochs' losses, and of the scores of the report. Ends with status 1 where a loss is off by more than
1e-5 or a score by more than 1e-6.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from seqkit.cli.launch import environments, launched
from seqkit.core.cluster import cluster_of
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.corpora.reviews import reviews
from seqkit.corpora.topics import topics
from seqkit.recipes.language_model import language_model
from seqkit.recipes.sentiment import sentiment
from seqkit.sources.examples import Examples

RECIPES = ("sentiment", "language_model")
BATCH, WINDOW, EPOCHS = 30, 30, 4


class Steps(keras.callbacks.Callback):
    """The running loss after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.losses.append((logs or {})["loss"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)  # in a process that was launched
    given = parser.parse_args()
    if given.train:
        train(given.recipes[0], given.train, given.steps)
        return
    off = False
    print("| recipe | processes | steps | loss, by step | by epoch | scores |\n|---|---|---|---|---|---|")
    for recipe in given.recipes:
        with tempfile.TemporaryDirectory() as folder:
            alone = trained(recipe, 1, Path(folder), given.steps)
            for processes in given.processes:
                together = trained(recipe, processes, Path(folder), given.steps)
                by_step, by_epoch, scores = map(apart, alone, together)
                print(
                    f"| {recipe} | {processes} | {len(alone[0])} | {by_step:.1e} | {by_epoch:.1e} | {scores:.1e} |",
                    flush=True,
                )
                off |= by_step > 1e-5 or by_epoch > 1e-5 or scores > 1e-6
    raise SystemExit(off)


def trained(recipe: str, processes: int, folder: Path, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Running losses, losses of the epochs in training and validation, and scores of a training by so many processes."""
    out = folder / str(processes)
    command = [sys.executable, __file__, "--recipes", recipe, "--train", str(out), "--steps", str(steps)]
    if processes == 1:
        status = subprocess.run(command, check=False).returncode
    else:
        status = launched(command, environments(processes, os.environ))
    if status:
        raise SystemExit(status)
    with open(out / "history.csv", newline="", encoding="utf-8") as file:
        history = [[float(row["loss"]), float(row["val_loss"])] for row in csv.DictReader(file)]
    report = json.loads((out / "evaluations/training/report.json").read_text(encoding="utf-8"))
    scores = [score["value"] for score in report["metrics"].values()]
    losses = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    return np.array(losses), np.array(history), np.array(scores)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The greatest relative difference; of different lengths without end."""
    if one.shape != other.shape:
        return float("inf")
    return float(np.max(np.abs(one - other) / np.maximum(np.abs(one), 1e-3)))


def train(recipe: str, out: Path, steps: int) -> None:
    """One training, in this process or as one of several."""
    noted = Steps()
    training = Training(epochs=EPOCHS, batch_size=BATCH, optimizer="sgd", learning_rate=0.5)
    rows = BATCH * steps // EPOCHS
    if recipe == "sentiment":
        given = reviews(rows=2 * rows)
        texts, labels = (given["train"][field][: rows - 7] for field in ("text", "label"))  # a last batch of fewer
        options = {
            "embedding": Embedding(units=16),
            "stack": Stack(units=(16,)),
            "valid": Examples(given["valid"], "valid"),
        }
        sentiment((texts, labels), out=out, training=training, callbacks=[noted], **options)
    else:
        texts = tuple(topics()["train"]["text"])
        size = np.searchsorted(np.cumsum([len(text) + 1 for text in texts]), rows * WINDOW)
        options = {"embedding": Embedding(units=16), "stack": Stack(cell="gru", units=(32,)), "window": WINDOW}
        language_model((texts[:size],), out=out, training=training, callbacks=[noted], **options)
    cluster = cluster_of(os.environ)
    if cluster is None or cluster.index == 0:
        out.with_suffix(".json").write_text(json.dumps(noted.losses), encoding="utf-8")


if __name__ == "__main__":
    main()
