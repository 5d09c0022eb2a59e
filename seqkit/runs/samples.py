"""Validation inputs kept in a run folder, on which its exports are compared with it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from typeguard import CollectionCheckStrategy, check_type

from seqkit.core.errors import InputError, reason_of
from seqkit.runs.contents import RESTORE, file_of
from seqkit.sources.pixels import ImageRef

ALL_ITEMS = CollectionCheckStrategy.ALL_ITEMS
ROWS = 200  # texts and images
ARRAYS, FRAMES = 8, 128  # recordings take more room: so many, and of each the first so many frames


def write_samples(folder: Path, columns: Mapping[str, Sequence[Any]]) -> list[Path]:
    """Keep the first inputs; returns the files.

    Texts and tuples of tokens lie in samples.jsonl, arrays and what turns into one in samples.npz; where there is more than
    one field the file is called samples_FIELD.

    Args:
        columns: Field -> values.
    """
    kept = min(ARRAYS if _of_frames(values[0]) else ROWS for values in columns.values())
    written = []
    for field, values in columns.items():
        path = folder / _stem(field, columns)
        if isinstance(values[0], str | tuple):
            written.append(path.with_suffix(".jsonl"))
            with open(written[-1], "w", encoding="utf-8") as file:
                file.writelines(json.dumps(value) + "\n" for value in values[:kept])
        else:
            written.append(path.with_suffix(".npz"))
            arrays = (np.asarray(value[:FRAMES] if _of_frames(value) else value) for value in values[:kept])
            np.savez_compressed(written[-1], *arrays)
    return written


def read_samples(folder: Path, info: Mapping[str, Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    """What `write_samples` kept of these fields.

    Args:
        info: run.json.
    Raises:
        InputError: A file is not there, or damaged.
    """
    return {field: _read(folder, info, _stem(field, fields)) for field in fields}


def _read(folder: Path, info: Mapping[str, Any], stem: str) -> list[Any]:
    texts, arrays = f"{stem}.jsonl", f"{stem}.npz"
    if not any((folder / name).exists() for name in (texts, arrays)):
        raise InputError(f"{folder} has neither {texts} nor {arrays}, on which an export is compared: {RESTORE}")
    path = file_of(folder, info, texts if (folder / texts).exists() else arrays)
    try:
        if path.name == texts:
            values = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            values = [tuple(value) if isinstance(value, list) else value for value in values]
            return list(check_type(values, list[str] | list[tuple[str, ...]], collection_check_strategy=ALL_ITEMS))
        with np.load(path, allow_pickle=False) as kept:
            return [kept[name] for name in kept.files]
    except Exception as error:  # whatever NumPy makes of what it didn't write
        raise InputError(f"{path} can't be read ({reason_of(error)}): {RESTORE}") from None


def _stem(field: str, fields: Sequence[str] | Mapping[str, Any]) -> str:
    return "samples" if len(fields) == 1 else f"samples_{field}"


def _of_frames(value: Any) -> bool:
    return not isinstance(value, str | tuple | ImageRef)
