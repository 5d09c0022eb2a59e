"""Labels of texts as Keras's tutorial does it: TextVectorization, two bidirectional LSTMs, fit. Of `time_to_quality.py`."""

import csv
import gzip
import json
import sys
import time

import keras
import numpy as np

EPOCHS, WORDS = 20, 20_000


def read(path: str) -> tuple[list[str], np.ndarray]:
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    labels = sorted({row["label"] for row in rows})
    return [row["text"] for row in rows], np.array([labels.index(row["label"]) for row in rows])


def tell(epoch: int, logs: dict[str, float]) -> None:
    print(json.dumps({"figure": logs["val_accuracy"], "processor": time.process_time()}), flush=True)


def main(train: str, valid: str, longest: str) -> None:
    keras.utils.set_random_seed(0)
    (texts, labels), (others, truth) = read(train), read(valid)
    split = keras.layers.TextVectorization(max_tokens=WORDS, output_sequence_length=int(longest))
    split.adapt(texts)
    model = keras.Sequential(
        [
            keras.layers.Embedding(WORDS, 128),
            keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
            keras.layers.Bidirectional(keras.layers.LSTM(64)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(
        split(texts), labels, batch_size=32, epochs=EPOCHS, validation_data=(split(others), truth), verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=tell)],
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
