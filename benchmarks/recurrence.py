"""Train step of one recurrent layer (forward and all gradients): seqkit beside Keras/TensorFlow, Keras/JAX and PyTorch.

    python benchmarks/recurrence.py --cells lstm gru --shapes 32,200,128,128 --peers keras torch --repeats 9
    python benchmarks/recurrence.py --forward --cells lstm gru --peers torch onnx

With --forward the forward pass alone, of a batch of 1 and one of 32, beside ONNX Runtime too.

One process measures all but Keras/JAX, whose backend needs a process of its own; the systems take turns within each
repeat, so that a busy machine is busy for all, and make a few steps in a row, as in training. Printed are medians in ms,
each peer's ratio to seqkit (above 1: seqkit is faster), and the share of the machine's matrix-product rate, measured in
the same run, that seqkit's step reaches.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

SHAPES = ["32,100,64,64", "32,200,128,128", "64,100,128,256", "64,30,256,512", "128,50,128,512", "16,400,128,128"]
KERAS_CELLS = ["lstm", "gru", "simple_rnn"]
GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}


def data(shape, masked):
    """Inputs, upstream gradient, and the lengths of the rows: uniform, so that half is padding."""
    batch, steps, features, units = shape
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, features)).astype("float32")
    lengths = rng.integers(1, steps + 1, size=batch) if masked else None
    return x, rng.normal(size=(batch, steps, units)).astype("float32"), lengths


def keras_layer(cell, units, dtype):
    """Of a cell by its name, with "/4" behind it in four heads."""
    from keras import layers

    from seqkit.recurrence.cells import Recurrent

    options = {"return_sequences": True, "dtype": dtype}
    known = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}
    name, _, heads = cell.partition("/")
    return known[cell](units, **options) if cell in known else Recurrent(units, name, heads=int(heads or 1), **options)


def keras_steps(cell, shape, masked, dtype, peers) -> dict[str, Callable]:
    """seqkit, and Keras/TensorFlow with jit_compile off and on."""
    import keras
    import tensorflow as tf

    from seqkit.recurrence.acceleration import accelerate

    x, upstream, lengths = data(shape, masked)
    inputs, mask = keras.Input(x.shape[1:]), keras.Input(x.shape[1:2], dtype="bool")
    outputs = keras_layer(cell, shape[3], dtype)(inputs, mask=mask if masked else None)
    model = keras.Model([inputs, mask], outputs)
    real = np.arange(shape[1]) < (lengths if masked else np.full(shape[0], shape[1]))[:, None]
    x, upstream, real = tf.constant(x), tf.constant(upstream), tf.constant(real)

    def step(each, jit):
        @tf.function(jit_compile=jit)
        def run(x, real):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = each([x, real], training=True)
                loss = tf.reduce_sum(tf.cast(y, tf.float32) * upstream)
            return tape.gradient(loss, [x, *each.trainable_variables])

        return lambda: [g.numpy() for g in run(x, real)[1:]]

    steps = {"seqkit": step(accelerate(model), False)}
    if "keras" in peers:
        steps |= {"keras": step(model, False), "keras-jit": step(model, True)}
    return steps


def forward_steps(cell, shape, peers) -> dict[str, Callable]:
    """The forward pass alone: seqkit, and those of Keras/TensorFlow, PyTorch and ONNX Runtime that are asked for."""
    import keras
    import tensorflow as tf

    from seqkit.recurrence.acceleration import accelerate

    x = data(shape, False)[0]
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, keras_layer(cell, shape[3], "float32")(inputs))

    def forward(each, jit):
        run, given = tf.function(lambda x: each(x, training=False), jit_compile=jit), tf.constant(x)
        return lambda: run(given).numpy()

    steps = {"seqkit": forward(accelerate(model), False)}
    if "keras" in peers:
        steps |= {"keras": forward(model, False), "keras-jit": forward(model, True)}
    if "torch" in peers and cell in KERAS_CELLS:
        torch, layer = torch_layer(cell, shape)
        given = torch.tensor(x)

        def run():
            with torch.inference_mode():
                layer(given)

        steps["torch"] = run
    if "onnx" in peers and cell in KERAS_CELLS:
        steps["onnx"] = onnx_forward(cell, x, shape[3])
    return steps


def onnx_forward(cell, x, units) -> Callable:
    """ONNX's own operator, alone in a graph, by ONNX Runtime."""
    import onnx
    import onnxruntime

    kind, rng = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}[cell], np.random.default_rng(0)
    width = GATES[cell] * units
    sizes = {"W": (1, width, x.shape[2]), "R": (1, width, units), "B": (1, 2 * width)}
    weights = [
        onnx.numpy_helper.from_array(rng.normal(0, 0.1, size).astype("float32"), name) for name, size in sizes.items()
    ]
    options = {"linear_before_reset": 1} if cell == "gru" else {}
    node = onnx.helper.make_node(kind, ["x", *sizes], ["y"], hidden_size=units, **options)
    steps = np.ascontiguousarray(x.transpose(1, 0, 2))  # the operator's own order
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, size)
        for name, size in (("x", steps.shape), ("y", None))
    ]
    graph = onnx.helper.make_graph([node], "layer", ends[:1], ends[1:], weights)
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(["y"], {"x": steps})


def torch_layer(cell, shape):
    try:
        import torch
    except ImportError:
        sys.exit("The peer torch needs PyTorch: pip install torch, or leave it out of --peers.")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "simple_rnn": torch.nn.RNN}[cell]
    return torch, kind(shape[2], shape[3], batch_first=True)


def torch_step(cell, shape, masked, dtype) -> Callable:
    torch, layer = torch_layer(cell, shape)
    x, upstream, lengths = data(shape, masked)
    x, upstream = torch.tensor(x), torch.tensor(upstream)
    x.requires_grad_()
    low = dtype == "mixed_bfloat16"

    def run():
        layer.zero_grad()
        x.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            if masked:
                packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
                y, _ = torch.nn.utils.rnn.pad_packed_sequence(layer(packed)[0], True, total_length=shape[1])
            else:
                y, _ = layer(x)
        y.backward(upstream.to(y.dtype))

    return run


def jax_step(cell, shape, masked, dtype) -> Callable:
    import jax
    from keras import layers

    x, upstream, lengths = data(shape, masked)
    known = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}
    layer = known[cell](shape[3], return_sequences=True, dtype=dtype)
    layer.build(x.shape)
    weights = [w.value for w in layer.trainable_variables]
    state = [w.value for w in layer.non_trainable_variables]
    real = np.arange(shape[1]) < (lengths if masked else np.full(shape[0], shape[1]))[:, None]

    def loss(x, weights):
        y, _ = layer.stateless_call(weights, state, x, mask=real if masked else None, training=True)
        return (y.astype("float32") * upstream).sum()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return lambda: jax.block_until_ready(gradient(x, weights))


PAUSE = 0.03  # seconds, in which the threads of the system before stop waiting for more work
RUN = 4  # steps in a row, as in training


def medians(steps: dict[str, Callable], repeats: int) -> dict[str, float]:
    """In ms. The systems take turns; in each turn one makes a few steps in a row, of which the first isn't counted."""
    taken = {name: [] for name in steps}
    for repeat in range(repeats + 1):
        for name, step in steps.items():
            time.sleep(PAUSE)
            for number in range(RUN):
                start = time.perf_counter()
                step()
                taken[name] += [time.perf_counter() - start] if repeat and number else []
    return {name: 1e3 * float(np.median(t)) for name, t in taken.items()}


def matmul_rate(size=1536) -> float:
    """GFLOP/s of a large float32 product."""
    import tensorflow as tf

    a = tf.random.normal((size, size))
    return 2e-6 * size**3 / medians({"": lambda: tf.matmul(a, a).numpy()}, 7)[""]


def jax_medians(options, cell, shape, masked) -> dict[str, float]:
    command = [sys.executable, __file__, "--only-jax", "--cells", cell, "--shapes", shape, "--dtype", options.dtype]
    command += ["--repeats", str(options.repeats), "--masks", "masked" if masked else "full"]
    done = subprocess.run(
        command, env=os.environ | {"KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"The peer jax failed; is JAX installed? (pip install jax)\n{done.stderr[-500:]}")
    return {"jax": json.loads(done.stdout.splitlines()[-1])}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--cells",
        nargs="+",
        default=KERAS_CELLS,
        help="any name in seqkit.recurrence.cells.CELLS; lstm/4 is four heads",
    )
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="batch,steps,inputs,units")
    parser.add_argument("--masks", nargs="+", default=["full", "masked"], choices=["full", "masked"])
    parser.add_argument(
        "--peers", nargs="*", default=["keras", "jax", "torch"], choices=["keras", "jax", "torch", "onnx"]
    )
    parser.add_argument(
        "--forward", action="store_true", help="the forward pass alone, without masks, of 1 and of 32 rows"
    )
    parser.add_argument("--dtype", default="float32", choices=["float32", "mixed_bfloat16"])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only-jax", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_jax:
        shape = tuple(map(int, options.shapes[0].split(",")))
        step = jax_step(options.cells[0], shape, options.masks == ["masked"], options.dtype)
        print(json.dumps(medians({"jax": step}, options.repeats)["jax"]))
        return

    if options.forward:
        return forward_table(options)
    rate, ratios = matmul_rate(), {}
    print(f"{len(os.sched_getaffinity(0))} cores, {rate:.0f} GFLOP/s, {options.dtype}, median of {options.repeats}")
    for cell in options.cells:
        for text in options.shapes:
            shape = tuple(map(int, text.split(",")))
            for masked in [m == "masked" for m in options.masks]:
                steps = keras_steps(cell, shape, masked, options.dtype, options.peers)
                if "torch" in options.peers and cell in KERAS_CELLS:
                    steps["torch"] = torch_step(cell, shape, masked, options.dtype)
                taken = medians(steps, options.repeats)
                if "jax" in options.peers and cell in KERAS_CELLS:
                    taken |= jax_medians(options, cell, text, masked)
                for peer in set(taken) - {"seqkit"}:
                    ratios.setdefault((cell, masked, peer), []).append(taken[peer] / taken["seqkit"])
                batch, length, features, units = shape
                work = 6e-6 * batch * length * (features + units) * GATES.get(cell, 0) * units
                share = f" {work / taken['seqkit'] / rate:4.0%} of the product rate" if work and not masked else ""
                line = "  ".join(f"{name} {ms:7.1f} ({ms / taken['seqkit']:.2f})" for name, ms in taken.items())
                print(f"{cell:12} {text:15} {'masked' if masked else 'full':6}  {line}{share}", flush=True)
    summary({(cell, "masked" if masked else "full", peer): r for (cell, masked, peer), r in ratios.items()})


def forward_table(options):
    print(f"{len(os.sched_getaffinity(0))} cores, float32, forward alone, median of {options.repeats}")
    sizes, ratios = dict.fromkeys(text.partition(",")[2] for text in options.shapes), {}
    for cell in options.cells:
        for batch in (1, 32):
            for size in sizes:
                shape = (batch, *map(int, size.split(",")))
                taken = medians(forward_steps(cell, shape, options.peers), options.repeats)
                for peer in set(taken) - {"seqkit"}:
                    ratios.setdefault((cell, f"batch {batch}", peer), []).append(taken[peer] / taken["seqkit"])
                line = "  ".join(f"{name} {ms:7.2f} ({ms / taken['seqkit']:.2f})" for name, ms in taken.items())
                print(f"{cell:12} {f'{batch},{size}':15} {line}", flush=True)
    summary(ratios)


def summary(ratios):
    for (cell, kind, peer), r in sorted(ratios.items()):
        print(f"{cell:12} {kind:8} {peer:9} geometric mean {np.exp(np.mean(np.log(r))):.2f}, least {min(r):.2f}")


if __name__ == "__main__":
    main()
