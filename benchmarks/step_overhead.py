"""A whole training step beside the time that the model's layers take of it.

    python benchmarks/step_overhead.py
    python benchmarks/step_overhead.py --cell lstm gru --lengths 20 100 --repeats 7

Rows of random ids, one length, batches of 32, an embedding and one recurrent layer of 64 units. "layers" is the outputs and
the gradients of the loss by all weights, of batches that lie in memory. "step" is what `Trainer.fit` takes for a step of an
epoch: reading the batch, that, the norm of the gradients, clipping, Adam, the sums, callbacks and the progress bar. Both in
turns, in one process, milliseconds, medians; run nothing else meanwhile.
"""

import argparse
import contextlib
import io
import itertools
import os
import time

import keras
import numpy as np
import tensorflow as tf

from seqkit import Embedding, Stack, Training
from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.layers.embedding import embed_tokens
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.executor import executor_of
from seqkit.training.objectives import classification
from seqkit.training.trainer import Trainer, reproducible

SYMBOLS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru"])
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200, help="of an epoch")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{'cell':8}{'length':>8}{'layers':>9}{'step':>9}{'ratio':>8}")
    for cell, length in itertools.product(options.cells, options.lengths):
        layers, step = measured(cell, length, options)
        print(f"{cell:8}{length:8}{layers:9.2f}{step:9.2f}{step / layers:8.2f}", flush=True)


def measured(cell: str, length: int, options: argparse.Namespace) -> tuple[float, float]:
    """Milliseconds of the layers and of the whole step."""
    rng = np.random.default_rng(0)
    lengths = np.full(options.steps * options.batch, length)
    ids = Ragged.of_lengths(rng.integers(1, SYMBOLS, int(lengths.sum())).astype(np.int32), lengths)
    targets = rng.integers(0, 2, len(lengths)).astype(np.int32)
    rows = Pipeline({"ids": ids, "targets": targets}, {"ids": (length,)}, options.batch)
    few = Pipeline(
        {"ids": ids.take(np.arange(options.batch)), "targets": targets[: options.batch]}, rows.axes, options.batch
    )
    training = Training(epochs=options.repeats + 1, batch_size=options.batch)
    with reproducible(0, training.precision):
        inputs = embed_tokens(SYMBOLS, Embedding(units=options.units))
        model = many_to_one(*inputs, outputs=2, stack=Stack(cell=cell, units=(options.units,)), pooling="last")
    objective = classification(training, [1, 1])
    batches = list(rows.batches())
    executor = executor_of(model, rows, training.epochs)
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function(input_signature=[rows.batches().element_spec], autograph=False)
    def layers(batch: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(objective.loss(batch["targets"], executor(batch, training=True)[0]))
        return [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]

    own: list[float] = []

    class Layers(keras.callbacks.Callback):
        """Runs the layers alone between epochs."""

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            started = time.perf_counter()
            for batch in batches:
                gradients = layers(batch)
            gradients[-1].numpy()
            own.append(1000 * (time.perf_counter() - started) / len(batches))

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        history = Trainer(model, objective, training).fit(rows, few, callbacks=[Layers()])
    whole = [1000 * row["seconds"] / len(rows) for row in history]
    return float(np.median(own[1:])), float(np.median(whole[1:]))  # the first compiles


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    main()
