"""Validation inputs kept in a run folder, on which its exports are compared with it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.errors import InputError

TEXTS = 200
ARRAYS, FRAMES = 8, 128  # recordings take more room: so many, and of each the first so many frames


def write_samples(folder: Path, values: Sequence[Any]) -> None:
    """Keep the first inputs: texts and tuples of tokens in samples.jsonl, arrays and what turns into one in samples.npz."""
    if isinstance(values[0], str | tuple):
        with open(folder / "samples.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(value) + "\n" for value in values[:TEXTS])
    else:
        np.savez_compressed(folder / "samples.npz", *(np.asarray(value[:FRAMES]) for value in values[:ARRAYS]))


def read_samples(folder: Path) -> list[Any]:
    """What `write_samples` kept.

    Raises:
        InputError: Neither file is there.
    """
    texts, arrays = folder / "samples.jsonl", folder / "samples.npz"
    if texts.exists():
        values = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines()]
        return [tuple(value) if isinstance(value, list) else value for value in values]
    if arrays.exists():
        with np.load(arrays, allow_pickle=False) as kept:
            return [kept[name] for name in kept.files]
    raise InputError(
        f"{folder} has neither {texts.name} nor {arrays.name}, on which an export is compared: train again."
    )
