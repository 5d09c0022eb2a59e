"""`seqkit launch`: a training by several processes of this machine, each of which gets TF_CONFIG.

Each process has a session of its own, so that a Ctrl-C of the terminal reaches them once, through the launcher. TensorFlow
waits for a worker that never comes for half an hour, deaf to SIGTERM: the launcher has its own deadlines.
"""

import collections
import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

from cyclopts import Parameter

from seqkit.core.cluster import READY, Cluster
from seqkit.core.errors import InputError
from seqkit.core.progress import notify

MEETING, LEAVING, KILLING = 120.0, 60.0, 10.0  # seconds until all have met; until those left get SIGTERM; then SIGKILL
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
BETWEEN_LOOKS = 0.05  # seconds
FAILED = 1
HOST = "127.0.0.1"


def launch(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    processes: Annotated[int, Parameter(name=("--processes", "-n"))],
) -> int:
    """Train by several processes of this machine: seqkit launch -n 2 train sentiment.

    Each gets its share of the cores, or one GPU where there are any. The first prints what it would alone, the others on
    standard error.

    Parameters
    ----------
    command
        What each runs: train, with its recipe and settings.
    processes
        How many.
    """
    if command[:1] != ("train",):
        raise InputError(
            f"launch starts train, and not {' '.join(command[:1]) or 'nothing'}: several train, one does the rest."
        )
    named = [word for word in command if word.partition("=")[0] in ("--workers", "--worker")]
    if named:
        raise InputError(f"launch says itself which workers there are: leave {named[0]} out.")
    return launched([sys.executable, "-m", "seqkit.cli", *command], environments(processes, os.environ))


def separated(arguments: Sequence[str]) -> list[str]:
    """The arguments with -- before what is launched, so that none of its flags is taken for one of ours."""
    given = list(arguments)
    if given[:1] != ["launch"] or "--" in given or "train" not in given:
        return given
    at = given.index("train")
    return [*given[:at], "--", *given[at:]]


def environments(processes: int, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """What each of so many processes finds in its environment: its place in the cluster, its threads, its GPU.

    Raises:
        InputError: There is no such number, a cluster already, or not a GPU for each.
    """
    if processes < 1:
        raise InputError(f"processes is {processes}: it should be at least 1.")
    if environment.get("TF_CONFIG"):
        raise InputError("launch starts processes of this machine, but TF_CONFIG names others: run train itself there.")
    gpus = gpus_of(environment)
    if 0 < len(gpus) < processes:
        raise InputError(
            f"processes is {processes}, but there are {len(gpus)} GPUs ({', '.join(gpus)}), and each process takes one: "
            "give fewer, or set CUDA_VISIBLE_DEVICES to nothing to train on the CPU."
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = dict.fromkeys(THREADS, str(max(1, cores // processes)))
    workers = tuple(f"{HOST}:{port}" for port in _free_ports(processes))
    made = []
    for index in range(processes):
        own = {"TF_CONFIG": Cluster(workers, index).tf_config()}
        if gpus:
            own["CUDA_VISIBLE_DEVICES"] = gpus[index]
        made.append({**threads, **environment, **own})
    return made


def gpus_of(environment: Mapping[str, str]) -> list[str]:
    """The CUDA GPUs that may be used, as CUDA_VISIBLE_DEVICES calls them; where that isn't set, those of nvidia-smi."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        said = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(number) for number in range(sum(line.startswith("GPU ") for line in said.splitlines()))]


def launched(
    command: Sequence[str],
    environments: Sequence[Mapping[str, str]],
    *,
    meeting: float = MEETING,
    leaving: float = LEAVING,
    killing: float = KILLING,
) -> int:
    """Run a command once in each environment, until all have ended.

    A process says that it has met the others by `seqkit.core.cluster.met`.

    Args:
        meeting: Seconds in which all have to meet; what hasn't met then is ended.
        leaving: Seconds that those left have once one has failed, or a signal has come; then they get SIGTERM. Where not all
            have met, none can end by itself: they get it after `killing`.
        killing: Seconds between SIGTERM and SIGKILL.
    Returns:
        The first exit status that is not 0; of a process that a signal ended 128 and its number, as in a shell.
    """
    with tempfile.TemporaryDirectory() as folder, _forwarded() as signals:
        ready = [Path(folder, str(number)) for number in range(len(environments))]
        workers: list[subprocess.Popen[str]] = []
        readers = []
        try:
            for number, environment in enumerate(environments):
                workers.append(_started(command, {**environment, READY: str(ready[number])}, first=number == 0))
                if number:
                    readers.append(threading.Thread(target=_told, args=(number, workers[-1].stdout), daemon=True))
                    readers[-1].start()
            return _Watch(workers, ready, signals, meeting, leaving, killing).status()
        finally:
            for worker in workers:
                worker.kill()  # which does nothing to one that has ended
                worker.wait()
            for reader in readers:
                reader.join(killing)


@dataclasses.dataclass
class _Watch:
    """What becomes of the workers until the last has ended; see `launched`."""

    workers: Sequence["subprocess.Popen[str]"]
    ready: Sequence[Path]
    signals: collections.deque[int]
    meeting: float
    leaving: float
    killing: float

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.meeting
        self._status = 0
        self._next: float | None = None  # when those that are left get the next of
        self._last = [signal.SIGTERM, signal.SIGKILL]

    def status(self) -> int:
        while any(worker.poll() is None for worker in self.workers):
            self._forward()
            self._look()
            time.sleep(BETWEEN_LOOKS)
        self._look()
        return self._status

    def _forward(self) -> None:
        while self.signals:
            self._send(self.signals.popleft())
            self._end_soon()

    def _look(self) -> None:
        """See who has failed, and end what is over its time."""
        for number, worker in enumerate(self.workers):
            if worker.poll() and not self._status:
                self._status = status_of(worker)
                if self._left() and self._next is None:
                    self._end_soon()
                    notify(
                        f"worker {number} {_end_of(worker)}: the others should end too, and are ended if they don't."
                    )
        now = time.monotonic()
        if self._left() and self._next is None and now > self._deadline and not self._met():
            absent = [str(number) for number, place in enumerate(self.ready) if not place.exists()]
            notify(
                f"Worker {', '.join(absent)} did not meet the others in time: all are ended. Its last lines may say why."
            )
            self._status, self._next = FAILED, now
        if self._left() and self._next is not None and now >= self._next and self._last:
            self._send(self._last.pop(0))
            self._next = now + self.killing

    def _end_soon(self) -> None:
        if self._next is None:
            self._next = time.monotonic() + (self.leaving if self._met() else self.killing)

    def _met(self) -> bool:
        return len(self.ready) == 1 or all(place.exists() for place in self.ready)

    def _left(self) -> bool:
        return any(worker.poll() is None for worker in self.workers)

    def _send(self, number: int) -> None:
        for worker in self.workers:
            worker.send_signal(number)


def status_of(worker: "subprocess.Popen[str]") -> int:
    """The exit status of a process that has ended, as a shell has it."""
    return worker.returncode if worker.returncode >= 0 else 128 - worker.returncode


def _end_of(worker: "subprocess.Popen[str]") -> str:
    if worker.returncode >= 0:
        return f"ended with status {worker.returncode}"
    return f"was ended by {signal.Signals(-worker.returncode).name}"


def _started(command: Sequence[str], environment: Mapping[str, str], *, first: bool) -> "subprocess.Popen[str]":
    """A worker; the first has our output, the others a pipe, which `_told` reads."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=None if first else subprocess.PIPE,
        stderr=sys.stderr if first else subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _told(number: int, lines: IO[str]) -> None:
    """Pass on what a worker prints, line by line, with its number."""
    with lines:
        for line in lines:
            notify(f"worker {number}: {line.rstrip()}")


@contextlib.contextmanager
def _forwarded() -> Iterator[collections.deque[int]]:
    """Signals to this process, in the order in which they came, in place of what they would do."""
    come: collections.deque[int] = collections.deque()

    def note(number: int, frame: FrameType | None) -> None:
        come.append(number)

    heard = [one for one in FORWARDED if signal.getsignal(one) is not signal.SIG_IGN]  # as under nohup
    before = {one: signal.signal(one, note) for one in heard}
    try:
        yield come
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
