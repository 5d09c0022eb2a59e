"""Prepared data: a folder with the rows of a recipe's splits, the ids made of them, and a manifest that says what they are.

The files are those of `seqkit.sources.stored`; the manifest names each with its size and digest.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seqkit.core.errors import InputError, reason_of
from seqkit.core.files import digest_of, write_json
from seqkit.core.findings import Finding
from seqkit.core.mapping import mapped_file
from seqkit.core.ragged import Ragged
from seqkit.sources.cells import LISTS, NAMES
from seqkit.sources.examples import Examples, Role
from seqkit.sources.stored import KINDS, Stored
from seqkit.sources.stored_frames import FRAMES
from seqkit.sources.storing import stored_in, write_column

MANIFEST, VERSION = "manifest.json", 1
READ = "read.json"  # of a preparation that is under way: what was read
NAMED = (*NAMES, *LISTS, "labels")  # the fields whose cells are names, or lists of names
SPLITS = ("train", "valid", "test")
AGAIN = "prepare the data again (seqkit prepare)."
T = TypeVar("T")


class Prepared:
    """A folder of prepared data, opened.

    Attributes:
        path: Where it lies.
        manifest: What it says of itself.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]):
        self.path, self.manifest = path, manifest

    def split(self, name: str) -> Examples | None:
        """The rows of a split, where it has any."""
        known = self.manifest["splits"].get(name)
        return None if known is None else examples_from(self.path, known)

    def rows_for(self, role: Role) -> Examples:
        """The rows for a role: to score are those of the test split, or where there is none those of validation."""
        names = {"train": ("train",), "valid": ("valid",)}.get(role, ("test", "valid"))
        found = next((split for name in names if (split := self.split(name)) is not None), None)
        assert found is not None, "there is always validation data"
        return found

    def learned(self, name: str, settings: Mapping[str, Any]) -> Any:
        """What was learned from the training rows, as JSON.

        Raises:
            InputError: It was learned with other settings, or not at all.
        """
        if name not in self.manifest["learned"]:
            raise InputError(f"{self.path} was prepared without the {name} of this recipe: {AGAIN}")
        known = self.manifest["learned"][name]
        check_settings(self.path, known["settings"], settings)
        return _json(_inside(self.path, known["file"]))


def check_settings(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise InputError where data was prepared with other settings."""
    for name, value in json.loads(json.dumps(dict(now))).items():
        if before.get(name) != value:
            raise InputError(
                f"{path} was prepared with {name} {before.get(name)!r}, now it is {value!r}: use the same, or {AGAIN}"
            )


def prepared_at(source: Any) -> Path | None:
    """The folder of prepared data that a source is, None where it is another one."""
    if isinstance(source, str | Path) and not str(source).startswith("tfds:"):
        path = Path(source)
        with contextlib.suppress(OSError):  # a name that is too long, say
            return path if (path / MANIFEST).is_file() else None
    return None


def read_before(source: Any, role: Role) -> Examples | None:
    """The rows of a source that has been read before, in Python or into prepared data; None for any other."""
    if isinstance(source, Examples):
        return source
    path = prepared_at(source)
    return None if path is None else open_prepared(path).rows_for(role)


def open_prepared(path: Path) -> Prepared:
    """Open prepared data, once its files have proved to be what was written.

    Raises:
        InputError: A file is missing or damaged, or another version wrote them.
    """
    stamp = (path / MANIFEST).stat()
    return _opened(path, stamp.st_mtime_ns, stamp.st_ino)


@functools.lru_cache(maxsize=8)
def _opened(path: Path, *stamp: int) -> Prepared:
    manifest = _json(path / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("version") != VERSION:
        found = manifest.get("version") if isinstance(manifest, dict) else None
        raise InputError(f"{path / MANIFEST} is of version {found}, where {VERSION} is read: {AGAIN}")
    if manifest.get("digest") != digest_of_json(manifest):
        raise InputError(f"{path / MANIFEST} is damaged (it is not what was written: its digest is another): {AGAIN}")
    for name, known in manifest["files"].items():
        file = _inside(path, name)
        if not file.is_file():
            raise InputError(f"{file} is not there any more: restore it, or {AGAIN}")
        size = file.stat().st_size
        if size != known["bytes"]:
            raise InputError(f"{file} is damaged ({size:,} bytes, where {known['bytes']:,} were written): {AGAIN}")
        if digest_of(file) != known["digest"]:
            raise InputError(f"{file} is damaged (it is not what was written: its digest is another): {AGAIN}")
    return Prepared(path, manifest)


def digest_of_json(value: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest but for this."""
    known = {name: part for name, part in value.items() if name != "digest"}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} can't be read ({reason_of(error)}): restore it, or {AGAIN}") from None


def describe(folder: Path, name: str, examples: Examples) -> dict[str, Any]:
    """What a manifest says of a split; what doesn't lie in the folder yet is written there.

    Raises:
        InputError: A column has cells that no file holds.
    """
    rows: list[np.ndarray] = []

    def column(field: str, cells: Sequence[Any]) -> dict[str, Any]:
        if not (isinstance(cells, Stored) and cells.base.is_relative_to(folder)):
            cells = write_column(folder / "splits" / name / field, cells, named=field in NAMED)
        if not isinstance(cells, Stored):
            raise InputError(
                f"The {field} of {examples.origin} is of no kind that can be prepared: train from it as it is."
            )
        known = {"kind": cells.kind, "base": cells.base.relative_to(folder).as_posix()}
        if cells.rows is None:
            return known
        same = (place for place, other in enumerate(rows) if np.array_equal(other, cells.rows))
        place = next(same, len(rows))
        if place == len(rows):
            rows.append(cells.rows)
        return known | {"rows": f"splits/{name}/{place}.rows"}

    (folder / "splits" / name).mkdir(parents=True, exist_ok=True)
    known = {
        "origin": examples.origin,
        "file": examples.file,
        "files": [list(file) for file in examples.files],
        "findings": [dataclasses.asdict(finding) for finding in examples.findings],
        "columns": {field: column(field, cells) for field, cells in examples.columns.items()},
        "lines": None if examples.lines is None else column("lines", examples.lines),
        "step_lines": None if examples.step_lines is None else column("step_lines", examples.step_lines),
        "prepared": {},
    }
    for place, chosen in enumerate(rows):
        chosen.astype("<i8").tofile(folder / "splits" / name / f"{place}.rows")
    return known


def examples_from(folder: Path, known: Mapping[str, Any]) -> Examples:
    """The rows of a split, from what a manifest says of it."""
    rows: dict[str, np.ndarray] = {}

    def column(part: Mapping[str, str]) -> Stored:
        chosen = None
        if "rows" in part:
            chosen = rows.setdefault(part["rows"], mapped_file(_inside(folder, part["rows"]), np.int64))
        return (KINDS | FRAMES)[part["kind"]](_inside(folder, part["base"]), chosen)

    return Examples(
        {field: column(part) for field, part in known["columns"].items()},
        known["origin"],
        known["file"],
        None if known["lines"] is None else column(known["lines"]),
        findings_of(known),
        column(known["step_lines"]) if known.get("step_lines") else None,  # folders of before 0.11 have none
        files=tuple((file, before) for file, before in known["files"]),
        prepared={name: array_from(folder, part) for name, part in known["prepared"].items()},
    )


def findings_of(known: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What was noticed in a split, or in all data, from what a manifest says of it."""
    return tuple(Finding(**one | {"places": tuple(one["places"])}) for one in known["findings"])


def array_from(folder: Path, part: Mapping[str, Any]) -> np.ndarray | Ragged:
    """An array, or ragged rows, of which a manifest says where they are and of what type."""
    base = _inside(folder, part["base"])
    values = mapped_file(base.with_name(f"{base.name}.values"), np.dtype(part["dtype"]), tuple(part["shape"]))
    if not part["ragged"]:
        return values
    return Ragged(values, mapped_file(base.with_name(f"{base.name}.starts"), np.int64))


def _inside(folder: Path, name: str) -> Path:
    """A path that a manifest names.

    Raises:
        InputError: It leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{folder / MANIFEST} names {name!r}, which leads out of the folder: {AGAIN}")
    return path


def _stamp(path: Path) -> list[int] | None:
    """By which a file is taken for the same without being read."""
    return [path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else None


class Making:
    """Prepared data in the making.

    Attributes:
        folder: Where it is made.
        settings: What else shaped the rows as they were read, by the names that a user knows.
        learned: What was learned from the training rows: name -> the settings, and the file.
        encoded: What was made of the rows of each split, as a manifest says it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.settings: dict[str, Any] = {}
        self.learned: dict[str, dict[str, Any]] = {}
        self.encoded: dict[str, dict[str, Any]] = {}

    def splits(self, read: Callable[[], dict[str, Examples]], settings: Mapping[str, Any]) -> dict[str, Examples]:
        """The rows of the splits, read into files; of a preparation that was interrupted after that, those files."""
        file, self.settings = self.folder / READ, dict(settings)
        if not file.exists():
            with stored_in(self.folder / "sources") as paths:
                found = read()
            known = {name: describe(self.folder, name, examples) for name, examples in found.items()}
            write_json(file, {"splits": known, "files": {str(path): _stamp(path) for path in paths}})
        kept = _json(file)
        for path, stamp in kept["files"].items():
            if stamp != _stamp(Path(path)):
                raise InputError(
                    f"{path} is not what the interrupted preparation has read: restore it, or begin anew with --overwrite."
                )
        return {name: examples_from(self.folder, known) for name, known in kept["splits"].items()}

    def learn(self, name: str, make: Callable[[], Any], settings: Mapping[str, Any]) -> Any:
        """What is learned from the training rows, as JSON: made once."""
        file = self.folder / "learned" / f"{name}.json"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            write_json(file, make())
        self.learned[name] = {"settings": dict(settings), "file": file.relative_to(self.folder).as_posix()}
        return _json(file)


_making: ContextVar[Making | None] = ContextVar("making", default=None)


@contextlib.contextmanager
def making_in(making: Making) -> Iterator[None]:
    """Splits that are read in the block become prepared data."""
    token = _making.set(making)
    try:
        yield
    finally:
        _making.reset(token)


def being_made() -> Making | None:
    """The prepared data that is being made."""
    return _making.get()
