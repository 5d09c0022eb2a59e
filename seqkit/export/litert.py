"""The streaming step alone, for a device."""

import tempfile
from typing import Any

import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.graphs import Graph, Written
from seqkit.export.subject import Subject, unquantised


def export_litert(subject: Subject) -> list[Written]:
    """Write the streaming step of one stream as a LiteRT file of built-in operations alone.

    Raises:
        InputError: There is no streaming step.
    """
    unquantised(subject, "litert", "leave --quantize out.")
    if not subject.step:
        raise InputError("litert holds the streaming step: give --step, or export savedmodel.")
    graph = subject.graphs["step"]
    path = subject.folder / "step.tflite"
    path.write_bytes(_converted(graph))
    operations = sorted({detail["op_name"] for detail in _interpreter(path)._get_ops_details()} - {"DELEGATE"})
    return [Written("step", path, tuple(operations), {"batch": 1})]


def _converted(graph: Graph) -> bytes:
    concrete = graph.concrete(batch=1)
    module = tf.Module()
    module.kept = graph.model.variables
    with tempfile.TemporaryDirectory() as saved:  # from which alone the converter takes the signature's names
        tf.saved_model.save(module, saved, signatures={graph.name: concrete})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[graph.name])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        content: bytes = converter.convert()
    return content


def _interpreter(path: Any) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise InputError("The litert format needs its interpreter: pip install 'seqkit[litert]'.") from None
    return Interpreter(str(path), num_threads=1)
