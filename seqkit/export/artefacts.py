"""Artefacts that run without seqkit, each compared with the run on real rows before it counts as written."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.files import read_json, replacing, write_json
from seqkit.core.ragged import Ragged
from seqkit.export.parity import Arrays, Format, compare_outputs, compare_steps
from seqkit.export.step import Step, Tensors


def export_keras(source: Path, folder: Path, inputs: Arrays, expected: np.ndarray, *, precision: str) -> Path:
    """Copy a run's model file once plain Keras has opened it and answered `inputs` as `expected`.

    Args:
        source: The model.keras of a run.
        folder: The export folder; its manifest.json gets an entry.
        inputs: By the names of the model's inputs, (rows, steps, ...).
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
        asked = list(inputs.values())
        error = compare_outputs(np.asarray(model(asked if len(asked) > 1 else asked[0])), expected, "keras", precision)
    specs = {tensor.name: f"{tensor.dtype} {_shape(tensor.shape)}" for tensor in model.inputs}
    outputs = f"logits, float32 {tuple(model.output_shape)}"
    _note(folder, "keras", target, error, len(expected), {"inputs": specs, "outputs": outputs})
    return target


def export_savedmodel(
    module: tf.Module,
    folder: Path,
    inputs: tf.Tensor | Tensors,
    expected: np.ndarray | Ragged | list[str],
    *,
    output: str,
    precision: str,
    step: Step | None = None,
    stream: tuple[Arrays, Ragged] | None = None,
) -> Path:
    """Write a module's `serve` function as a SavedModel's default signature, read it back and compare.

    Args:
        module: Its `serve` takes tensors and returns a dict of tensors by name.
        inputs: What to ask the artefact, (rows, ...): the one tensor, or all by name.
        expected: float, (rows, ...) or ragged, or texts, the run's own answers.
        output: The output to compare.
        step: The streaming step, where there is one: it becomes the signature "step".
        stream: With `step`, the model's inputs by name, (rows, steps, ...), and its own outputs, ragged.
    """
    target = folder / "savedmodel"
    signatures = {"serving_default": module.serve.get_concrete_function()}
    if step is not None:
        module.step = step
        signatures["step"] = step.concrete()
    with replacing(target) as part:
        try:
            tf.saved_model.save(module, str(part), signatures=signatures)
        except tf.errors.OpError as failure:  # TensorFlow's own word for a full disk, among others
            raise OSError(f"{target} can't be written: {str(failure.message).splitlines()[0]}") from None
        kept = tf.saved_model.load(str(part)).signatures
        served = kept["serving_default"]
        asked = inputs if isinstance(inputs, dict) else {next(iter(served.structured_input_signature[1])): inputs}
        error = compare_outputs(served(**asked)[output].numpy(), expected, "savedmodel", precision)
        if step is not None and stream is not None:
            error = max(
                error, compare_steps(lambda given: kept["step"](**given), step, stream, "savedmodel", precision)
            )
    graphs = [signature.graph for signature in signatures.values()]
    ops = {node.type for graph in graphs for node in graph.get_operations()}
    ops |= {
        node.op for graph in graphs for function in graph.as_graph_def().library.function for node in function.node_def
    }
    facts = {name: _described(signature) for name, signature in kept.items()}
    _note(folder, "savedmodel", target, error, len(expected), {"signatures": facts, "ops": sorted(ops)})
    return target


def export_litert(step: Step, folder: Path, stream: tuple[Arrays, Ragged], *, precision: str) -> Path:
    """Write the streaming step of one stream as a LiteRT file of built-in operations alone, read it back and compare.

    Args:
        step: Of the model.
        stream: The model's inputs by name, (rows, steps, ...), and its own outputs, ragged.
    """
    target = folder / "step.tflite"
    concrete = step.concrete(batch=1)
    with replacing(target) as part:
        with tempfile.TemporaryDirectory() as saved:  # from which alone the converter takes the signature's names
            tf.saved_model.save(step, saved, signatures={"step": concrete})
            converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["step"])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            part.write_bytes(converter.convert())
        interpreter = lite_interpreter(part)
        runner = interpreter.get_signature_runner()
        error = compare_steps(
            lambda given: runner(**{name: np.asarray(value) for name, value in given.items()}),
            step,
            stream,
            "litert",
            precision,
        )
        ops = sorted({detail["op_name"] for detail in interpreter._get_ops_details()} - {"DELEGATE"})
    _note(folder, "litert", target, error, len(stream[1]), {"signatures": {"step": _described(concrete)}, "ops": ops})
    return target


def lite_interpreter(path: Path) -> Any:
    """An interpreter of a LiteRT file, on one thread: a step of a stream is too small to share.

    Raises:
        InputError: The package that has it isn't installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise InputError("The litert format needs its interpreter: pip install 'seqkit[litert]'.") from None
    return Interpreter(str(path), num_threads=1)


def _note(folder: Path, format: Format, target: Path, error: float, rows: int, facts: dict[str, Any]) -> None:
    path = folder / "manifest.json"
    manifest = read_json(path) if path.exists() else {}
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    manifest[format] = {"path": target.name, "parity_error": error, "parity_rows": rows, "versions": versions} | facts
    write_json(path, manifest)


def _described(signature: Any) -> dict[str, dict[str, str]]:
    return {
        "inputs": {name: _spec(spec) for name, spec in signature.structured_input_signature[1].items()},
        "outputs": {name: _spec(spec) for name, spec in signature.structured_outputs.items()},
    }


def _spec(spec: tf.TensorSpec) -> str:
    return f"{spec.dtype.name} {tuple(spec.shape)}"


def _shape(shape: Sequence[int | None]) -> str:
    """Of an input: (batch, steps, 20, 20, 1)."""
    sizes = ["steps" if size is None else str(size) for size in shape[1:]]
    return f"({', '.join(['batch', *sizes])})"
