"""How long a fresh run takes to its first step: from the call of the recipe, before a byte of its data is read.

    python benchmarks/start.py sentiment reviews.tsv
    python benchmarks/start.py language_model text.txt --repeats 5

Each is a process of its own, with what TensorFlow and seqkit are imported already. "cold" has an empty cache, "warm" that of
the run before: tokens, and compiled loops. "begun" is when the first batch is asked for: data read, checked and encoded;
"stepped" when the first step is done; "tried" when the end of the run has been tried, too, and the second step begins.
Seconds, and of the processor; medians.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

CHILD = """
import json, os, sys, tempfile, time
from seqkit.cli.programs import keep_programs
keep_programs()
import keras, tensorflow
from seqkit.recipes.{recipe} import {recipe}
marks = {{}}
class Marks(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        marks["tried" if marks else "begun"] = [time.perf_counter(), time.process_time()]
        if "tried" not in marks:
            return
        begun = {{name: [after - before for after, before in zip(mark, start)] for name, mark in marks.items()}}
        print("MARKS", json.dumps(begun), flush=True)
        os._exit(0)
    def on_train_batch_end(self, batch, logs=None):
        marks["stepped"] = [time.perf_counter(), time.process_time()]
with tempfile.TemporaryDirectory() as folder:
    start = time.perf_counter(), time.process_time()
    {recipe}(sys.argv[1], out=folder + "/run", callbacks=[Marks()])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("data")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    figures: dict[tuple[str, str], list[list[float]]] = {}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as cache:
            for kind in ("cold", "warm"):
                for mark, seconds in started(options, cache).items():
                    figures.setdefault((kind, mark), []).append(seconds)
    print(f"{'':6}{'':10}{'seconds':>9}{'of processor':>14}")
    for (kind, mark), seconds in figures.items():
        wall, busy = np.median(seconds, axis=0)
        print(f"{kind:6}{mark:10}{wall:9.2f}{busy:14.2f}")


def started(options: argparse.Namespace, cache: str) -> dict[str, list[float]]:
    """Seconds from the call of the recipe, and of the processor, to each mark."""
    command = [sys.executable, "-c", CHILD.format(recipe=options.recipe), options.data]
    done = subprocess.run(
        command, env=os.environ | {"SEQKIT_CACHE": cache, "KERAS_BACKEND": "tensorflow"}, capture_output=True, text=True
    )
    marks = [line.removeprefix("MARKS ") for line in done.stdout.splitlines() if line.startswith("MARKS ")]
    if not marks:
        sys.exit(done.stderr[-2000:])
    found: dict[str, list[float]] = json.loads(marks[0])
    return found


if __name__ == "__main__":
    main()
