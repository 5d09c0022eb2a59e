"""What recipes learn by the scale at which their embeddings start, judged by validation rows: one training each.

    python benchmarks/embeddings.py --data DATA [--spreads 0.029 root 1] [--tasks words reviews ...] [--seeds 1]

DATA holds ud_en_ewt, rt_polarity, atis and multi30k. A spread is the standard deviation of the normal draw; "root" is
units ** -0.5. The tables that start so are those of the inputs, but for one that is the output too. Seconds are of the loop.

One seed each gave, at 0.029 (as wide as Keras's own draw), 0.3 and 1: words 5.275, 5.272, 5.140 nats; slots 96.9, 97.7,
98.0%; intents 94.6, 94.8, 94.2%; reviews 75.6, 74.4, 71.4%. So tables start at 1 in language models, and narrow where texts
get labels. Taggers start at 0.3: with twice the steps slots lose nothing by it, and parts of speech gain a point.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from seqkit import Embedding, Stack, Training, recipes
from seqkit.layers.embedding import TABLE
from seqkit.sources.reading import read

Recipe = Callable[..., object]


class Done(Exception):  # noqa: N818
    """The end of a training, before what a run adds to it."""


class Start(keras.callbacks.Callback):
    """Draws the embeddings anew as the training begins, and ends it after the last epoch.

    Attributes:
        best: The best validation figure of any epoch.
    """

    def __init__(self, spread: str, monitor: str, seed: int):
        super().__init__()
        self.spread, self.monitor, self.seed, self.best = spread, monitor, seed, None

    def on_train_begin(self, logs=None):
        rng = np.random.default_rng(self.seed)
        for layer in embeddings(self.model):
            table = layer.embeddings
            spread = table.shape[-1] ** -0.5 if self.spread == "root" else float(self.spread)
            table.assign(rng.normal(0.0, spread, table.shape).astype("float32"))

    def on_epoch_end(self, epoch, logs=None):
        better = min if self.monitor == "val_loss" else max
        self.best = logs[self.monitor] if self.best is None else better(self.best, logs[self.monitor])
        if epoch + 1 == self.params["epochs"]:
            raise Done


def embeddings(model: keras.Model) -> Iterator[keras.layers.Embedding]:
    """Its tables of words, but for those that are outputs too."""
    for layer in model._flatten_layers():
        if layer.name == TABLE and not isinstance(layer, keras.layers.ReversibleEmbedding):
            yield layer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--spreads", nargs="+", default=["0.029", "root", "1"])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    lines = []
    for name in options.tasks:
        for seed in range(options.seeds):
            for spread in options.spreads:
                recipe, monitor, arguments = TASKS[name](options.data)
                started = time.perf_counter()
                start = Start(spread, monitor, seed)
                with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Done):
                    recipe(**arguments, out=Path(folder) / "run", seed=seed, callbacks=[start])
                seconds = time.perf_counter() - started
                lines.append(f"{name:10} seed {seed} spread {spread:>6}: {monitor} {start.best:.4f}, {seconds:4.0f} s")
                print(lines[-1], flush=True)
    print("\n".join(["", *lines]))


def words(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """A language model of two layers over the treebank's words."""
    folder = Path(tempfile.mkdtemp())
    for part in ("train", "dev"):
        rows = read(str(data / "ud_en_ewt" / f"en_ewt-ud-{part}.conllu"), {"tokens": "tokens", "tags": "tags"})
        (folder / f"{part}.txt").write_text("\n".join(" ".join(tokens) for tokens in rows["tokens"]) + "\n")
    training = Training(epochs=3, batch_size=32, learning_rate=3e-3, schedule="cosine")
    return (
        recipes.language_model,
        "val_loss",
        {
            "data": folder / "train.txt",
            "valid": folder / "dev.txt",
            "unit": "whitespace",
            "vocabulary_size": 3000,
            "stack": Stack(cell="lstm", units=(200, 200), dropout=0.2, locked=True),
            "embedding": Embedding(units=200),
            "training": training,
        },
    )


def symbols(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """A language model of the built-in topics."""
    return recipes.language_model, "val_loss", {"training": Training(epochs=2, learning_rate=3e-3, schedule="cosine")}


def reviews(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """Single sentences of reviews, with the recipe's defaults."""
    folder = data / "rt_polarity"
    return recipes.sentiment, "val_accuracy", {"data": folder / "train.tsv", "valid": folder / "valid.tsv"}


def built_in(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """The built-in reviews, with the recipe's defaults."""
    return recipes.sentiment, "val_accuracy", {}


def intents(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """Whole questions about flights."""
    named = {"data": data / "atis" / "train.intent.tsv", "valid": data / "atis" / "valid.intent.tsv"}
    return recipes.sentiment, "val_accuracy", named | {"text": "1", "label": "0"}


def slots(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """The words of the same questions, with the recipe's defaults."""
    named = {"data": data / "atis" / "train.conll", "valid": data / "atis" / "valid.conll"}
    return recipes.tagging, "val_accuracy", named


def parts(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """Parts of speech, with the recipe's defaults."""
    folder = data / "ud_en_ewt"
    named = {"data": folder / "en_ewt-ud-train.conllu", "valid": folder / "en_ewt-ud-dev.conllu"}
    return recipes.tagging, "val_accuracy", named


def pairs(data: Path) -> tuple[Recipe, str, dict[str, object]]:
    """A tenth of the pairs of sentences, a smaller model, no table for both ways."""
    folder = Path(tempfile.mkdtemp())
    for part, rows in (("train", 3000), ("val", 300)):
        for side in ("en", "de"):
            lines = (data / "multi30k" / f"{part}.{side}").read_text().splitlines()[:rows]
            (folder / f"{part}.{side}").write_text("\n".join(lines) + "\n")
    stack = Stack(cell="gru", units=(128,), dropout=0.3)
    return (
        recipes.translation,
        "val_loss",
        {
            "data": folder / "train",
            "valid": folder / "val",
            "source": "en",
            "target": "de",
            "vocabulary_size": 2000,
            "embedding": Embedding(units=128, dropout=0.2),
            "encoder": Stack(cell="gru", units=(128,), bidirectional=True, dropout=0.3),
            "decoder": stack,
            "training": Training(epochs=5, batch_size=64, learning_rate=2e-3, schedule="cosine", label_smoothing=0.1),
        },
    )


TASKS = {made.__name__: made for made in (words, symbols, reviews, built_in, intents, slots, parts, pairs)}

if __name__ == "__main__":
    main()
