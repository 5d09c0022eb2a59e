"""The light cells, and LSTM and GRU in four heads, beside LSTM and GRU, all through seqkit's scan, in one run: a training
step (forward and all gradients), a forward pass, and a step of a stream.

    python benchmarks/linear_recurrences.py --shapes 32,200,128,128 8,4000,128,128 --repeats 9

The cells take turns within each repeat, so that a busy machine is busy for all. Printed are medians, in ms (of a stream us),
each cell's share of the LSTM's, and for the rows of `--lengths` how time and memory grow. The step of a stream is its
TensorFlow graph, called from Python; as a LiteRT or C artefact it costs less (`benchmarks/c_step.py`).
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from recurrence import data, keras_layer, keras_steps, medians

CELLS = ["lstm", "gru", "lstm/4", "gru/4", "mingru", "minlstm", "sru", "qrnn", "rg_lru", "indrnn", "lru"]


def forward(cell, shape):
    import keras
    import tensorflow as tf

    from seqkit.recurrence.acceleration import accelerate

    inputs = keras.Input(shape[1:3])
    model = accelerate(keras.Model(inputs, keras_layer(cell, shape[3], "float32")(inputs)))
    run, x = tf.function(lambda x: model(x, training=False)), tf.constant(data(shape, masked=False)[0])
    return lambda: run(x).numpy()


def stream(cell, features, units):
    """One step of one row, with the state handed on."""
    import keras
    import tensorflow as tf

    from seqkit.recurrence.stateful import stateful

    inputs = keras.Input((None, features))
    model = stateful(keras.Model(inputs, keras_layer(cell, units, "float32")(inputs)), steps=1)
    given = [tf.zeros((1, *tensor.shape[1:])) for tensor in model.inputs]
    run = tf.function(lambda *given: model(list(given)), reduce_retracing=True).get_concrete_function(*given)
    states = [given[1:]]

    def step():
        _, *states[0] = run(given[0], *states[0])

    return lambda: [step() for _ in range(100)]


def table(title, steps, repeats, scale=1.0):
    taken = {name: scale * value for name, value in medians(steps, repeats).items()}
    print(f"\n{title}")
    for name, value in taken.items():
        print(f"  {name:9s} {value:9.2f}  {value / taken['lstm']:5.2f} of the LSTM's")
    return taken


def at_length(cell, shape, repeats):
    """Of a process of its own: seconds of a training step, and MiB at its height."""
    step = keras_steps(cell, shape, False, "float32", [])["seqkit"]
    step()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return {"ms": 1e3 * float(np.median(taken)), "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=CELLS)
    parser.add_argument(
        "--shapes", nargs="+", default=["32,200,128,128", "8,4000,128,128"], help="batch,steps,inputs,units"
    )
    parser.add_argument(
        "--lengths", nargs="*", type=int, default=[1000, 2000, 4000], help="of 8 rows of 128, for minGRU"
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only-length", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_length:
        shape = tuple(map(int, options.only_length.split(",")))
        print(json.dumps(at_length("mingru", shape, options.repeats)))
        return
    cells = ["lstm", *(cell for cell in options.cells if cell != "lstm")]
    for text in options.shapes:
        shape = tuple(map(int, text.split(",")))
        steps = {cell: keras_steps(cell, shape, False, "float32", [])["seqkit"] for cell in cells}
        table(f"{text}: training step, ms", steps, options.repeats)
        table(f"{text}: forward, ms", {cell: forward(cell, shape) for cell in cells}, options.repeats)
    table("stream of 128 inputs and units: step, us", {c: stream(c, 128, 128) for c in cells}, options.repeats, 10.0)
    for steps in options.lengths:
        command = [sys.executable, __file__, "--only-length", f"8,{steps},128,128", "--repeats", str(options.repeats)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"minGRU, 8 rows of {steps} steps: {found['ms']:.1f} ms, {found['MiB']:.0f} MiB")


if __name__ == "__main__":
    main()
