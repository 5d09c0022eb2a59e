"""Validation inputs kept in a run folder, on which its exports are compared with it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.sources.images import ImageRef

ROWS = 200  # texts and images
ARRAYS, FRAMES = 8, 128  # recordings take more room: so many, and of each the first so many frames


def write_samples(folder: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Keep the first inputs.

    Texts and tuples of tokens lie in samples.jsonl, arrays and what turns into one in samples.npz; where there is more than
    one field the file is called samples_FIELD.

    Args:
        columns: Field -> values.
    """
    kept = min(ARRAYS if _of_frames(values[0]) else ROWS for values in columns.values())
    for field, values in columns.items():
        path = folder / _stem(field, columns)
        if isinstance(values[0], str | tuple):
            with open(path.with_suffix(".jsonl"), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(value) + "\n" for value in values[:kept])
        else:
            arrays = (np.asarray(value[:FRAMES] if _of_frames(value) else value) for value in values[:kept])
            np.savez_compressed(path.with_suffix(".npz"), *arrays)


def read_samples(folder: Path, fields: Sequence[str]) -> dict[str, list[Any]]:
    """What `write_samples` kept of these fields.

    Raises:
        InputError: A file is not there.
    """
    return {field: _read(folder / _stem(field, fields)) for field in fields}


def _read(path: Path) -> list[Any]:
    texts, arrays = path.with_suffix(".jsonl"), path.with_suffix(".npz")
    if texts.exists():
        values = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines()]
        return [tuple(value) if isinstance(value, list) else value for value in values]
    if arrays.exists():
        with np.load(arrays, allow_pickle=False) as kept:
            return [kept[name] for name in kept.files]
    raise InputError(
        f"{path.parent} has neither {texts.name} nor {arrays.name}, on which an export is compared: train again."
    )


def _stem(field: str, fields: Sequence[str] | Mapping[str, Any]) -> str:
    return "samples" if len(fields) == 1 else f"samples_{field}"


def _of_frames(value: Any) -> bool:
    return not isinstance(value, str | tuple | ImageRef)
