"""Run folders: complete or absent."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from seqkit.errors import InputError

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


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file or folder to write beside `path`, which takes its place when the block ends well."""
    part = path.with_name(f".{path.name}.partial")
    _remove(part)
    try:
        yield part
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(part, path)
    finally:
        _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where what can be computed again is kept: the user's cache folder, or what the variable SEQKIT_CACHE says."""
    return Path(os.environ.get("SEQKIT_CACHE") or platformdirs.user_cache_dir("seqkit"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON that a person can read; an older file stays until the new one is whole."""
    with replacing(path) as part:
        part.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of a run folder.

    Raises:
        InputError: It isn't there, or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{path.parent} is no run folder: it has no {path.name}. Make one with seqkit train."
        ) from None
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): take it from a backup or train again.") from None
