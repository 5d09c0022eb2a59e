"""One process at a time writes to a run folder."""

import datetime
import json
import os
import platform
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import lock_descriptor

from seqkit.core.errors import InputError
from seqkit.core.progress import notify

LOCK = ".lock"
SECONDS_BETWEEN_LOOKS = 1.0


class FolderLock:
    """A file in a folder that is locked by the operating system, which lets go of it when its process ends, however that is;
    it says who holds it. A lock that somebody left behind is taken over with a sentence.

    Args:
        folder: As it is renamed, so is its lock: set `folder` to its new place then.
        name: What to call it in a sentence.
        make: Make the folder where there is none.
        wait: Wait for whoever holds it.
    Raises:
        InputError: On entry, that another holds it.
        OSError: On entry, that nothing can be written there.
    """

    def __init__(self, folder: Path, name: Path | None = None, *, make: bool = False, wait: bool = False):
        self.folder = folder
        self._name, self._make, self._wait = name or folder, make, wait
        self._descriptor = -1

    @property
    def path(self) -> Path:
        """The file that is locked."""
        return self.folder / LOCK

    def __enter__(self) -> Self:
        told = False
        while not self._acquired():
            holder = _holder(self.path)
            if not self._wait:
                raise InputError(
                    f"{self._name} is being written by {holder}: wait until it has ended, or choose another folder."
                )
            if not told:
                notify(f"{self._name} is being written by {holder}: waiting for it to end.")
            told = True
            time.sleep(SECONDS_BETWEEN_LOOKS)
        left = os.pread(self._descriptor, 10_000, 0)
        if left:
            notify(
                f"{_described(left)}, which was writing {self._name}, has ended before it was done: its lock is taken over."
            )
        owner = {"pid": os.getpid(), "host": platform.node(), "since": f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}"}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(owner).encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)  # before it is let go of, or it might be another's
        os.close(self._descriptor)

    def _acquired(self) -> bool:
        """Whether the file is locked now and still the one that lies there: who let go of it has removed it."""
        if self._make:
            self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            locked = lock_descriptor(descriptor, blocking=False)
        except OSError as error:  # a file system that knows no locks
            notify(f"{self._name} can't be locked ({error.strerror}): see to it that no other process writes to it.")
            locked = True
        if locked and _is(descriptor, self.path):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return self._acquired() if locked else False


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        return _described(path.read_bytes())
    except OSError:
        return "another process"


def _described(owner: bytes) -> str:
    try:
        known: dict[str, Any] = json.loads(owner)
        return f"process {known['pid']} on {known['host']} (since {known['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
