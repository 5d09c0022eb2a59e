"""Artefacts made by hand: a few tensors as ONNX, with all that goes with them."""

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

WORDS = ("<padding>", "<unknown>", "<begin>", "<end>", "good", "bad", "film", "a")
LABELS = ("no", "yes", "perhaps")
FLOAT, INT32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32


def tables(seed=0):
    """A table of words, (words, labels), whose padding is never the greatest; and a square one."""
    rng = np.random.default_rng(seed)
    words = rng.normal(size=(len(WORDS), len(LABELS))).astype(np.float32)
    return np.concatenate([np.full((1, len(LABELS)), -100, np.float32), words[1:]]), rng.normal(
        size=(len(LABELS), len(LABELS))
    ).astype(np.float32)


def _model(nodes, inputs, outputs, weights):
    kept = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "made", inputs, outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def bag(words):
    """ids -> the greatest of each column of their words."""
    return _model(
        [
            helper.make_node("Gather", ["words", "ids"], ["found"]),
            helper.make_node("ReduceMax", ["found", "axis"], ["outputs"], keepdims=0),
        ],
        [helper.make_tensor_value_info("ids", INT32, ["batch", "steps"])],
        [helper.make_tensor_value_info("outputs", FLOAT, ["batch", words.shape[1]])],
        {"words": words, "axis": np.array([1])},
    )


def step(words, between):
    """ids and a state -> tanh(words[ids] + state between), which is the state too."""
    size = words.shape[1]
    return _model(
        [
            helper.make_node("Gather", ["words", "ids"], ["found"]),
            helper.make_node("MatMul", ["one_state_0", "between"], ["before"]),
            helper.make_node("Add", ["found", "before"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["one_state_0_after"]),
            helper.make_node("Identity", ["one_state_0_after"], ["outputs"]),
        ],
        [
            helper.make_tensor_value_info("ids", INT32, ["batch"]),
            helper.make_tensor_value_info("one_state_0", FLOAT, ["batch", size]),
        ],
        [
            helper.make_tensor_value_info("outputs", FLOAT, ["batch", size]),
            helper.make_tensor_value_info("one_state_0_after", FLOAT, ["batch", size]),
        ],
        {"words": words, "between": between},
    )


def steps_of(ids, words, between):
    """The same in NumPy: (steps, columns)."""
    state, found = np.zeros(words.shape[1], np.float32), []
    for number in ids:
        state = np.tanh(words[number] + state @ between)
        found.append(state)
    return np.array(found)


def tensor(name, dtype, *shape):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def encoded(array):
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "data": base64.b64encode(array.tobytes()).decode(),
    }


def tokenizer(words=WORDS):
    """One of words between blanks."""
    return {
        "version": 1,
        "unit": "whitespace",
        "lowercase": False,
        "normal_form": None,
        "special": {"padding": 0, "unknown": 1, "begin": 2, "end": 3},
        "tokens": list(words),
        "tables": {"unicode": "15.0.0", "blank": [9, 13, 32, 32]},
    }


def classifier():
    """The files of an artefact of texts, but for its manifest, and the manifest."""
    words, _ = tables()
    answers = []
    for text in ("a good film", "", "bad"):
        ids = [WORDS.index(word) for word in text.split()] + [3]
        logits = words[ids].max(axis=0)
        shares = np.exp(logits) / np.exp(logits).sum()
        answer = {
            "label": LABELS[int(shares.argmax())],
            "probabilities": {name: round(float(share), 6) for name, share in zip(LABELS, shares, strict=True)},
        }
        arrays = {"ids": encoded(np.array(ids, np.int32))}
        outputs = {"model": {"outputs": encoded(logits)}}
        answers.append({"inputs": text, "graph_inputs": arrays, "graph_outputs": outputs, "answer": answer})
    graph = {
        "path": "model.onnx",
        "inputs": [tensor("ids", "int32", "batch", "steps")],
        "outputs": [tensor("outputs", "float32", "batch", len(LABELS))],
        "operations": ["Gather", "ReduceMax"],
    }
    task = {"kind": "classify_text", "tokenizer": "tokenizer.json", "labels": "labels.json", "max_length": 4}
    files = {
        "model.onnx": bag(words),
        "tokenizer.json": tokenizer(),
        "labels.json": {"labels": list(LABELS)},
        "test_vectors.json": answers,
    }
    return files, manifest("mine", task, {"model": graph})


def streamer(kind):
    """The same of a step alone: of a tagger, or of a language model with a state as wide as its vocabulary."""
    words, between = tables()
    if kind == "language_model":
        rng = np.random.default_rng(1)
        words, between = (rng.normal(size=(len(WORDS), len(WORDS))).astype(np.float32) for _ in range(2))
    graph = {
        "path": "step.onnx",
        "inputs": [tensor("ids", "int32", "batch"), tensor("one_state_0", "float32", "batch", words.shape[1])],
        "outputs": [
            tensor("outputs", "float32", "batch", words.shape[1]),
            tensor("one_state_0_after", "float32", "batch", words.shape[1]),
        ],
        "operations": ["Gather"],
    }
    files = {"step.onnx": step(words, between), "tokenizer.json": tokenizer(), "test_vectors.json": []}
    if kind == "tag":
        files["labels.json"] = {"labels": list(LABELS), "scheme": None, "constraints": None}
        task = {"kind": "tag", "tokenizer": "tokenizer.json", "labels": "labels.json", "decoding": "softmax"}
    else:
        task = {
            "kind": "language_model",
            "tokenizer": "tokenizer.json",
            "contiguous": True,
            "lines": True,
            "ends": True,
            "met_unknown": False,
        }
    return files, manifest("streams", task, {"step": graph}), words, between


def manifest(name, task, graphs):
    return {
        "artefact": 1,
        "name": name,
        "recipe": "sentiment",
        "format": "onnx",
        "step": False,
        "quantize": "none",
        "task": task,
        "graphs": graphs,
        "parity": None,
        "licence": None,
    }


def written(folder, files, manifest):
    """Write an artefact, with the digests of what is written."""
    folder.mkdir(exist_ok=True)
    named = {}
    for name, value in files.items():
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        named[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    whole = manifest if "files" in manifest else manifest | {"files": named}
    (folder / "manifest.json").write_text(json.dumps(whole))
    return folder


def zipped(folder):
    """The zip of a folder, which has the folder in it."""
    path = Path(f"{folder}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one in sorted(folder.rglob("*")):
            file.write(one, one.relative_to(folder.parent))
    return path
