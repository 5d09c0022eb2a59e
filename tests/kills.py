"""Trainings that are killed, by real signals to real processes, beside one that was left alone.

Each is the command `seqkit train RECIPE ... --resume auto` in a process that has imported TensorFlow but not begun with it,
so that it takes a second instead of ten to get going.
"""

import csv
import dataclasses
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqkit.runs.folder import CHECKPOINT, numbered

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["seqkit.runs.builder", "seqkit.cli.main", "seqkit.report.document"])
SMALL = ["--training.checkpoint-steps", "5", "--training.epochs", "2"]
_READ = ["--embedding.units", "8", "--stack.units", "8"]
_WRITTEN = ["--embedding.units", "8", "--encoder.units", "8", "--decoder.units", "8", "--search.beam", "2"]
COMMANDS = {  # of each recipe, as small as it can be trained on what is built in
    "sentiment": [*_READ, "--training.epoch-steps", "0", "--training.batch-size", "256"],
    "tagging": [*_READ, "--characters", "none", "--training.epoch-steps", "0", "--training.batch-size", "128"],
    "video_frames": ["--encoder.units", "8", "--stack.units", "8", "--training.batch-size", "32"],
    "language_model": [*_READ, "--training.batch-size", "64", "--window", "50"],
    "translation": [*_WRITTEN, "--vocabulary-size", "100", "--training.batch-size", "512"],
    "programs": [*_WRITTEN, "--task", "copying", "--rows", "4000", "--training.batch-size", "128"],
    "question_answering": [*_READ, "--encoder.units", "8", "--training.batch-size", "512"],
    "captioning": [*_WRITTEN[:2], *_WRITTEN[4:], "--encoder.units", "8", "--training.batch-size", "1024"],
}
STATUS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
LONGEST = 600  # seconds that a training may take
TO_SAVE = 10  # seconds that it has to save and leave, on a machine of its own


@dataclasses.dataclass(frozen=True)
class Kill:
    """How a process is to end.

    Attributes:
        by: The signal.
        after: Seconds after it has begun with its folder.
        writing: Whether to wait then until a checkpoint is being written.
        cut: How much of the newest checkpoint is left afterwards, where there is one before it; as a power cut leaves it.
    """

    by: signal.Signals
    after: float
    writing: bool = False
    cut: float = 1.0


@dataclasses.dataclass(frozen=True)
class End:
    """How it ended.

    Attributes:
        status: Of the process; 0 where the signal came too late.
        step: Of its newest checkpoint; -1 where there is none, or the run stands.
        cut: Whether that was cut.
        seconds: From the signal to the end.
    """

    status: int
    step: int
    cut: bool
    seconds: float


def draw_kills(rng: random.Random, count: int, seconds: float) -> list[Kill]:
    """Kills of one run, the moments drawn evenly over the time that it takes alone."""
    moments = sorted(rng.uniform(0, seconds) for _ in range(count))
    gaps = [moment - before for before, moment in zip([0.0, *moments], moments, strict=False)]
    return [
        Kill(
            by=rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]),
            after=gap,
            writing=rng.random() < 0.3,
            cut=rng.choice([1.0, 1.0, rng.random()]),
        )
        for gap in gaps
    ]


def train_alone(arguments: Sequence[str], out: Path) -> float:
    """Train without a kill; the seconds from where there is a folder to the end."""
    process = _started(arguments, out)
    begun = _begun(process, out)
    _ended(process)
    assert process.exitcode == 0, _log(out).read_text()[-2000:]
    return time.monotonic() - begun


def train_and_kill(arguments: Sequence[str], out: Path, kill: Kill) -> End:
    """Train, or go on, until the kill."""
    process = _started(arguments, out)
    begun = _begun(process, out)
    while process.is_alive() and time.monotonic() - begun < kill.after:
        time.sleep(0.005)
    folder = _part(out) / CHECKPOINT
    while kill.writing and process.is_alive() and not any(name.endswith(".partial") for name in _names(folder)):
        pass
    if process.is_alive():
        assert process.pid is not None
        os.kill(process.pid, kill.by)
    sent = time.monotonic()
    _ended(process)
    seconds = time.monotonic() - sent
    assert process.exitcode in (0, STATUS[kill.by]), _log(out).read_text()[-2000:]
    steps = numbered(folder, "step")
    cut = len(steps) > 1 and kill.cut < 1.0
    if cut:
        os.truncate(steps[-1], int(steps[-1].stat().st_size * kill.cut))
    return End(process.exitcode, int(steps[-1].stem.partition("-")[2]) if steps else -1, cut, seconds)


def outcome(out: Path) -> dict[str, Any]:
    """What a run came to, without what depends on the clock: weights, history and reports, by name."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(out / "model.keras") as model, h5py.File(io.BytesIO(model.read("model.weights.h5"))) as file:
        file.visititems(
            lambda name, value: found.update({name: value[()].tobytes()}) if isinstance(value, h5py.Dataset) else None
        )
    with open(out / "history.csv", newline="") as file:
        for row in csv.DictReader(file):
            found[f"epoch {row['epoch']}"] = {
                name: value for name, value in row.items() if name not in ("seconds", "tokens_per_second")
            }
    for path in sorted(out.glob("evaluations/*/report.json")):
        report = json.loads(path.read_text())
        found |= {f"{path.parent.name} {name}": report.get(name) for name in ("rows", "metrics", "baselines", "failed")}
    with np.load(next(out.glob("checkpoint/step-*.npz")), allow_pickle=False) as kept:
        found |= {f"last {name}": kept[name].tobytes() for name in kept.files if name.startswith("array_")}
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The names of what isn't the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _started(arguments: Sequence[str], out: Path) -> Any:
    command = ["train", *arguments, "--out", str(out), "--resume", "auto"]
    process = SERVER.Process(target=_run, args=(command, str(_log(out))))
    process.start()
    return process


def _run(command: Sequence[str], log: str) -> None:
    """In the process."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in a shell's background ignores
    from seqkit.cli.main import main

    sys.exit(main(command))


def _begun(process: Any, out: Path) -> float:
    """When it has made its folder, or has found the run that stands."""
    started = time.monotonic()
    while process.is_alive() and not (_part(out) / "run.json").exists() and not (out / "run.json").exists():
        assert time.monotonic() - started < LONGEST, f"nothing is made: {_log(out).read_text()[-2000:]}"
        time.sleep(0.005)
    return time.monotonic()


def _ended(process: Any) -> None:
    process.join(LONGEST)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"The process did not end in {LONGEST} s.")


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries)
    except FileNotFoundError:
        return


def _part(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def _log(out: Path) -> Path:
    return out.with_name(f"{out.name}.log")
