"""The streaming step alone, for a device."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.files import replacing
from seqkit.core.ragged import Ragged
from seqkit.export.manifest import described, note
from seqkit.export.parity import compare_steps
from seqkit.export.step import Arrays, Step
from seqkit.export.subject import Subject


def export_litert(subject: Subject) -> Path:
    """Write the streaming step of one stream as a LiteRT file of built-in operations alone, read it back and compare.

    Raises:
        InputError: There is no streaming step.
        ExportError: It answers otherwise than the run.
    """
    if subject.step is None:
        raise InputError(
            f"{subject.name} has no streaming step, which litert holds: that takes an answer at every step and "
            "stack.bidirectional off. Export savedmodel."
        )
    return write_step(subject.step, subject.folder, subject.stream, precision=subject.precision)


def write_step(step: Step, folder: Path, stream: tuple[Arrays, Ragged], *, precision: str) -> Path:
    """The same for any step.

    Args:
        step: Of a model.
        folder: Where to write; its manifest.json gets an entry.
        stream: The model's inputs by name, (rows, steps, ...), and its own outputs, ragged.
        precision: Keras's dtype policy.
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
    facts = {"signatures": {"step": described(concrete)}, "ops": ops}
    note(folder, "litert", target, error, len(stream[1]), facts)
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
