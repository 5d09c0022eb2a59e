"""One epoch over long texts: seqkit beside a plain Keras script, same model, batch size, optimizer and rows, one run.

    python benchmarks/epoch.py --data train.tsv.gz

The Keras script is the usual one: Embedding 128, two Bidirectional LSTMs of 64, Adam, each shuffled batch of 32 padded to
its longest row, masked, `model.fit`. A tenth of the rows is held out; an epoch's time holds everything from its first batch
to its last, graph tracing too, but not the validation. Run nothing else meanwhile.
"""

import argparse
import time

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.sources.examples import hold_out
from seqkit.sources.reading import read
from seqkit.text.labels import encode_labels, learn_classes
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import END, Vocabulary
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.objectives import classification
from seqkit.training.trainer import Trainer, reproducible

VOCABULARY = 20_000
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a table of labelled texts")
    parser.add_argument("--rows", type=int, default=None, help="only so many rows, drawn with a seed")
    parser.add_argument("--max-length", type=int, default=1000)
    options = parser.parse_args()
    train, valid = rows(options)
    print(f"{len(train[1]):,} rows to train on, {len(valid[1]):,} to validate on, {train[0].lengths.sum():,} tokens")
    print(f"{'':8}{'epoch':>9}{'tokens/s':>11}{'valid loss':>12}{'valid accuracy':>16}")
    figures = {}
    for name, run in (("seqkit", with_seqkit), ("keras", with_keras)):
        seconds, loss, accuracy = figures[name] = run(train, valid)
        print(
            f"{name:8}{seconds:7.1f} s{train[0].lengths.sum() / seconds:11,.0f}{loss:12.4f}{accuracy:16.4f}", flush=True
        )
    print(f"seqkit takes {figures['seqkit'][0] / figures['keras'][0]:.2f} of Keras's time")


def rows(options):
    """(ids, labels) to train and to validate on."""
    examples = read(options.data, {"text": "text", "label": "label"})
    if options.rows:
        drawn = np.random.default_rng(0).permutation(len(examples))[: options.rows]
        examples = examples.take(drawn.tolist(), examples.origin)
    tokenizer, classes = Tokenizer(), learn_classes(examples["label"], [], examples.origin)
    parts = hold_out(examples, by="label", seed=0)
    tokens = [tokenize(part["text"], tokenizer) for part in parts]
    vocabulary = Vocabulary.build(tokens[0], tokenizer, size=VOCABULARY)
    return [
        (
            vocabulary.encode(some).cut(options.max_length - 1).append(END),
            encode_labels(part["label"], classes),
        )
        for some, part in zip(tokens, parts, strict=True)
    ]


def with_seqkit(train, valid):
    training = Training(epochs=1, batch_size=BATCH, global_clipnorm=0.0)  # the Keras script doesn't clip
    with reproducible(0, training.precision):
        inputs = embed_tokens(VOCABULARY, Embedding(units=128))
        stack = Stack(cell="lstm", units=(64, 64), bidirectional=True)
        model = many_to_one(*inputs, outputs=2, stack=stack, pooling="last")
    pipelines = [
        Pipeline({"ids": ids, "targets": labels}, {"ids": boundaries(ids.lengths)}, BATCH)
        for ids, labels in (train, valid)
    ]
    (row,) = Trainer(model, classification(training, [1, 1]), training).fit(*pipelines)
    return row["seconds"], row["val_loss"], row["val_accuracy"]


def with_keras(train, valid):
    keras.utils.set_random_seed(0)
    lstm = keras.layers.LSTM
    model = keras.Sequential(
        [
            keras.layers.Embedding(VOCABULARY, 128, mask_zero=True),
            keras.layers.Bidirectional(lstm(64, return_sequences=True)),
            keras.layers.Bidirectional(lstm(64)),
            keras.layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])

    def dataset(ids, labels):
        ragged = tf.RaggedTensor.from_row_splits(ids.values, ids.offsets)
        return tf.data.Dataset.from_tensor_slices((ragged, labels))

    def padded(rows):
        return rows.map(lambda ids, label: (tf.convert_to_tensor(ids), label)).padded_batch(BATCH).prefetch(2)

    started = time.perf_counter()
    model.fit(padded(dataset(*train).shuffle(len(train[1]), seed=0)), epochs=1, verbose=0)
    seconds = time.perf_counter() - started
    order = np.argsort(valid[0].lengths)  # by length, to be done sooner: the figures are the same
    loss, accuracy = model.evaluate(padded(dataset(valid[0].take(order), valid[1][order])), verbose=0)
    return seconds, loss, accuracy


if __name__ == "__main__":
    main()
