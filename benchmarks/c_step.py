"""One step of a stream: the header of C beside LiteRT's interpreter and ONNX Runtime.

    python benchmarks/c_step.py --cells lstm gru --units 64 128 256 --inputs 64

The same model (one recurrent layer and a dense one of eight outputs) goes through all three, on one thread. In C a loop
makes steps, compiled as an application would (-O2) and for this machine (-O3 -march=native), with float and int8 weights.
LiteRT is asked by `invoke` alone, with nothing copied in or out; ONNX Runtime by `run`. Printed are microseconds of a step,
the median of rounds taken in turns and the quickest round; LiteRT's as a multiple of each; of C also what the object holds.
The clock is the thread's own, so that what else the machine does costs less.
"""

import argparse
import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqkit import Stack
from seqkit.export.c_header import export_c
from seqkit.export.litert import export_litert
from seqkit.export.onnx_file import export_onnx
from seqkit.export.subject import Case, Subject
from seqkit.topologies.many_to_many import many_to_many

STEPS, ROUNDS = 200, 30
FLAGS = {"-O2": ["-O2"], "-O3 native": ["-O3", "-march=native"]}
LOOP = """
#define STEP_IMPLEMENTATION
#include "step.h"
int self_test(void) { return step_self_test(); }
void run(const float *frames, int steps)
{
    static step_state state;
    float outputs[STEP_OUTPUTS];
    int t;
    for (t = 0; t < steps; ++t)
        step_step(&state, frames + t * STEP_INPUTS, outputs);
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru"])
    parser.add_argument("--units", nargs="+", type=int, default=[64, 128, 256])
    parser.add_argument("--inputs", type=int, default=64)
    options = parser.parse_args()
    for cell in options.cells:
        for units in options.units:
            with tempfile.TemporaryDirectory() as folder:
                compare(cell, units, options.inputs, Path(folder))


def compare(cell: str, units: int, inputs: int, folder: Path) -> None:
    """Print a line a system."""
    frames = keras.Input((None, inputs), name="frames")
    mask = keras.Input((None,), dtype="bool", name="mask")
    model = many_to_many([frames, mask], frames, mask, outputs=8, stack=Stack(cell=cell, units=(units,)))
    x = np.random.default_rng(0).normal(size=(STEPS, inputs)).astype(np.float32)
    case = Case(x, {"frames": x[:20], "mask": np.ones(20, bool)}, None)
    asked: dict[str, Callable[[], None]] = {}
    sizes = {}
    for quantize in ("none", "int8"):
        subject = Subject("step", "none", folder, True, quantize, True, None, [case], lambda: model, lambda model: None)
        for name, flags in FLAGS.items():
            label = f"C {name}{' int8' if quantize == 'int8' else ''}"
            asked[label], sizes[label] = in_c(subject, x, flags, folder / f"{quantize}{name[:3]}")
    subject = Subject("step", "none", folder, True, "none", True, None, [case], lambda: model, lambda model: None)
    asked["ONNX Runtime"] = in_onnx(subject, x)
    asked["LiteRT"] = in_litert(subject, x)
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, ask in asked.items():
            start = time.thread_time()
            ask()
            taken[name].append((time.thread_time() - start) / STEPS * 1e6)
    lite, quick = np.median(taken["LiteRT"]), np.min(taken["LiteRT"])
    for name, micros in taken.items():
        middle, quickest = np.median(micros), np.min(micros)
        ratios = f"LiteRT takes {lite / middle:5.2f} times ({quick / quickest:5.2f})"
        print(
            f"{cell:6}{units:5} {name:18}{middle:8.2f} ({quickest:7.2f})  {ratios}  {sizes.get(name, '')}", flush=True
        )


def in_c(subject: Subject, x: np.ndarray, flags: list[str], folder: Path) -> tuple[Callable[[], None], str]:
    """The steps as one call, and what the object holds."""
    folder.mkdir(exist_ok=True)
    [written] = export_c(subject)
    (folder / "loop.c").write_text(LOOP)
    command = ["cc", "-std=c99", "-fPIC", f"-I{subject.folder}", *flags]
    subprocess.run([*command, "-c", "loop.c", "-o", "loop.o"], cwd=folder, check=True)
    subprocess.run(["cc", "-shared", "loop.o", "-lm", "-o", "loop.so"], cwd=folder, check=True)
    listed = subprocess.check_output(["size", "-A", "loop.o"], cwd=folder, text=True)
    sections = dict(line.split()[:2] for line in listed.splitlines() if line.startswith("."))
    library = ctypes.CDLL(str(folder / "loop.so"))
    if library.self_test():
        raise SystemExit(f"{written.path.name} answers otherwise than the model.")
    pointer = x.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    rodata = sum(int(size) for name, size in sections.items() if name.startswith(".rodata"))
    text = sum(int(size) for name, size in sections.items() if name.startswith(".text"))
    return lambda: library.run(pointer, STEPS), f".text {text}, .rodata {rodata}, header {written.path.stat().st_size}"


def in_onnx(subject: Subject, x: np.ndarray) -> Callable[[], None]:
    import onnxruntime

    [written] = export_onnx(subject)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(written.path, options)
    states: dict[str, Any] = {
        one.name: np.zeros((1, one.shape[1]), np.float32) for one in session.get_inputs() if "state" in one.name
    }

    def ask() -> None:
        given: dict[str, Any] = dict(states)
        for t in range(STEPS):
            _, *after = session.run(None, {"frames": x[t : t + 1], "mask": np.ones(1, bool)} | given)
            given = dict(zip(states, after, strict=True))

    return ask


def in_litert(subject: Subject, x: np.ndarray) -> Callable[[], None]:
    from ai_edge_litert.interpreter import Interpreter

    [written] = export_litert(subject)
    interpreter = Interpreter(str(written.path), num_threads=1)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        value = np.ones(tensor["shape"], tensor["dtype"])
        interpreter.set_tensor(tensor["index"], value)

    def ask() -> None:
        for _ in range(STEPS):
            interpreter.invoke()

    return ask


if __name__ == "__main__":
    main()
