"""Artefacts that run without seqkit, each compared with the run on real rows before it counts as written."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from seqkit.data.vocabulary import END, Vocabulary
from seqkit.errors import ExportError
from seqkit.folder import read_json, replacing, write_json

Format = Literal["keras", "savedmodel"]
TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 2e-2}  # of a probability; bfloat16 keeps 8 bits


class TextClassifier(tf.Module):
    """Text in, label and probabilities out, with the vocabulary inside."""

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, classes: Sequence[str], max_length: int):
        super().__init__()
        self.model, self.table, self.splitter = model, vocabulary.lookup(), vocabulary.splitter
        self.classes, self.max_length = tf.constant(list(classes)), max_length

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """string (batch,) -> "label", string (batch,); "probabilities", float32 (batch, classes)."""
        ids = self.table.lookup(self.splitter(text))[:, : self.max_length - 1]
        end = tf.fill([tf.shape(text)[0], 1], END)
        padded = tf.concat([ids, end], axis=1).to_tensor()  # (batch, steps)
        probabilities = tf.nn.softmax(self.model(padded, training=False))
        return {"label": tf.gather(self.classes, tf.argmax(probabilities, axis=-1)), "probabilities": probabilities}


def export_keras(source: Path, folder: Path, ids: np.ndarray, expected: np.ndarray, *, precision: str) -> Path:
    """Copy a run's model file once plain Keras has opened it and answered `ids` as `expected`.

    Args:
        source: The model.keras of a run.
        folder: The export folder; its manifest.json gets an entry.
        ids: int32, (rows, steps).
        expected: float, (rows, ...), the run's own outputs.
    """
    target = folder / "model.keras"
    with replacing(target) as part:
        shutil.copyfile(source, part)
        copy = part.with_suffix(".check.keras")  # Keras goes by the suffix
        shutil.copyfile(part, copy)
        try:
            model = keras.saving.load_model(copy, compile=False)
        finally:
            copy.unlink()
        error = _compare(np.asarray(model(ids)), expected, "keras", precision)
    _note(
        folder,
        "keras",
        target,
        error,
        len(ids),
        {
            "inputs": {"ids": "int32 (batch, steps), 0 is padding"},
            "outputs": f"logits, float32 {tuple(model.output_shape)}",
        },
    )
    return target


def export_savedmodel(
    module: tf.Module, folder: Path, inputs: list[Any], expected: np.ndarray, *, output: str, precision: str
) -> Path:
    """Write a module's `serve` function as a SavedModel's default signature, read it back and compare.

    Args:
        module: Its `serve` takes one tensor and returns a dict of tensors by name.
        inputs: What to ask the artefact, one a row.
        expected: float, (rows, ...), the run's own answers.
        output: The output to compare.
    """
    target = folder / "savedmodel"
    serve = module.serve.get_concrete_function()
    with replacing(target) as part:
        try:
            tf.saved_model.save(module, str(part), signatures={"serving_default": serve})
        except tf.errors.OpError as failure:  # TensorFlow's own word for a full disk, among others
            raise OSError(f"{target} can't be written: {str(failure.message).splitlines()[0]}") from None
        served = tf.saved_model.load(str(part)).signatures["serving_default"]
        name = next(iter(served.structured_input_signature[1]))
        error = _compare(served(**{name: tf.constant(inputs)})[output].numpy(), expected, "savedmodel", precision)
    ops = {node.type for node in serve.graph.get_operations()}
    ops |= {node.op for function in serve.graph.as_graph_def().library.function for node in function.node_def}
    _note(
        folder,
        "savedmodel",
        target,
        error,
        len(inputs),
        {
            "inputs": {name: _spec(spec) for name, spec in served.structured_input_signature[1].items()},
            "outputs": {name: _spec(spec) for name, spec in served.structured_outputs.items()},
            "ops": sorted(ops),
        },
    )
    return target


def _compare(got: np.ndarray, expected: np.ndarray, format: Format, precision: str) -> float:
    error = float(np.max(np.abs(got.astype(np.float64) - expected))) if got.shape == expected.shape else float("inf")
    if not error <= TOLERANCE[precision]:
        raise ExportError(
            f"The {format} artefact differs from the run by {error:.2g} on {len(expected)} real rows (at most "
            f"{TOLERANCE[precision]:.0e} is allowed), so it was not kept. Please report this with the run's run.json."
        )
    return error


def _note(folder: Path, format: Format, target: Path, error: float, rows: int, facts: dict[str, Any]) -> None:
    path = folder / "manifest.json"
    manifest = read_json(path) if path.exists() else {}
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    manifest[format] = {"path": target.name, "parity_error": error, "parity_rows": rows, "versions": versions} | facts
    write_json(path, manifest)


def _spec(spec: tf.TensorSpec) -> str:
    return f"{spec.dtype.name} {tuple(spec.shape)}"
