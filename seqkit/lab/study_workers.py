"""Several trainings side by side, each in a process of its own, and what they tell."""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from json import loads
from pathlib import Path
from typing import IO, Any

from seqkit.core.errors import InputError
from seqkit.lab.study_worker import Order

POOLS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
LEAVING = 60.0  # seconds that a process has to save what it has
LAST = 0.5  # seconds between two looks at the table
Supply = Callable[[], tuple[str, Order] | None]
Told = Callable[[str, Mapping[str, Any]], str | None]


class Workers:
    """Processes that train what they are given, so many at once.

    Args:
        jobs: How many.
        logs: The folder of what they print, NAME.log each.
    """

    def __init__(self, jobs: int, logs: Path):
        self._jobs, self._logs = jobs, logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._events: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        threads = str(max(1, (os.cpu_count() or 1) // jobs))
        self._environment = {**(dict.fromkeys(POOLS, threads) if jobs > 1 else {}), **os.environ}

    def run(self, supply: Supply, told: Told, looked: Callable[[], None] = lambda: None) -> None:
        """Train all that is supplied.

        Args:
            supply: The next one's name and order; nothing where none is left, or none yet.
            told: Hears what each one tells: "epoch" and "figures"; "done", "failed" or "stopped" at its end. What it returns
                is the answer.
            looked: Called now and then.
        Raises:
            KeyboardInterrupt: As it came; the processes have saved their states and are gone.
        """
        try:
            while True:
                while len(self._running) < self._jobs and (given := supply()) is not None:
                    self._start(*given)
                if not self._running:
                    return
                try:
                    name, what = self._events.get(timeout=LAST)
                except queue.Empty:
                    looked()
                    continue
                self._hear(name, what, told)
                looked()
        finally:
            self._end()

    def _hear(self, name: str, what: dict[str, Any], told: Told) -> None:
        process = self._running[name]
        if "epoch" not in what:
            del self._running[name]
            _reap(process)
        answer = told(name, what)
        if answer is not None and process.stdin is not None and process.poll() is None:
            with contextlib.suppress(BrokenPipeError):  # it has ended, and that is told next
                process.stdin.write(f"{answer}\n".encode())
                process.stdin.flush()

    def _start(self, name: str, order: Order) -> None:
        try:
            packed = pickle.dumps(order)
        except Exception as error:
            raise InputError(
                f"The arguments can't be handed to another process ({error}): give data by its path."
            ) from None
        self._logs.mkdir(parents=True, exist_ok=True)
        with open(self._logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "seqkit.lab.study_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C comes to us, who end them
            )
        self._running[name] = process
        assert process.stdin is not None
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(name, process.stdout, process), daemon=True).start()
        process.stdin.write(packed)
        process.stdin.flush()

    def _listen(self, name: str, out: IO[bytes], process: "subprocess.Popen[bytes]") -> None:
        ended = False
        with out:
            for line in out:
                what = loads(line)
                ended = "epoch" not in what
                self._events.put((name, what))
        if not ended:
            self._events.put((name, {"failed": f"its process has ended with status {process.wait()}"}))

    def _end(self) -> None:
        """Ask those that are left to save and leave."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            _reap(process)
        self._running.clear()


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of a process, but not for ever."""
    try:
        process.wait(LEAVING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
