"""The model file, for plain Keras."""

import shutil
from pathlib import Path

import keras
import numpy as np

from seqkit.core.files import replacing
from seqkit.export.manifest import note, shape_of
from seqkit.export.parity import compare_outputs
from seqkit.export.subject import Subject


def export_keras(subject: Subject) -> Path:
    """Copy a run's model file once Keras has opened it and answered as the run does.

    Raises:
        ExportError: It answers otherwise.
    """
    target = subject.folder / "model.keras"
    with replacing(target) as part:
        shutil.copyfile(subject.source, part)
        copy = part.with_suffix(".check.keras")  # Keras goes by the suffix
        shutil.copyfile(part, copy)
        try:
            model = keras.saving.load_model(copy, compile=False)
        finally:
            copy.unlink()
        inputs = list(subject.inputs.values())
        answers = np.asarray(model(inputs if len(inputs) > 1 else inputs[0]))
        error = compare_outputs(answers, subject.outputs, "keras", subject.precision)
    specs = {tensor.name: f"{tensor.dtype} {shape_of(tensor.shape)}" for tensor in model.inputs}
    outputs = f"logits, float32 {tuple(model.output_shape)}"
    note(subject.folder, "keras", target, error, len(subject.outputs), {"inputs": specs, "outputs": outputs})
    return target
