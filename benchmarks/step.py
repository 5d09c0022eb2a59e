"""One step of a stream (one row, one recurrent layer, states in and out): seqkit's exports, PyTorch, ONNX Runtime.

    python benchmarks/step.py --cells lstm gru --units 256 --inputs 64

A process that is warm: each system has made 200 steps before. Printed are the median and the 90th percentile of single
steps in microseconds, measured in turns, with the call that an application makes: the output is read back as NumPy.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

WARM, STEPS, ROUNDS = 200, 400, 5


def seqkit_steps(cell, inputs, units, folder):
    """The signature "step" of the SavedModel, and the LiteRT file, as `seqkit export` writes them."""
    import keras
    import tensorflow as tf

    from seqkit import Stack
    from seqkit.core.ragged import Ragged
    from seqkit.export.litert import lite_interpreter, write_step
    from seqkit.export.step import Step
    from seqkit.topologies.many_to_many import many_to_many

    frames = keras.Input((None, inputs), name="frames")
    mask = keras.ops.any(keras.ops.not_equal(frames, 0.0), axis=-1)
    model = many_to_many(frames, frames, mask, outputs=8, stack=Stack(cell=cell, units=(units,)))
    step = Step(model)
    x = np.random.default_rng(0).normal(size=(1, 20, inputs)).astype("float32")
    whole = Ragged.of_lengths(np.asarray(model(x))[0], np.array([20]))
    path = write_step(step, folder, ({"frames": x}, whole), precision="float32")
    tf.saved_model.save(step, str(folder / "savedmodel"), signatures={"step": step.concrete()})
    served = tf.saved_model.load(str(folder / "savedmodel")).signatures["step"]
    runner = lite_interpreter(path).get_signature_runner()
    frame = x[:, 0]

    def ask_saved():
        given = {"frames": tf.constant(frame)} | {name: ask_saved.states[name] for name in step.states}
        ask_saved.states = served(**given)
        return ask_saved.states["outputs"].numpy()

    def ask_lite():
        ask_lite.states = runner(frames=frame, **{name: ask_lite.states[name] for name in step.states})
        return ask_lite.states["outputs"]

    zeros = {name: np.zeros((1, units), "float32") for name in step.states}
    ask_saved.states, ask_lite.states = {name: tf.constant(value) for name, value in zeros.items()}, zeros
    return {"seqkit SavedModel": ask_saved, "seqkit LiteRT": ask_lite}


def torch_step(cell, inputs, units):
    import torch

    torch.set_num_threads(1)
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](inputs, units)
    head, x = torch.nn.Linear(units, 8), np.zeros((1, 1, inputs), "float32")

    def ask():
        with torch.inference_mode():
            y, ask.state = layer(torch.from_numpy(x), ask.state)
            return head(y).numpy()

    ask.state = None
    return ask


def onnx_step(cell, inputs, units, folder):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng, gates = np.random.default_rng(0), {"lstm": 4, "gru": 3}[cell]
    weights = {
        "W": rng.normal(size=(1, gates * units, inputs)) / 16,
        "R": rng.normal(size=(1, gates * units, units)) / 16,
        "B": np.zeros((1, 2 * gates * units)),
        "V": rng.normal(size=(units, 8)) / 16,
    }
    states = ["h", "c"] if cell == "lstm" else ["h"]

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    node = helper.make_node(
        cell.upper(),
        ["x", "W", "R", "B", "", *states],
        ["", *(f"{name}_after" for name in states)],
        hidden_size=units,
        **({"linear_before_reset": 1} if cell == "gru" else {}),
    )
    squeezed = helper.make_node("Reshape", ["h_after", "flat"], ["top"])
    answer = helper.make_node("MatMul", ["top", "V"], ["y"])
    constants = [numpy_helper.from_array(w.astype("float32"), name) for name, w in weights.items()]
    constants.append(numpy_helper.from_array(np.array([1, units]), "flat"))
    graph = helper.make_graph(
        [node, squeezed, answer],
        cell,
        [value("x", 1, 1, inputs), *(value(name, 1, 1, units) for name in states)],
        [value("y", 1, 8), *(value(f"{name}_after", 1, 1, units) for name in states)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "step.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "step.onnx", options)
    x = np.zeros((1, 1, inputs), "float32")

    def ask():
        y, *after = session.run(None, {"x": x} | ask.states)
        ask.states = dict(zip(states, after, strict=True))
        return y

    ask.states = {name: np.zeros((1, 1, units), "float32") for name in states}
    return ask


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru"], choices=["lstm", "gru"])
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--peers", nargs="*", default=["torch", "onnx"], choices=["torch", "onnx"])
    options = parser.parse_args()
    for cell in options.cells:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            steps = seqkit_steps(cell, options.inputs, options.units, folder)
            if "torch" in options.peers:
                steps["PyTorch"] = torch_step(cell, options.inputs, options.units)
            if "onnx" in options.peers:
                steps["ONNX Runtime"] = onnx_step(cell, options.inputs, options.units, folder)
            taken = {name: [] for name in steps}
            for step in steps.values():
                for _ in range(WARM):
                    step()
            for _ in range(ROUNDS):
                for name, step in steps.items():
                    for _ in range(STEPS):
                        start = time.perf_counter()
                        step()
                        taken[name].append(time.perf_counter() - start)
        for name, seconds in taken.items():
            middle, high = 1e6 * np.quantile(seconds, [0.5, 0.9])
            print(
                f"{cell:5} {options.inputs} -> {options.units}  {name:18} {middle:7.1f} us  (90%: {high:.1f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
