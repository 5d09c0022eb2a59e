"""Memory of a train step of one recurrent layer: seqkit beside Keras/TensorFlow with jit_compile off and on.

    python benchmarks/memory.py --cells lstm gru --shapes 32,200,128,128 --masks full masked

TensorFlow's allocator keeps what it once had, and compiling takes memory of its own. So each figure comes from two
processes, with the batch and with five times the batch: a quarter of the difference of their highest resident memory, in
MB, is what a batch takes, inputs and outputs included.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from recurrence import KERAS_CELLS, SHAPES, keras_steps

SYSTEMS = ["seqkit", "keras", "keras-jit"]


def highest(step):
    """The highest resident memory of this process after some steps, in MB."""
    for _ in range(4):
        step()
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def _run(command):
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-500:])
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=KERAS_CELLS)
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="batch,steps,inputs,units")
    parser.add_argument("--masks", nargs="+", default=["full", "masked"], choices=["full", "masked"])
    parser.add_argument("--times", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        batch, *rest = map(int, options.shapes[0].split(","))
        steps = keras_steps(
            options.cells[0], (batch * options.times, *rest), options.masks == ["masked"], "float32", ["keras"]
        )
        print(json.dumps(highest(steps[options.only])))
        return
    for cell in options.cells:
        for shape in options.shapes:
            for mask in options.masks:
                peaks = {}
                for system in SYSTEMS:
                    command = [sys.executable, __file__, "--only", system, "--cells", cell, "--shapes", shape]
                    one, five = (_run([*command, "--masks", mask, "--times", times]) for times in ("1", "5"))
                    peaks[system] = (five - one) / 4
                line = "  ".join(f"{name} {peak:7.1f}" for name, peak in peaks.items())
                print(f"{cell:12} {shape:15} {mask:6}  {line}", flush=True)


if __name__ == "__main__":
    main()
