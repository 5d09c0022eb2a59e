"""What a checkpoint holds: the whole state of a training at a step. Files are whole or not there, with a digest inside."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError, reason_of
from seqkit.core.files import replacing
from seqkit.core.progress import notify
from seqkit.training.executor import Executor
from seqkit.training.peers import Peers, seeds_apart
from seqkit.training.sums import Figures

Arrays = list[np.ndarray]
Kind = Literal["step", "best", "rows"]
KEPT = 2  # checkpoints
BLOCK = 256  # epochs of the history, which are a file of their own


@dataclasses.dataclass
class Position:
    """Where a training stands, beside its variables.

    Attributes:
        epoch: How many are done.
        step: How many are done of the epoch that is under way.
        total: How many are done in all.
        sums: Over the items of the epoch's steps.
        seconds: That these took, and
        tokens: How many steps of the answers they held.
        history: A row for each epoch that is done.
        elapsed: Seconds that the training took until then.
        best: The epoch, from 1, whose weights are the best ones; 0 before there is one.
    """

    epoch: int = 0
    step: int = 0
    total: int = 0
    sums: Figures = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    tokens: int = 0
    history: list[Figures] = dataclasses.field(default_factory=list)
    elapsed: float = 0.0
    best: int = 0

    def end_epoch(self, row: Figures) -> None:
        """Count an epoch and what it came to."""
        self.history.append(row)
        self.epoch, self.step, self.sums, self.seconds, self.tokens = self.epoch + 1, 0, {}, 0.0, 0


@dataclasses.dataclass(frozen=True)
class State:
    """All that changes in a training, beside its position.

    Attributes:
        model: That is trained.
        variables: Of the model, its optimizer, and averages.
        executor: With the states that it carries from window to window: of several processes each has those of its slots.
        slots: Of all processes.
        peers: These processes.
    """

    model: keras.Model
    variables: Sequence[tf.Variable]
    executor: Executor
    slots: int
    peers: Peers

    def arrays(self) -> Arrays:
        """All of it, as one process would have it."""
        part = self.peers.part
        seeds_apart(self.model, part, back=True)
        values = [variable.numpy() for variable in self.variables]
        seeds_apart(self.model, part)
        states = []
        for state in self.executor.states:
            slots = np.zeros((self.slots, *state.shape[1:]), state.dtype.as_numpy_dtype)
            slots[part.index :: part.size] = state.numpy()
            states.append(tf.constant(slots))
        return values + [total.numpy() for total in (self.peers.sum(states) if states else [])]

    def assign(self, arrays: Arrays) -> None:
        """Make it that of these arrays.

        Raises:
            ValueError: They are of something else.
        """
        part, states = self.peers.part, self.executor.states
        count = len(self.variables)
        own = [*arrays[:count], *(slots[part.index :: part.size] for slots in arrays[count:])]
        for variable, array in zip([*self.variables, *states], own, strict=True):
            variable.assign(array)
        seeds_apart(self.model, part)

    def average_statistics(self) -> None:
        """What layers note of the batches that they see, such as moving means, becomes the mean over all processes."""
        statistics = [v.value for v in self.model.non_trainable_variables if v.dtype.startswith(("float", "bfloat"))]
        if self.peers.part.size > 1 and statistics:
            for variable, total in zip(statistics, self.peers.sum(statistics), strict=True):
                variable.assign(total / self.peers.part.size)


class Checkpoint:
    """A folder of checkpoints of one training, the last two of them, with the best weights in files of their own.

    So are whole blocks of the history, each written once: the ten thousandth epoch costs what the first did.

    Args:
        folder: Where; it is made as something is saved.
        of: What the training is of, as JSON: one that is resumed has to be of the same.
    """

    def __init__(self, folder: Path, of: Mapping[str, Any]):
        self.folder, self._of = folder, json.loads(json.dumps(of))
        self._sound: set[int] = set()  # epochs whose weights' file was written or read here
        self._blocks: dict[int, list[Figures]] = {}  # of the history, likewise

    def save(self, position: Position, arrays: Arrays, best: Arrays) -> bool:
        """Write all down; where that fails, say so, and leave what there is as it is.

        Args:
            best: The weights of the epoch `position.best`.
        Returns:
            Whether it is written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if position.best and position.best not in self._sound:
                _write(self._file("best", position.best), "{}", best)
                self._sound.add(position.best)
            blocks = self._write_blocks(position.history)
            rest = dataclasses.replace(position, history=position.history[BLOCK * blocks :])
            state = {"of": self._of, "blocks": blocks, "position": vars(rest)}
            _write(self._file("step", position.total), json.dumps(state), arrays)
        except OSError as error:
            steps = self.steps()
            there = f"the one of step {steps[-1]:,} is kept" if steps else "there is none"
            notify(f"The checkpoint of step {position.total:,} can't be written ({error.strerror}): {there}.")
            return False
        keep_last(self.folder, KEPT)
        return True

    def steps(self) -> list[int]:
        """The steps of which there are checkpoints, ascending."""
        return [int(path.stem.removeprefix("step-")) for path in numbered(self.folder, "step")]

    def latest(self) -> tuple[Position, Arrays, Arrays]:
        """The newest one that is whole: the position, the variables, and the best weights (nothing before there are any).

        Raises:
            InputError: There is none, or it is of another training.
        """
        steps = self.steps()
        if not steps:
            raise InputError(f"{self.folder} holds no checkpoint: there is no interrupted training to resume.")
        for step in reversed(steps):
            path = self._file("step", step)
            try:
                state, arrays = _read(path)
                position, blocks = Position(**state["position"]), self._read_blocks(state.get("blocks", 0))
                position.history = [row for block in blocks for row in block] + position.history
                best = _read(self._file("best", position.best))[1] if position.best else []
            except Exception as error:  # whatever NumPy makes of what is no such archive
                rest = "the one before it is taken" if step != steps[0] else "and there is none before it"
                notify(f"{path} is damaged ({reason_of(error)}): {rest}.")
                continue
            self._check_same(state["of"])
            self._sound, self._blocks = {position.best}, dict(enumerate(blocks))
            return position, arrays, best
        raise InputError(
            f"{self.folder} can't be resumed, since its checkpoints are damaged: take it from a backup, or train anew with "
            "--overwrite."
        )

    def _write_blocks(self, history: list[Figures]) -> int:
        """Write those of a history that aren't there; how many it has."""
        count = len(history) // BLOCK
        for number in range(count):
            rows = history[number * BLOCK : (number + 1) * BLOCK]
            if self._blocks.get(number) != rows:
                _write(self._file("rows", number), json.dumps(rows), [])
                self._blocks[number] = rows
        return count

    def _read_blocks(self, count: int) -> list[list[Figures]]:
        return [_read(self._file("rows", number))[0] for number in range(count)]

    def _check_same(self, before: Mapping[str, Any]) -> None:
        others = [
            f"{name} was {before.get(name)}, now {value}"
            for name, value in self._of.items()
            if before.get(name) != value
        ]
        if others:
            raise InputError(
                f"{self.folder} is of another training: {'; '.join(others)}. Resume it with the same settings and data, or "
                "train anew."
            )

    def _file(self, kind: Kind, number: int) -> Path:
        return self.folder / f"{kind}-{number}.npz"


def gone_on(checkpoint: Checkpoint | None, *, resume: bool) -> tuple[Position, Arrays, Arrays] | None:
    """What a training goes on from, as `Checkpoint.latest` has it; None where it is to start.

    Raises:
        InputError: There is nothing to resume; or a new training would mix its checkpoints with another's, of which the
            newest in steps are kept.
    """
    if resume and checkpoint is None:
        raise InputError("There is nothing to resume: give the training the folder of its checkpoint.")
    if checkpoint is None:
        return None
    if resume:
        return checkpoint.latest()
    if steps := checkpoint.steps():
        raise InputError(
            f"{checkpoint.folder} holds the checkpoints of a training, up to step {steps[-1]:,}: go on with that one "
            "(resume), or give another folder."
        )
    return None


def numbered(folder: Path, kind: Kind) -> list[Path]:
    """The files of a kind in a folder of checkpoints, by their numbers."""
    found = [(re.fullmatch(rf"{kind}-(\d+)\.npz", path.name), path) for path in folder.glob(f"{kind}-*.npz")]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def keep_last(folder: Path, count: int) -> None:
    """Drop all checkpoints but the last ones, which go back to as many of the last best weights at most."""
    dropped: tuple[Kind, ...] = ("step", "best")
    for kind in dropped:
        for path in numbered(folder, kind)[:-count]:
            path.unlink()


def as_kept(arrays: Arrays) -> Arrays:
    """What NumPy's files hold of arrays: bfloat16, of which they keep the bytes but not the type, as float32, exactly."""
    return [array.astype(np.float32) if array.dtype == tf.bfloat16.as_numpy_dtype else array for array in arrays]


def _write(path: Path, state: str, arrays: Arrays) -> None:
    contents = {"state": np.frombuffer(state.encode(), np.uint8)}
    contents |= {f"array_{number}": array for number, array in enumerate(as_kept(arrays))}
    with replacing(path) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, digest=_digest(list(contents.values())), **contents)


def _read(path: Path) -> tuple[Any, Arrays]:
    """The inverse of `_write`.

    Raises:
        Exception: It holds something else than was written.
    """
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:  # NumPy leaves open what is cut
        state = kept["state"]
        arrays = [kept[f"array_{number}"] for number in range(len(kept.files) - 2)]
        if kept["digest"].tobytes() != _digest([state, *arrays]).tobytes():
            raise ValueError("its digest is another")
    return json.loads(state.tobytes()), arrays


def _digest(arrays: Arrays) -> np.ndarray:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.dtype.str, array.shape)).encode() + array.tobytes())
    return np.frombuffer(digest.digest(), np.uint8)
