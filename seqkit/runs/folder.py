"""Run folders: complete or absent."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from seqkit.core.errors import InputError

CHECKPOINT = Path("checkpoint") / "state.npz"


@contextlib.contextmanager
def new_folder(path: Path, *, overwrite: bool = False, resume: bool = False) -> Iterator[Path]:
    """A folder to fill beside `path`, which takes its place when the block ends well.

    When the block fails, a checkpoint in it is kept for `resume`, and anything else is removed. A folder that was at
    `path` before stays until the new one is whole.

    Raises:
        InputError: `path` is taken, or an interrupted run lies beside it, and neither was meant.
    """
    if not path.name:
        raise InputError(f"{path} names no folder to make: give --out a name, such as saved_models/mine.")
    part = path.with_name(f".{path.name}.partial")
    if path.exists() and not (path / "run.json").exists():
        raise InputError(f"{path} exists and is no run folder: choose another --out. --overwrite replaces runs only.")
    if path.exists() and not overwrite:
        raise InputError(
            f"{path} exists: choose another --out, or pass --overwrite to replace it once the new run is done."
        )
    if resume and not (part / CHECKPOINT).exists():
        raise InputError(f"There is no interrupted run of {path} to resume: leave --resume out.")
    if (part / CHECKPOINT).exists() and not (resume or overwrite):
        raise InputError(
            f"An interrupted run of {path} lies in {part}: pass --resume to go on, or --overwrite to drop it."
        )
    if not resume:
        shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{path} can't be made: a part of that path is a file. Choose another --out.") from None
    try:
        yield part
    except BaseException:
        if not (part / CHECKPOINT).exists():
            shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(part / CHECKPOINT.parent, ignore_errors=True)
    old = path.with_name(f".{path.name}.old")
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(path, old)
    os.replace(part, path)
    shutil.rmtree(old, ignore_errors=True)
