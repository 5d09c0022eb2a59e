"""The state of a training as one file, which is there whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np


def write_checkpoint(path: Path, state: dict[str, Any], arrays: list[np.ndarray], best: list[np.ndarray]) -> None:
    """Write a few numbers, the variables and the best weights so far; an older file stays until the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    contents = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
    contents |= {f"array_{number}": array for number, array in enumerate(arrays)}
    contents |= {f"best_{number}": array for number, array in enumerate(best)}
    with open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **contents)
    os.replace(part, path)


def read_checkpoint(path: Path) -> tuple[dict[str, Any], list[np.ndarray], list[np.ndarray]]:
    """The inverse of `write_checkpoint`."""
    with np.load(path, allow_pickle=False) as kept:
        state = json.loads(kept["state"].tobytes())
        lists = [
            [kept[f"{kind}_{number}"] for number in range(sum(name.startswith(f"{kind}_") for name in kept.files))]
            for kind in ("array", "best")
        ]
    return state, lists[0], lists[1]
