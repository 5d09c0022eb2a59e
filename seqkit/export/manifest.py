"""manifest.json: what lies in an export folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from seqkit.core.files import read_json, write_json


def note(folder: Path, format: str, target: Path, error: float, rows: int, facts: dict[str, Any]) -> None:
    """Put an artefact's entry into the folder's manifest."""
    path = folder / "manifest.json"
    manifest = read_json(path) if path.exists() else {}
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    manifest[format] = {"path": target.name, "parity_error": error, "parity_rows": rows, "versions": versions} | facts
    write_json(path, manifest)


def described(signature: Any) -> dict[str, dict[str, str]]:
    """Inputs and outputs of a signature by name, with type and shape."""
    return {
        "inputs": {name: _spec(spec) for name, spec in signature.structured_input_signature[1].items()},
        "outputs": {name: _spec(spec) for name, spec in signature.structured_outputs.items()},
    }


def _spec(spec: tf.TensorSpec) -> str:
    return f"{spec.dtype.name} {tuple(spec.shape)}"


def shape_of(shape: Sequence[int | None]) -> str:
    """Of an input: (batch, steps, 20, 20, 1)."""
    sizes = ["steps" if size is None else str(size) for size in shape[1:]]
    return f"({', '.join(['batch', *sizes])})"
