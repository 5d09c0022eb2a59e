"""Artefacts that run without seqkit, each compared with the run on real rows before it counts as written."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from seqkit.data.ragged import Ragged
from seqkit.errors import ExportError, InputError
from seqkit.folder import read_json, replacing, write_json
from seqkit.stateful import stateful

Format = Literal["keras", "savedmodel", "litert"]
TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 2e-2}  # of a probability; bfloat16 keeps 8 bits
STREAMED = 100  # steps of a sample on which a streaming step is compared
ROWS_STREAMED = 64

Tensors = dict[str, tf.Tensor]
Arrays = dict[str, np.ndarray]


class Step(tf.Module):
    """The streaming step of a one-directional many-to-many model: an input and the states in, the answer and the states out.

    Attributes:
        states: Name -> shape and dtype; a stream starts with zeros.
    """

    def __init__(self, model: keras.Model):
        super().__init__()
        step = stateful(model, steps=1)
        self.call = lambda given: step(given, training=False)  # not the model itself, of which Keras would save more
        self.weights = [variable.value for variable in model.variables]
        count = len(model.inputs)
        self.inputs = {tensor.name: tensor for tensor in step.inputs[:count]}
        self.states = {
            tensor.name: tf.TensorSpec((None, tensor.shape[1]), tensor.dtype) for tensor in step.inputs[count:]
        }

    def concrete(self, batch: int | None = None) -> Callable[..., Tensors]:
        """A concrete function with one keyword argument an input, (batch, ...), and one a state, (batch, units).

        It returns "outputs", (batch, ...), and the states after the step under their own names.
        """
        specs = {
            name: tf.TensorSpec((batch, *tensor.shape[2:]), tensor.dtype, name) for name, tensor in self.inputs.items()
        }
        specs |= {name: tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name) for name, spec in self.states.items()}

        def step(**given: tf.Tensor) -> Tensors:
            inputs = [given[name][:, None] for name in self.inputs]
            answer, *after = self.call([*inputs, *(given[name] for name in self.states)])
            return {"outputs": answer[:, 0]} | dict(zip(self.states, after, strict=True))

        return tf.function(step, autograph=False).get_concrete_function(**specs)


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
        error = _compare(np.asarray(model(asked if len(asked) > 1 else asked[0])), expected, "keras", precision)
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
        error = _compare(served(**asked)[output].numpy(), expected, "savedmodel", precision)
        if step is not None and stream is not None:
            error = max(
                error, _compare_steps(lambda given: kept["step"](**given), step, stream, "savedmodel", precision)
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
        error = _compare_steps(
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


def _compare_steps(
    ask: Callable[[dict[str, Any]], dict[str, Any]],
    step: Step,
    stream: tuple[Arrays, Ragged],
    format: Format,
    precision: str,
) -> float:
    """Each row alone, input by input, beside the run's answers to the whole row."""
    inputs, expected = stream
    got, length = [], expected.take(np.arange(min(len(expected), ROWS_STREAMED))).cut(STREAMED)
    for row, steps in enumerate(length.lengths):
        states: dict[str, Any] = {name: tf.zeros((1, spec.shape[1]), spec.dtype) for name, spec in step.states.items()}
        for t in range(steps):
            given = {name: tf.constant(inputs[name][row : row + 1, t]) for name in step.inputs}
            answer = ask(given | states)
            states = {name: answer[name] for name in states}
            got.append(np.asarray(answer["outputs"])[0])
    return _compare(np.stack(got), length.values, format, precision)


def _compare(got: np.ndarray, expected: np.ndarray | Ragged | list[str], format: Format, precision: str) -> float:
    """The greatest difference of two numbers, or the share of texts that differ, of which none may."""
    if isinstance(expected, list):
        error = float(np.mean([text.decode() != wanted for text, wanted in zip(got.tolist(), expected, strict=True)]))
        if error:
            raise ExportError(
                f"The {format} artefact writes another text than the run for {error:.1%} of {len(expected)} real rows, "
                "so it was not kept. Please report this with the run's run.json."
            )
        return error
    if isinstance(expected, Ragged):
        got = np.concatenate([got[row, :steps] for row, steps in enumerate(expected.lengths)])
        expected = expected.values
    error = float(np.max(np.abs(got.astype(np.float64) - expected))) if got.shape == expected.shape else float("inf")
    bound = TOLERANCE[precision] * max(1.0, float(np.max(np.abs(expected))))
    if not error <= bound:
        raise ExportError(
            f"The {format} artefact differs from the run by {error:.2g} on {len(expected)} real rows (at most "
            f"{bound:.0e} is allowed), so it was not kept. Please report this with the run's run.json."
        )
    return error


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
