"""LiteRT files of built-in operations alone, for phones and smaller machines.

A file holds one graph for one row, of any length: the runner asks row by row, so that nothing need be padded.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import ExportError, InputError
from seqkit.export.graphs import Graph, Tensors, Written
from seqkit.export.subject import Arrays, Quantize, Subject
from seqkit_runner.backends import LiteGraph

TOLERANCE = 1e-5  # of an output, or of its size where that is above 1; of a file that isn't quantised
PLACES = (1, 7)  # lengths at which a file is compared with its graph


def export_litert(subject: Subject) -> list[Written]:
    """Write each graph as a LiteRT file of built-in operations, GRAPH.tflite.

    Raises:
        InputError: LiteRT's package isn't installed; there is no streaming step where it is wanted; or a layer computes with
            an operation that LiteRT hasn't built in.
        ExportError: A file answers otherwise than its graph.
    """
    _check_runtime()
    return [write_graph(graph, subject.folder, subject.quantize) for graph in subject.graphs.values()]


def write_graph(graph: Graph, folder: Path, quantize: Quantize = "none") -> Written:
    """Write one graph and compare the file with it.

    With "float16" weights take half the room, and are made float32 again before they are used. With "dynamic" and "int8"
    they are int8, and what they are multiplied with is made int8 as it comes, so that products are of integers; all between
    them, the states included, stays float32, for a state of 8 bits would drift. With "dynamic" each output channel has a
    scale of its own; with "int8" a whole matrix shares one, since those of the channels are a tenth of a file at 128 units.

    Args:
        folder: Where GRAPH.tflite goes.
    Raises:
        InputError, ExportError: As `export_litert`.
    """
    _unroll(graph)
    content = _without_names(_converted(graph, quantize))
    path = folder / f"{graph.name}.tflite"
    path.write_bytes(content)
    operations = operations_of(content)
    _refuse(graph, [name for name in operations if not name.isupper()])
    _compare(graph, path, quantize)
    facts: dict[str, Any] = {"batch": 1, "signature": graph.name}
    if quantize != "none":
        facts |= {"weights": "float16" if quantize == "float16" else "int8", "activations": "float32"}
    return Written(graph.name, path, operations, facts)


def operations_of(content: bytes) -> tuple[str, ...]:
    """The operations of a LiteRT file, those in its loops too: built-in ones in capitals, others by their own names."""
    schema = _schema()
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    codes = [model.operatorCodes[operator.opcodeIndex] for part in model.subgraphs for operator in part.operators]
    found = {
        code.customCode.decode() if code.customCode else names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        for code in codes
    }
    return tuple(sorted(found))


def lite_graph(path: Path) -> Callable[..., Arrays]:
    """A LiteRT file as a function of arrays by name, on one thread: a step of a stream is too small to share."""
    ask = LiteGraph(path.read_bytes())
    return lambda **given: dict(ask(given))


def _check_runtime() -> None:
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        raise InputError("The litert format needs its interpreter: pip install 'seqkit[litert]'.") from None


def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def _unroll(graph: Graph) -> None:
    """No loops where the number of steps is known: those of a step are one, those of a spelling as many as its characters.

    The converter wants a loop's batch known, and a spelling's is the number of words.
    """
    for layer in graph.model._flatten_layers():
        if not isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) or not layer._inbound_nodes:
            continue
        if graph.stepwise or layer._inbound_nodes[0].input_tensors[0].shape[1] is not None:
            for one in [layer.forward_layer, layer.backward_layer] if hasattr(layer, "backward_layer") else [layer]:
                one.unroll = True


def _converted(graph: Graph, quantize: Quantize) -> bytes:
    """The graph of one row as a LiteRT file with a signature of its name."""
    module = tf.Module()
    module.kept = [variable.value for variable in graph.model.variables]
    with tempfile.TemporaryDirectory() as saved:  # from which alone the converter takes the signature's names
        tf.saved_model.save(module, saved, signatures={graph.name: graph.concrete(batch=1)})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[graph.name])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8":
            converter._experimental_disable_per_channel = True
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        try:
            content: bytes = converter.convert()
        except Exception as error:  # whatever the compiler says of an operation that it doesn't know
            known = re.findall(r"'tf\.(\w+)' op is neither|tf\.(\w+)\(|'tf\.(\w+)' op", str(error))
            _refuse(graph, sorted({name for names in known for name in names if name}) or [type(error).__name__], error)
    return content


def _refuse(graph: Graph, operations: list[str], error: Exception | None = None) -> None:
    if operations:
        raise InputError(
            f"The graph {graph.name} computes with {', '.join(operations)}, which LiteRT hasn't built in: export onnx or "
            "savedmodel."
        ) from error


def _without_names(content: bytes) -> bytes:
    """The same without the names of the tensors between inputs and outputs, which nothing reads and which take as much room
    as a small layer.
    """
    schema = _schema()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for part in model.subgraphs:
        for tensor in part.tensors:
            tensor.name = None
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _compare(graph: Graph, path: Path, quantize: Quantize) -> None:
    """Raise ExportError where the file answers otherwise than the graph, or, quantised, with what is no number."""
    ask, rng = lite_graph(path), np.random.default_rng(0)
    for places in PLACES:
        given = {name: _drawn(spec, places, rng) for name, spec in graph.inputs.items()}
        expected: Tensors = graph(**{name: tf.constant(values) for name, values in given.items()})
        got = ask(**given)
        for name, tensor in expected.items():
            values = tensor.numpy().astype(np.float64)
            error = np.max(np.abs(got[name] - values)) if got[name].shape == values.shape else np.inf
            bound = TOLERANCE * max(1.0, np.max(np.abs(values))) if quantize == "none" else np.finfo(np.float32).max
            if not error <= bound:
                raise ExportError(
                    f"{path.name} differs from the run by {error:.2g} in {name} for {places} steps (at most {bound:.0e} is "
                    "allowed), so it was not kept. Please report this with the run's run.json."
                )


def _drawn(spec: tf.TensorSpec, places: int, rng: np.random.Generator) -> np.ndarray:
    """Values of an input for one row, ids such as every vocabulary has."""
    shape = [1, *(places if size is None else size for size in spec.shape[1:])]
    if spec.dtype.is_integer:
        return rng.integers(1, 4, shape).astype(spec.dtype.as_numpy_dtype)
    return np.ones(shape, bool) if spec.dtype == tf.bool else rng.normal(size=shape).astype(np.float32)
