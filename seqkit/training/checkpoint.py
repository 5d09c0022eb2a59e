"""The state of a training: where it stands, and one file of it, which is there whole or not at all."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError, reason_of
from seqkit.core.files import replacing
from seqkit.training.sums import Figures, add_sums

Arrays = list[np.ndarray]


@dataclasses.dataclass
class Position:
    """Where a training stands, beside its variables.

    Attributes:
        epoch: How many are done.
        step: How many are done of the epoch that is under way.
        sums: Over the items of these steps.
        history: A row for each epoch that is done.
    """

    epoch: int = 0
    step: int = 0
    sums: Figures = dataclasses.field(default_factory=dict)
    history: list[Figures] = dataclasses.field(default_factory=list)

    def end_step(self, figures: Figures) -> None:
        """Count a step and what it summed up."""
        add_sums(self.sums, figures)
        self.step += 1

    def end_epoch(self, row: Figures) -> None:
        """Count an epoch and what it came to."""
        self.history.append(row)
        self.epoch, self.step, self.sums = self.epoch + 1, 0, {}


@dataclasses.dataclass(frozen=True)
class Saving:
    """Where a training is saved, and all that changes in it.

    Attributes:
        path: A file, or None to save nothing.
        variables: Of the model, of its optimizer, averages, and states that are carried.
    """

    path: Path | None
    variables: Sequence[tf.Variable]

    def save(self, position: Position, best: Arrays) -> None:
        """Write all down; `best` are the weights of the best epoch."""
        if self.path is not None:
            arrays = [variable.numpy() for variable in self.variables]
            write_checkpoint(self.path, dataclasses.asdict(position), arrays, best)

    def restore(self) -> tuple[Position, Arrays]:
        """The position and the best weights, with the variables as they were.

        Raises:
            InputError: Nothing is saved there, or it is damaged, or of another model.
        """
        if self.path is None or not self.path.exists():
            raise InputError(f"{self.path} does not exist: there is no interrupted training to resume.")
        try:
            kept, arrays, best = read_checkpoint(self.path)
            position = Position(**kept)
            for variable, array in zip(self.variables, arrays, strict=True):
                variable.assign(array)
        except Exception as error:  # whatever NumPy, or a variable, makes of what is no checkpoint of this training
            raise InputError(
                f"{self.path} can't be resumed ({reason_of(error)}): take it from a backup, or train anew with --overwrite."
            ) from error
        return position, best


def write_checkpoint(path: Path, state: dict[str, Any], arrays: Arrays, best: Arrays) -> None:
    """Write a few numbers, the variables and the best weights so far; an older file stays until the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
    contents |= {f"array_{number}": array for number, array in enumerate(arrays)}
    contents |= {f"best_{number}": array for number, array in enumerate(best)}
    with replacing(path) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **contents)


def read_checkpoint(path: Path) -> tuple[dict[str, Any], Arrays, Arrays]:
    """The inverse of `write_checkpoint`."""
    with np.load(path, allow_pickle=False) as kept:
        state = json.loads(kept["state"].tobytes())
        lists = [
            [kept[f"{kind}_{number}"] for number in range(sum(name.startswith(f"{kind}_") for name in kept.files))]
            for kind in ("array", "best")
        ]
    return state, lists[0], lists[1]
