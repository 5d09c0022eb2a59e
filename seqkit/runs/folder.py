"""Run folders in the making: complete or absent."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqkit.core.errors import InputError
from seqkit.core.files import aside, put_back, replacing, stand
from seqkit.core.progress import notify
from seqkit.runs.contents import RUN
from seqkit.runs.lock import FolderLock
from seqkit.training.checkpoint import keep_last, numbered

CHECKPOINT = Path("checkpoint")


class NewFolder:
    """A folder to fill.

    Attributes:
        path: Where it is: beside its place, and in it from `stand` on.
        resumed: Whether it holds an interrupted run to go on with, or one that stands and may lack something.
    """

    def __init__(self, part: Path, place: Path, lock: FolderLock, overwrite: bool, resumed: bool):
        self.path, self._place, self._lock, self._overwrite, self.resumed = part, place, lock, overwrite, resumed

    @property
    def stands(self) -> bool:
        """Whether it is in its place."""
        return self.path == self._place

    def stand(self) -> None:
        """Take the place, with the last checkpoint; a folder that was there stays until then.

        Raises:
            InputError: The place was taken meanwhile; the checkpoint is kept.
        """
        check_free(self._place, self._overwrite)
        if self._place.exists():
            with FolderLock(self._place, wait=True) as lock:
                stand(self.path, self._place)
                lock.folder = aside(self._place)
        else:
            stand(self.path, self._place)
        self.path = self._lock.folder = self._place
        keep_last(self.path / CHECKPOINT, 1)


@contextlib.contextmanager
def new_folder(
    path: Path, *, overwrite: bool = False, resume: bool | Literal["auto"] = False, extend: bool = False
) -> Iterator[NewFolder]:
    """A folder to fill beside `path`, locked, which takes its place when the block says so.

    When the block ends before that, a checkpoint in it is kept for `resume`, and anything else is removed. Where a run
    stands and none was interrupted before it stood, to resume is to add to that one.

    Args:
        resume: Go on with an interrupted run; "auto" for that where there is one, and otherwise anew.
        extend: Begin with the last checkpoint of the run that stands, to replace it.
    Raises:
        InputError: `path` is taken, or an interrupted run lies beside it, and neither was meant; another process is making
            this run; there is nothing to extend; or nothing can be written there.
    """
    if path.name in ("", ".."):
        raise InputError(f"{path} names no folder to make: give --out a name, such as saved_models/mine.")
    part = path.with_name(f".{path.name}.partial")
    if resume == "auto":
        resume = _interrupted(part) or ((path / RUN).exists() and not (overwrite or extend))
    if resume and not (overwrite or extend) and not part.exists() and (path / RUN).exists():
        with FolderLock(path) as lock:
            yield NewFolder(path, path, lock, overwrite, True)
        return
    overwrite = overwrite or extend
    check_free(path, overwrite)
    if resume and not part.exists():
        raise InputError(f"There is no interrupted run of {path} to resume: leave --resume out.")
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(FolderLock(part, path, make=True))
        except (FileExistsError, NotADirectoryError):
            raise InputError(f"{path} can't be made: a part of that path is a file. Choose another --out.") from None
        except OSError as error:
            raise InputError(f"{path} can't be made ({error.strerror}): choose another --out.") from None
        folder, taken = NewFolder(part, path, lock, overwrite, bool(resume) or extend), []
        try:
            if put_back(path):
                notify(f"{path} was about to be replaced as that was cut short: it is back in its place.")
            check_free(path, overwrite)  # once more: it may have been made meanwhile
            _check_checkpoint(part, path, overwrite and not extend, bool(resume))
            if not resume:
                empty(part, lock)
            if extend and not resume:
                taken = _take_over(path, part)
            yield folder
        finally:
            if not folder.stands and numbered(part / CHECKPOINT, "step")[-1:] in ([], taken):
                shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder() -> Iterator[NewFolder]:
    """A folder to fill that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="seqkit-") as name, new_folder(Path(name) / "run") as folder:
        yield folder


def _interrupted(part: Path) -> bool:
    return bool(numbered(part / CHECKPOINT, "step"))


def _take_over(path: Path, part: Path) -> list[Path]:
    """Begin where a finished run has ended; returns the checkpoint of that."""
    if not _interrupted(path):
        raise InputError(f"{path} holds no run with its last checkpoint, so that it can't be extended: train it anew.")
    shutil.copy(path / RUN, part / RUN)
    with replacing(part / CHECKPOINT) as copy:
        shutil.copytree(path / CHECKPOINT, copy)
    return numbered(part / CHECKPOINT, "step")[-1:]


def _check_checkpoint(part: Path, path: Path, overwrite: bool, resume: bool) -> None:
    there = _interrupted(part)
    if resume and not there:
        raise InputError(f"There is no interrupted run of {path} to resume: leave --resume out.")
    if there and not (resume or overwrite):
        raise InputError(
            f"An interrupted run of {path} lies in {part}: pass --resume to go on, or --overwrite to drop it."
        )


def check_free(path: Path, overwrite: bool) -> None:
    """Raise InputError where a run can't take a place: something else lies there, or a run that isn't to be replaced."""
    if path.exists() and not (path / RUN).exists():
        raise InputError(f"{path} exists and is no run folder: choose another --out. --overwrite replaces runs only.")
    if path.exists() and not overwrite:
        raise InputError(
            f"{path} exists: choose another --out, or pass --overwrite to replace it once the new run is done."
        )


def empty(folder: Path, lock: FolderLock) -> None:
    """Remove all in a folder but its lock."""
    for path in folder.iterdir():
        if path != lock.path:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
