"""Artefacts that run without seqkit, compared with the run."""

__all__ = [
    "artefact",
    "card",
    "description",
    "graphs",
    "keras_file",
    "litert",
    "onnx_file",
    "onnx_graph",
    "onnx_layers",
    "onnx_primitives",
    "onnx_recurrent",
    "parity",
    "portable",
    "savedmodel",
    "serving",
    "step",
    "subject",
    "vectors",
]
