"""Answers of trained models in every format, beside Keras, PyTorch and ONNX Runtime on PyTorch's own export, in one run.

    python benchmarks/inference.py --batches 1 32 256 --threads 1

Three models: a text classifier of two bidirectional LSTMs of 64; a tagger with a CRF (words alone, one bidirectional LSTM
of 64: its emissions are timed, for the search is the runner's in each format); and a step of a character model, one LSTM of
256. The first two read rows of 50 ids ("whole"), or of 10 to 50 ("ragged": a mask in Keras, packed sequences in PyTorch,
lengths in ours). Systems are asked in turns, so that what else the machine does meets all alike; printed are medians in
milliseconds, and how many times as long PyTorch's eager call takes. "cold start" is a process that has NumPy and one
runtime and answers one text: all of it, in seconds.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LENGTH, SHORTEST, ROUNDS = 50, 10, 15
COLD = "import sys; from seqkit_runner import load; print(load(sys.argv[1]).predict(['a good film'])[0]['label'])"


def trained(folder):
    """The three models, on built-in data, with so little training that only their shapes count."""
    from seqkit import Embedding, Stack, Training
    from seqkit.recipes import language_model, sentiment, tagging

    once = {"embedding": Embedding(units=64), "training": Training(epochs=1, batch_size=64)}
    both = {"cell": "lstm", "bidirectional": True}
    return {
        "classifier": sentiment(out=folder / "classifier", stack=Stack(units=(64, 64), **both), pooling="max", **once),
        "tagger": tagging(
            out=folder / "tagger", stack=Stack(units=(64,), **both), characters="none", output="crf", **once
        ),
        "step": language_model(out=folder / "step", stack=Stack(cell="lstm", units=(256,)), **once),
    }


def torch_model(tokens, units, layers, outputs, *, pooled):
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(tokens, 64)
            self.lstm = torch.nn.LSTM(64, units, layers, batch_first=True, bidirectional=True)
            self.head = torch.nn.Linear(2 * units, outputs)

        def forward(self, ids):
            said, _ = self.lstm(self.table(ids))
            return self.head(said.amax(dim=1) if pooled else said)

        def packed(self, ids, lengths):
            rows = torch.nn.utils.rnn.pack_padded_sequence(
                self.table(ids), lengths, batch_first=True, enforce_sorted=False
            )
            said, _ = torch.nn.utils.rnn.pad_packed_sequence(self.lstm(rows)[0], batch_first=True, padding_value=-1e4)
            return self.head(said.amax(dim=1) if pooled else said)

    return Model().eval()


def whole_models(run, ids, lengths, artefacts, threads):
    """System -> a call that answers these rows."""
    import onnxruntime
    import torch

    import seqkit_runner

    model, outputs = run.model, run.task.classes
    calls = {"keras predict": lambda: model.predict(ids, verbose=0, batch_size=len(ids))}
    for format, folder in artefacts.items():
        graph = seqkit_runner.load(folder, threads=threads).graphs["model"]
        calls[f"seqkit {format}"] = lambda graph=graph: graph({"ids": ids})
    peer = torch_model(
        model.get_layer("embedding").input_dim,
        64,
        (model.name == "many_to_one" and 2) or 1,
        len(outputs),
        pooled=model.name == "many_to_one",
    )
    given = torch.from_numpy(ids.astype(np.int64))
    ragged = bool((lengths < ids.shape[1]).any())

    def eager():
        with torch.inference_mode():
            return peer.packed(given, torch.from_numpy(lengths)) if ragged else peer(given)

    calls["torch eager"] = eager
    if not ragged:
        script = torch.jit.trace(peer, given)
        calls["torch script"] = lambda: _inferred(torch, script, given)
        with tempfile.TemporaryDirectory() as name:
            path = Path(name, "peer.onnx")
            torch.onnx.export(peer, (given,), path, dynamo=False, input_names=["ids"])
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            session = onnxruntime.InferenceSession(path.read_bytes(), options)
        calls["torch's onnx"] = lambda: session.run(None, {"ids": given.numpy()})
    return calls


def _inferred(torch, model, given):
    with torch.inference_mode():
        return model(given)


def steps(run, artefacts, threads):
    """System -> a call that makes one step of one stream."""
    import tensorflow as tf
    import torch

    import seqkit_runner
    from seqkit.export.graphs import step_graph

    calls = {}
    for format, folder in artefacts.items():
        graph = seqkit_runner.load(folder, threads=threads).graphs["step"]
        given = {"ids": np.array([5], np.int32)} | graph.zeros(1)
        calls[f"seqkit {format}"] = lambda graph=graph, given=given: graph(given)
    step = step_graph(run.model)
    ask = step.concrete(1)
    zeros = {name: tf.zeros((1, spec.shape[1])) for name, spec in step.states.items()}
    calls["seqkit savedmodel"] = lambda: ask(ids=tf.constant([5]), **zeros)["outputs"].numpy()
    table, cell = torch.nn.Embedding(len(run.task.vocabulary), 64), torch.nn.LSTM(64, 256, batch_first=True)
    head, ids = torch.nn.Linear(256, len(run.task.vocabulary)), torch.tensor([[5]])
    state = torch.zeros(1, 1, 256), torch.zeros(1, 1, 256)

    def eager():
        with torch.inference_mode():
            return head(cell(table(ids), state)[0]).numpy()

    calls["torch eager"] = eager
    return calls


def timed(calls):
    """Medians in milliseconds, asked in turns."""
    for call in calls.values():
        for _ in range(3):
            call()
    taken = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            repeat = 1 if statistics.median(taken[name] or [1]) > 5 else 20
            started = time.perf_counter()
            for _ in range(repeat):
                call()
            taken[name].append((time.perf_counter() - started) * 1e3 / repeat)
    return {name: statistics.median(values) for name, values in taken.items()}


def show(title, medians):
    for name, value in medians.items():
        print(f"{title:32} {name:20} {value:10.3f} ms {medians['torch eager'] / value:8.2f}", flush=True)


def cold(artefacts):
    for format, folder in artefacts.items():
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", COLD, str(folder)], check=True, capture_output=True)
            seconds.append(time.perf_counter() - started)
        print(f"cold start, {format:20} {statistics.median(seconds):.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32, 256])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--formats", nargs="+", default=["onnx", "litert"])
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        runs = trained(Path(name))
        made = {
            kind: {format: run.export(format, step=kind == "step") for format in given.formats}
            for kind, run in runs.items()
        }
        for kind in ("classifier", "tagger"):
            for batch in given.batches:
                for ragged in (False, True):
                    lengths = rng.integers(SHORTEST, LENGTH, batch) if ragged else np.full(batch, LENGTH)
                    lengths[0] = LENGTH
                    ids = rng.integers(4, 50, (batch, LENGTH)).astype(np.int32)
                    ids[np.arange(LENGTH) >= lengths[:, None]] = 0
                    calls = whole_models(runs[kind], ids, lengths, made[kind], given.threads)
                    show(f"{kind}, {batch} {'ragged' if ragged else 'whole'}", timed(calls))
        show("step, 1", timed(steps(runs["step"], made["step"], given.threads)))
        cold(made["classifier"])


if __name__ == "__main__":
    main()
