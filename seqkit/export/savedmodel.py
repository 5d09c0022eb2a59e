"""Raw inputs in, answers out, and the streaming step, for TensorFlow."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.graphs import Written, step_graph
from seqkit.export.subject import Subject, unquantised
from seqkit.recurrence.stateful import streams


def export_savedmodel(subject: Subject) -> list[Written]:
    """Write what serves a run as a SavedModel.

    Its signatures are "serving_default", which "serve" is too; "serve_tokens" of a tagger; "generate" of what writes, with
    the beam, the temperature, the length and the seed as inputs; and "step", where there is a streaming step.

    Raises:
        InputError: The streaming step alone is wanted, or other weights.
    """
    unquantised(subject, "savedmodel", "export litert or onnx.")
    if subject.step:
        raise InputError("savedmodel holds the streaming step beside the rest: leave --step out.")
    module = subject.serve(subject.model)
    traced = {
        name: getattr(module, name).get_concrete_function()
        for name in ("serve", "serve_tokens", "generate")
        if hasattr(module, name)
    }
    signatures = {"serving_default": traced["serve"]} | traced
    if subject.in_step and streams(subject.model):
        signatures["step"] = step_graph(subject.model).concrete()
    target = subject.folder / "savedmodel"
    try:
        tf.saved_model.save(_held(module, subject.model, traced), str(target), signatures=signatures)
    except tf.errors.OpError as failure:  # TensorFlow's own word for a full disk, among others
        raise OSError(f"{target} can't be written: {str(failure.message).splitlines()[0]}") from None
    graphs = [signature.graph for signature in signatures.values()]
    operations = {node.type for graph in graphs for node in graph.get_operations()}
    operations |= {
        node.op for graph in graphs for function in graph.as_graph_def().library.function for node in function.node_def
    }
    return [
        Written(
            name,
            target,
            tuple(sorted(operations)),
            {"signature": name},
            {spec.name: spec for spec in tf.nest.flatten(signature.structured_input_signature)},
            dict(signature.structured_outputs),
        )
        for name, signature in signatures.items()
    ]


def _held(module: tf.Module, model: keras.Model, traced: Mapping[str, Any]) -> tf.Module:
    """What a module's graphs read, and these as they were traced: `save` traces each function that it finds once more, also
    those that others call.
    """
    held = tf.Module()
    held.weights = [variable.value for variable in model.variables]
    for name, value in {**vars(module), **traced}.items():  # but for what TensorFlow itself keeps in a module
        if not (name.startswith("_") or isinstance(value, keras.Model | tf.types.experimental.PolymorphicFunction)):
            setattr(held, name, value)
    return held
