"""What lies in a run folder: run.json, with its own digest and that of every other file, and files that are what it says.

A folder may come from anywhere: what is read of it is a file in it, of that digest, and no link that leads out.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from seqkit.core.errors import InputError, reason_of
from seqkit.core.files import digest_of, read_json, write_json
from seqkit.core.settings import Training
from seqkit.runs.migration import made_without_digests

RUN = "run.json"
FIELDS = {"recipe": str, "columns": dict, "settings": dict, "seed": int, "versions": dict, "data": dict, "command": str}
TRAINED = {"training_seconds": float}
RESTORE = "take it from a backup or train again."


def write_info(folder: Path, info: dict[str, Any]) -> None:
    """Write run.json, with its own digest."""
    info["digest"] = _digest(info)
    write_json(folder / RUN, info)


def add_files(folder: Path, info: dict[str, Any], paths: Iterable[Path]) -> None:
    """Write run.json with the digests of further files of the folder, or of all in a folder of it."""
    files = info.setdefault("files", {})
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                files[file.relative_to(folder).as_posix()] = digest_of(file)
    write_info(folder, info)


def read_info(folder: Path, *, trained: bool = True) -> dict[str, Any]:
    """run.json, with what opening a run takes.

    Args:
        trained: Whether it is a run that stands, or one in the making.
    Raises:
        InputError: It isn't there, or isn't what was written.
    """
    path = inside(folder, RUN)
    info = read_json(path)
    if not isinstance(info, dict):
        raise InputError(f"{path} is no run.json: it holds a value of type {type(info).__name__}. Give a run folder.")
    for name, kind in (FIELDS | (TRAINED if trained else {})).items():
        if not isinstance(info.get(name), kind):
            what = f"{name} is of type {type(info[name]).__name__}" if name in info else f"there is no {name}"
            raise InputError(f"{path} is damaged ({what}, where {kind.__name__} is expected): {RESTORE}")
    if not made_without_digests(info) and (
        info.get("digest") != _digest(info) or not isinstance(info.get("files", {}), dict)
    ):
        raise InputError(f"{path} is damaged (it is not what was written: its digest is another): {RESTORE}")
    for split in dict.fromkeys(["train", "valid", *info["data"]]):
        match info["data"].get(split):
            case {"source": str(), "rows": int(), "digest": str()}:
                pass
            case _:
                raise InputError(f"{path} is damaged (data.{split} doesn't tell of rows): {RESTORE}")
    try:
        Training(**info["settings"]["training"])
    except (KeyError, TypeError, InputError) as error:
        raise InputError(f"{path} is damaged (settings.training: {reason_of(error)}): {RESTORE}") from None
    return info


def validated(info: Mapping[str, Any]) -> tuple[str, float]:
    """The column of the history by which a run was judged, and its figure: the whole model's, where paths were weighed."""
    kept = info["kept"]
    return kept["monitor"], kept.get("weighed", kept["value"])


def _digest(info: Mapping[str, Any]) -> str:
    """SHA-256 of run.json but for this."""
    known = json.loads(json.dumps({name: value for name, value in info.items() if name != "digest"}))
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def file_of(folder: Path, info: Mapping[str, Any], name: str) -> Path:
    """A file of a run folder, which is what was written there.

    Raises:
        InputError: It isn't there, is not what was written, or lies outside of the folder.
    """
    path = inside(folder, name)
    if not path.is_file():
        raise InputError(f"{folder} has no {name}: {RESTORE}")
    if not made_without_digests(info) and info.get("files", {}).get(name) != digest_of(path):
        raise InputError(f"{path} is damaged (it is not what was written: its digest is another): {RESTORE}")
    return path


def files_like(folder: Path, info: Mapping[str, Any], pattern: str) -> Iterator[str]:
    """Names of the folder's files, by a pattern of the whole path; of those that were written there."""
    if made_without_digests(info):
        yield from sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern))
    else:
        yield from sorted(name for name in info.get("files", {}) if PurePosixPath("/", name).match(f"/{pattern}"))


def inside(folder: Path, name: str) -> Path:
    """A path in a folder, which no link leads out of.

    Raises:
        InputError: It is outside.
    """
    path = folder / name
    try:
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # a link that leads to itself
        raise InputError(f"{path} can't be followed ({reason_of(error)}): {RESTORE}") from None
    if not within:
        raise InputError(f"{path} leads out of the run folder, to {path.resolve()}: put the file itself there.")
    return path
