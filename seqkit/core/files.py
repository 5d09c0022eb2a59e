"""Files that are there whole or not at all, their digests, the cache folder, and JSON for people."""

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from seqkit.core.errors import InputError
from seqkit.core.terminal import shown

SECONDS_LEFT_BEHIND = 86_400  # after which nobody writes a file any more


@contextlib.contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A file or folder to write beside `path`, which takes its place when the block ends well (see `stand`).

    Args:
        shared: Others may write the same at the same time, such as a file of the cache: each writes its own, and the last
            one stays. Otherwise whoever writes it is alone, and what an earlier one left behind is removed.
    """
    part = path.with_name(f".{path.name}{f'.{uuid.uuid4().hex}' if shared else ''}.partial")
    for left in path.parent.glob(f".{path.name}.*.partial"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > SECONDS_LEFT_BEHIND:
                _remove(left)
    _remove(part)
    put_back(path)
    try:
        yield part
        if part.is_file():
            sync(part)
        stand(part, path)
        _sync_folder(path.parent)
    finally:
        _remove(part)


def stand(new: Path, place: Path) -> None:
    """Rename a file or folder to its place. A folder that lies there stays beside it until then, and comes back where that
    fails; where the plug is pulled meanwhile, `put_back` finds it.
    """
    old = aside(place)
    try:
        if place.is_dir():
            _remove(old)
            os.replace(place, old)
        os.replace(new, place)
    except BaseException:
        put_back(place)
        raise
    with contextlib.suppress(OSError):  # the new one stands
        _remove(old)


def aside(place: Path) -> Path:
    """Where a folder lies while another takes its place."""
    return place.with_name(f".{place.name}.old")


def put_back(place: Path) -> bool:
    """Whether a folder lay aside, and nothing in its place: it is back there."""
    if place.exists() or not aside(place).exists():
        return False
    os.replace(aside(place), place)
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file is on the disk: it is renamed only then, so that no power cut leaves an empty one in its place."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Wait until what was renamed in a folder is on the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Where what can be computed again is kept: the user's cache folder, or what the variable SEQKIT_CACHE says."""
    return Path(os.environ.get("SEQKIT_CACHE") or platformdirs.user_cache_dir("seqkit"))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that a person can read, in whatever language; what a terminal would obey is written as JSON's escapes."""
    return shown(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))


def write_json(path: Path, value: Any) -> None:
    """Write JSON that a person can read; an older file stays until the new one is whole."""
    with replacing(path) as part:
        part.write_text(json_text(value, indent=2) + "\n", encoding="utf-8")


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
    except (ValueError, RecursionError, IsADirectoryError) as error:
        raise InputError(f"{path} is damaged ({error}): take it from a backup or train again.") from None
