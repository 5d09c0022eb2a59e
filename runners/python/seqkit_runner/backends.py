"""Graphs, plain functions of named arrays, in the runtime that their format asks for, which is imported only then."""

import contextlib
import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqkit_runner.errors import ArtefactError
from seqkit_runner.formats import FORMATS

Arrays = dict[str, np.ndarray]
AFTER = "_after"  # ends the name of a state that a step gives, where a format wants two names for it
MOST = 2**26  # numbers of a row of a tensor, as far as its sizes are fixed
_INSTALL = {"onnxruntime": "onnxruntime", "ai_edge_litert": "ai-edge-litert", "keras": "keras tensorflow"}


class Tensor(NamedTuple):
    """An input or an output.

    Attributes:
        shape: Sizes, and names for those that are open: "batch", then "steps" or "places".
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @property
    def steps(self) -> bool:
        """Whether it has an axis of steps, which is the second one."""
        return len(self.shape) > 1 and isinstance(self.shape[1], str)


class Graph:
    """A graph of an artefact.

    Attributes:
        inputs, outputs: By name; a state that comes out has the name under which it goes in.
        batch: Rows that it takes at once; None for any.
    """

    def __init__(self, value: Mapping[str, Any], run: Callable[[Arrays], Mapping[str, Any]]):
        self._run = run
        self.batch: int | None = value.get("batch")
        self.inputs = {tensor.name: tensor for tensor in map(_tensor, value["inputs"])}
        self._names = {one["name"]: _same(one["name"], self.inputs) for one in value["outputs"]}
        self.outputs = {self._names[tensor.name]: tensor for tensor in map(_tensor, value["outputs"])}

    @property
    def states(self) -> list[str]:
        """Names of what is handed from step to step."""
        return [name for name in self.outputs if name in self.inputs]

    def zeros(self, rows: int) -> Arrays:
        """The states before the first step."""
        tensors = {name: self.inputs[name] for name in self.states}
        return {name: np.zeros((rows, *_sizes(tensor)), tensor.dtype) for name, tensor in tensors.items()}

    def __call__(self, given: Mapping[str, Any]) -> Arrays:
        """What the graph makes of its inputs, each with an axis of rows.

        Raises:
            ArtefactError: An input is missing, or no array of its type and axes.
        """
        missing = self.inputs.keys() - given.keys()
        if missing:
            raise ArtefactError(f"The graph wants {', '.join(sorted(missing))} too.")
        arrays = {name: tensor_of(given[name], tensor) for name, tensor in self.inputs.items()}
        rows = len(next(iter(arrays.values())))
        try:
            if self.batch == 1 and rows != 1:
                alone = [
                    self._run({name: array[row : row + 1] for name, array in arrays.items()}) for row in range(rows)
                ]
                return {new: np.concatenate([one[old] for one in alone]) for old, new in self._names.items()}
            outputs = self._run(arrays)
        except Exception as error:  # whatever a runtime makes of what doesn't fit
            shapes = _listed({name: array.shape for name, array in arrays.items()})
            raise ArtefactError(f"The runtime fails on {shapes} ({_first_line(error)}).") from None
        return {new: np.asarray(outputs[old]) for old, new in self._names.items()}


def _tensor(value: Mapping[str, Any]) -> Tensor:
    tensor = Tensor(value["name"], value["dtype"], tuple(value["shape"]))
    sizes = [size for size in tensor.shape if isinstance(size, int)]
    if any(size < 1 for size in sizes) or math.prod(sizes) > MOST:
        raise ArtefactError(f"manifest.json: {tensor.name} is of shape {tensor.shape}, which no model has.")
    return tensor


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    sizes = tensor.shape[1:]
    if not all(isinstance(size, int) for size in sizes):
        raise ArtefactError(
            f"manifest.json: the state {tensor.name} is of shape {tensor.shape}, where sizes are expected."
        )
    return tuple(int(size) for size in sizes)


def _same(name: str, inputs: Mapping[str, Tensor]) -> str:
    stem = name.removesuffix(AFTER)
    return stem if stem in inputs else name


def tensor_of(value: Any, tensor: Tensor, without: int = 0) -> np.ndarray:
    """A value as an array for a graph.

    Args:
        without: How many of the tensor's axes, from the first on, it lacks.
    Raises:
        ArtefactError: It is none of its type, or has other axes.
    """
    shape = tensor.shape[without:]
    try:
        array = np.asarray(value, object if tensor.dtype == "string" else tensor.dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArtefactError(
            f"The graph's {tensor.name} is no array of {tensor.dtype} ({_first_line(error)}): give one of shape "
            f"{_shown(shape)}."
        ) from None
    if array.ndim != len(shape):
        raise ArtefactError(f"The graph's {tensor.name} is of shape {array.shape}: give one of shape {_shown(shape)}.")
    return array


def _shown(shape: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, shape))})"


Opened = Callable[[Arrays], Mapping[str, Any]]
Place = Callable[[], contextlib.AbstractContextManager[Path]]


def open_graph(
    format: str,
    value: Mapping[str, Any],
    content: Callable[[], bytes],
    place: Place,
    threads: int,
    loaded: dict[str, Any],
) -> Graph:
    """Open a graph.

    Args:
        format: "onnx", "litert", "keras" or "savedmodel".
        value: Of the manifest.
        content: Reads its file.
        place: A context in which it lies on the disk, for runtimes that read nothing else.
        threads: Of the runtime, as far as it can be told.
        loaded: What holds several graphs of the artefact, by its path: each is loaded once.
    Raises:
        ArtefactError: There is no such format, its runtime isn't installed, or can't open the file.
    """
    if format not in _BACKENDS:
        raise ArtefactError(f"Its format is {format!r}: a runner answers for {', '.join(FORMATS)}.")
    try:
        return Graph(value, _BACKENDS[format](value, content, place, threads, loaded))
    except ModuleNotFoundError as error:
        package = _INSTALL.get((error.name or "").partition(".")[0], error.name)
        raise ArtefactError(f"An artefact of {format} needs {error.name}: pip install {package}.") from None
    except ArtefactError:
        raise
    except Exception as error:  # whatever a runtime makes of what it can't read
        raise ArtefactError(f"{value['path']} can't be opened by {format}'s runtime ({_first_line(error)}).") from None


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:200]


def _onnx(
    value: Mapping[str, Any], content: Callable[[], bytes], place: Place, threads: int, loaded: dict[str, Any]
) -> Opened:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    _check(value, "inputs", {one.name: one.shape for one in session.get_inputs()})
    _check(value, "outputs", {one.name: one.shape for one in session.get_outputs()})

    def run(given: Arrays) -> Mapping[str, Any]:
        return dict(zip(names, session.run(names, given), strict=True))

    return run


def _litert(
    value: Mapping[str, Any], content: Callable[[], bytes], place: Place, threads: int, loaded: dict[str, Any]
) -> Opened:
    run = LiteGraph(content(), threads)
    _check(
        value, "inputs", {name: one["shape_signature"].tolist() for name, one in run.ask.get_input_details().items()}
    )
    _check(
        value, "outputs", {name: one["shape_signature"].tolist() for name, one in run.ask.get_output_details().items()}
    )
    return run


class LiteGraph:
    """The one signature of a LiteRT file as a function of arrays by name.

    Its interpreter is opened anew for other shapes than those of the call before, which takes a tenth of a millisecond: one
    that is resized after it was asked now and then answers by what is left in its memory (ai-edge-litert 2.3, with the
    delegate XNNPACK, which it uses unless told otherwise; 4 of 100 decoders with input feeding, from 1 place to 7).
    """

    def __init__(self, content: bytes, threads: int = 1):
        self._content, self._threads = content, threads
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.ask = self._opened()

    def _opened(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self._content, num_threads=self._threads)
        (signature,) = interpreter.get_signature_list()
        return interpreter.get_signature_runner(signature)

    def __call__(self, given: Arrays) -> Mapping[str, Any]:
        shapes = {name: array.shape for name, array in given.items()}
        if self._shapes not in ({}, shapes):
            self.ask = self._opened()
        self._shapes = shapes
        answers: Mapping[str, Any] = self.ask(**given)
        return answers


def _keras(
    value: Mapping[str, Any], content: Callable[[], bytes], place: Place, threads: int, loaded: dict[str, Any]
) -> Opened:
    import keras

    with place() as path:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    _check(value, "inputs", {one.name: one.shape for one in model.inputs})
    _check(value, "outputs", {name: one.shape for name, one in model.output.items()})

    def ask(given: Mapping[str, Any]) -> Any:
        return model(given, training=False)

    if (
        keras.backend.backend() == "tensorflow"
    ):  # one graph for all lengths: op by op a row takes a hundred times as long
        import tensorflow as tf

        specs = {one.name: tf.TensorSpec(one.shape, one.dtype, one.name) for one in model.inputs}
        ask = tf.function(ask, input_signature=[specs], autograph=False)
    return lambda given: {name: keras.ops.convert_to_numpy(array) for name, array in ask(dict(given)).items()}


def _savedmodel(
    value: Mapping[str, Any], content: Callable[[], bytes], place: Place, threads: int, loaded: dict[str, Any]
) -> Opened:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    if value["path"] not in loaded:
        with place() as path:
            loaded[value["path"]] = tf.saved_model.load(str(path))
    module = loaded[value["path"]]
    ask = module.signatures[value.get("signature", "serving_default")]

    return functools.partial(_serve, module, ask)


def _serve(module: Any, ask: Callable[..., Mapping[str, Any]], given: Arrays) -> Mapping[str, Any]:
    """Ask a signature; the module holds its variables."""
    import tensorflow as tf

    answers = ask(**{name: tf.constant(array) for name, array in given.items()})
    return {name: tensor.numpy() for name, tensor in answers.items()}


_BACKENDS = dict(zip(FORMATS, (_onnx, _litert, _keras, _savedmodel), strict=True))


def _check(value: Mapping[str, Any], what: str, found: Mapping[str, Sequence[Any]]) -> None:
    """Raise ArtefactError where a file's tensors are others than the manifest says.

    Args:
        found: Name -> shape, with anything but a positive number for a size that is open.
    """
    said = {one["name"]: one["shape"] for one in value[what]}
    same = said.keys() == found.keys() and all(len(said[name]) == len(found[name]) for name in said)
    if not same or not all(
        _fits(*sizes) for name in said for sizes in zip(said[name][1:], found[name][1:], strict=True)
    ):
        raise ArtefactError(
            f"{value['path']} has the {what} {_listed(found)}, manifest.json says {_listed(said)}: take the artefact from "
            "its source again."
        )


def _fits(said: int | str, found: Any) -> bool:
    """Whether a size is as it is said; an axis that is open by its name need not be so in the file."""
    return isinstance(said, str) or not isinstance(found, int) or found < 1 or said == found


def _listed(shapes: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items()) or "none"
