"""Proof: an artefact that answers otherwise than its run is not kept, and what was there before stays."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from seqkit.core.errors import ExportError
from seqkit.core.registry import exporters


def heavier(model):
    """One weight of the output layer."""
    last = model.graph.initializer[-1]
    values = numpy_helper.to_array(last).copy()
    values.flat[0] += 0.1
    last.CopyFrom(numpy_helper.from_array(values, last.name))


def unmasked(model):
    """Recurrent layers read padding."""
    for node in model.graph.node:
        if node.op_type in ("LSTM", "GRU", "RNN"):
            node.input[4] = ""


def swapped(model):
    """Blue for red in the first convolution."""
    name = next(node.input[1] for node in model.graph.node if node.op_type == "Conv")
    kernel = next(one for one in model.graph.initializer if one.name == name)
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel)[:, ::-1].copy(), name))


def upended(model):
    """Scales of weights that were made int8, with their signs turned."""
    for one in model.graph.initializer:
        values = numpy_helper.to_array(one)
        if values.dtype == np.float32 and (values > 0).all():
            one.CopyFrom(numpy_helper.from_array(-values, one.name))


DAMAGES = {
    "sentiment": {"none": (heavier, unmasked), "int8": (upended,)},
    "question_answering": {"none": (swapped,)},
}


def test_a_damaged_graph_is_not_kept(run, case, tmp_path, monkeypatch):
    export = exporters.find("onnx")
    for quantize, damages in DAMAGES.get(case.name, {}).items():
        folder = run.export("onnx", to=tmp_path / quantize, quantize=quantize)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        for damage in damages:

            def damaged(subject, damage=damage):
                written = export(subject)
                model = onnx.load(written[0].path)
                damage(model)
                onnx.save(model, written[0].path)
                return written

            with monkeypatch.context() as patch:
                patch.setattr("seqkit.export.onnx_file.export_onnx", damaged)
                with pytest.raises(ExportError, match="not kept"):
                    run.export("onnx", to=folder, quantize=quantize)
            assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
