"""Test vectors: real inputs with what a run makes of them, as JSON that any language reads."""

import base64
from typing import Any

import numpy as np

from seqkit.export.subject import Case

Outputs = dict[str, dict[str, np.ndarray]]  # graph -> output -> values, without an axis of rows


def as_json(case: Case, outputs: Outputs) -> dict[str, Any]:
    """A case: "inputs" as a user gives them, "graph_inputs" and "graph_outputs" by graph and name, and "answer".

    Args:
        outputs: Those that are kept.
    """
    return {
        "inputs": _plain(case.inputs),
        "graph_inputs": {name: tensor(values) for name, values in case.arrays.items()},
        "graph_outputs": {
            graph: {name: tensor(values) for name, values in named.items()} for graph, named in outputs.items()
        },
        "answer": case.answer,
    }


def tensor(values: np.ndarray) -> dict[str, Any]:
    """An array: its type, its shape, and its bytes, little-endian, row by row, in base64."""
    data = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": base64.b64encode(data.tobytes()).decode()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {field: _plain(one) for field, one in value.items()}
    return tensor(value) if isinstance(value, np.ndarray) else value
