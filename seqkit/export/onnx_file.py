"""ONNX: a model of the standard's own operators, for any runtime that reads it."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.export.graphs import Graph, Written
from seqkit.export.onnx_graph import OPSET, Builder, Value, onnx_package
from seqkit.export.onnx_layers import Walk
from seqkit.export.subject import Subject

AFTER = "_after"  # ends the name of an output that is a state after the step: an input has the state's own


def export_onnx(subject: Subject) -> list[Written]:
    """Write the graphs as ONNX, with ONNX's own LSTM, GRU and RNN where the cells are these.

    Raises:
        InputError: There is something that ONNX, or what is written here, can't hold; nothing was written.
    """
    onnx_package()
    models = {name: onnx_model(graph, quantize=subject.quantize) for name, graph in subject.graphs.items()}
    written = []
    for name, model in models.items():
        graph, path = subject.graphs[name], subject.folder / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        outputs = {output_name(graph, output): spec for output, spec in graph.outputs.items()}
        written.append(Written(name, path, operators_of(model), {"opset": OPSET}, outputs=outputs))
    return written


def output_name(graph: Graph, output: str) -> str:
    """Of a graph's output in the file."""
    return f"{output}{AFTER}" if output in graph.inputs else output


def onnx_model(graph: Graph, *, quantize: str = "none") -> Any:
    """A graph as an ONNX model, checked, of any batch and any number of steps.

    Args:
        quantize: "float16" stores weights of several axes in half precision and computes in float32. "int8" stores them as
            int8 with a scale for each unit or filter, of a table for each row, and computes in float32. "dynamic" does
            so too, and multiplies in integers what goes into dense layers, and, in a step and in cells that ONNX doesn't
            name, into recurrent ones: each row of it with a scale that is found as it comes.
    Raises:
        InputError: Something can't be held, or the package onnx is not there.
    """
    builder = Builder(quantize)
    model, stepped = graph.model, set()
    if graph.stepwise:
        stepped = {one.name for one in model.inputs if len(one.shape) > len(graph.inputs[one.name].shape)}
        model = _of_one_step(model, stepped)
    outside = builder.tensor
    read = "places" if graph.name == "decoder" else "steps"
    said = "places" if graph.name in ("encoder", "decoder") else "steps"
    inputs = [outside(name, spec.dtype.as_numpy_dtype, _axes(spec, read)) for name, spec in graph.inputs.items()]
    given: list[Value] = [
        builder.add("Unsqueeze", one.name, np.array([1])) if one.name in stepped else one.name for one in model.inputs
    ]
    walk = Walk(builder, states=_states(graph))
    found = [
        builder.add("Squeeze", value, np.array([1])) if stepped and place < _ANSWERS[graph.name] else value
        for place, value in enumerate(walk.model(model, given))
    ]
    found += [after for layer in walk.states for after in walk.after[layer]]
    names = {output: output_name(graph, output) for output in graph.outputs}
    outputs = [
        outside(names[name], spec.dtype.as_numpy_dtype, _axes(spec, said)) for name, spec in graph.outputs.items()
    ]
    return builder.model(graph.name, inputs, outputs, dict(zip(names.values(), map(builder.name, found), strict=True)))


_ANSWERS = {"step": 1, "decoder": 2}  # outputs of a step that are no states


def _of_one_step(model: keras.Model, stepped: set[str]) -> keras.Model:
    """The same layers, of inputs of which these have one step."""
    inputs = [
        keras.Input((1, *one.shape[2:]) if one.name in stepped else one.shape[1:], dtype=one.dtype, name=one.name)
        for one in model.inputs
    ]
    given = inputs if len(inputs) > 1 else inputs[0]
    return keras.models.clone_model(model, input_tensors=given, clone_function=lambda layer: layer)


def _states(graph: Graph) -> dict[str, list[Value]]:
    """Of the layers that take theirs from the graph's inputs."""
    own = {tensor.name for tensor in graph.model.inputs}
    states: dict[str, list[Value]] = {}
    for name in graph.inputs:
        if name not in own:
            states.setdefault(name.rpartition("_state_")[0], []).append(name)
    return states


def _axes(spec: tf.TensorSpec, steps: str) -> list[int | str]:
    """The axes of a tensor, the open one behind the batch by the name that is given.

    Axes of one name are taken to be as long, and may share memory: so what a pyramid makes of its steps has another.
    """
    return ["batch" if axis == 0 else steps if size is None else size for axis, size in enumerate(spec.shape)]


def operators_of(model: Any) -> tuple[str, ...]:
    """The operators of a model and of its bodies."""

    def within(graph: Any) -> set[str]:
        found = {node.op_type for node in graph.node}
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    found |= within(attribute.g)
        return found

    return tuple(sorted(within(model.graph)))
