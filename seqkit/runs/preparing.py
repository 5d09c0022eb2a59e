"""Data prepared for a recipe: its rows in files, the ids made of them, and what was found on the way."""

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.files import digest_of, put_back, read_json, replacing, stand, sync, write_json
from seqkit.core.findings import refuse
from seqkit.core.progress import notify, tracked
from seqkit.core.ragged import Ragged
from seqkit.core.registry import Recipe, import_path, recipe_of
from seqkit.core.spreading import one_by_one, spread_or, spreading
from seqkit.core.version import __version__
from seqkit.runs.checking import Checked, checked, say
from seqkit.runs.folder import empty
from seqkit.runs.lock import FolderLock
from seqkit.runs.ray_workers import Engine, check_engine, spread_by_ray
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.sources.prepared import MANIFEST, READ, VERSION, Making, array_from, digest_of_json, findings_of, making_in
from seqkit.sources.splits import Splits

SHARD = 4_096  # rows that are encoded at once: what memory holds, and what an interruption loses at most
STARTED, SHARDS = "started.json", "shards"  # what, beside READ, a preparation has that is under way


def prepare(
    recipe: Callable[..., Any],
    *args: Any,
    out: str | Path,
    overwrite: bool = False,
    resume: bool | Literal["auto"] = False,
    strict: bool = False,
    engine: Engine = "local",
    address: str | None = None,
    **arguments: Any,
) -> Path:
    """Prepare a recipe's data: the folder takes the place of the data in a training with the same settings.

    Args:
        recipe: As it is called to train: `prepare(sentiment, "reviews.tsv", out="reviews")`; so are the arguments, of which
            those count that shape the rows and their ids.
        out: The folder.
        overwrite: Replace prepared data that lies there.
        resume: Go on with a preparation that was interrupted; "auto" to begin where there is none.
        strict: Refuse data in which the check finds an error or a warning.
        engine: Who splits texts into tokens and makes ids of them: "local" for this process, or "ray" for workers of Ray,
            which all have to see the folder.
        address: Of a cluster of Ray; nothing for this machine's cores.
    Returns:
        The folder.
    Raises:
        InputError: The data or a setting is not as expected; the place is taken; Ray isn't there, or has nothing to do.
    Example:
        >>> from seqkit.recipes import sentiment
        >>> folder = seqkit.prepare(sentiment, "rows.tsv", valid="others.tsv", out="prepared")
        >>> sorted(path.name for path in folder.iterdir())  # sentiment(folder) trains on it
        ['learned', 'manifest.json', 'sources', 'splits']
    """
    check_engine(engine, address)
    _check_spread(recipe_of(recipe), engine)
    place = Path(out)
    with _new_folder(place, overwrite=overwrite, resume=resume) as lock:
        folder = lock.folder
        _check_started(folder, recipe_of(recipe).name, args, arguments)
        try:
            if not (folder / MANIFEST).exists():  # which is written last
                making = Making(folder)
                with making_in(making), _working(engine, address):
                    done = checked(recipe, args, arguments, encode=lambda task, splits: _encoded(making, task, splits))
                _finish(making, done)
        except KeyboardInterrupt as stop:
            goes_on = f"what is whole stays in {folder}, and the same command with --resume goes on from it"
            raise type(stop)(f"Interrupted: {goes_on if _begun(folder) else 'nothing is kept'}.") from None
        findings = findings_of(read_json(folder / MANIFEST))
        say(findings)
        if strict:
            refuse(findings)
        shutil.rmtree(folder / SHARDS, ignore_errors=True)
        (folder / READ).unlink(missing_ok=True)
        stand(folder, place)
        lock.folder = place
        (place / STARTED).unlink()
    return place


def _check_spread(recipe: Recipe, engine: Engine) -> None:
    """Raise InputError where an engine would have nothing to do."""
    task = recipe.tasks[recipe.name]
    task = import_path(task) if isinstance(task, str) else task
    if engine != "local" and not getattr(task, "splits_texts", True):
        raise InputError(
            f"engine is {engine!r}, but a preparation of {recipe.name} splits no texts, which is all that others do for it: "
            "leave it out."
        )


@contextlib.contextmanager
def _working(engine: Engine, address: str | None) -> Iterator[None]:
    """What is spread in the block is done by an engine."""
    with spread_by_ray(address) if engine == "ray" else contextlib.nullcontext() as spread, spreading(spread):
        yield


@contextlib.contextmanager
def _new_folder(place: Path, *, overwrite: bool, resume: bool | Literal["auto"]) -> Iterator[FolderLock]:
    """A folder to fill beside its place, locked; what is in it stays there where it is interrupted."""
    if place.name in ("", ".."):
        raise InputError(f"{place} names no folder to make: give --out a name.")
    _check_free(place, overwrite)
    part = place.with_name(f".{place.name}.partial")
    begun = _begun(part)
    if resume is True and not begun:
        raise InputError(f"There is no interrupted preparation of {place} to resume: leave --resume out.")
    if begun and not (resume or overwrite):
        raise InputError(
            f"An interrupted preparation of {place} lies in {part}: pass --resume to go on, or --overwrite to drop it."
        )
    with FolderLock(part, place, make=True) as lock:
        try:
            put_back(place)
            _check_free(place, overwrite)  # once more: it may have been made meanwhile
            if not (resume and begun):
                empty(part, lock)
            yield lock
        finally:
            if lock.folder == part and not _begun(part):
                shutil.rmtree(part, ignore_errors=True)


def _check_free(place: Path, overwrite: bool) -> None:
    if place.exists() and not (place / MANIFEST).exists():
        raise InputError(f"{place} exists and is no prepared data: choose another --out.")
    if place.exists() and not overwrite:
        raise InputError(f"{place} exists: choose another --out, or pass --overwrite to replace it.")


def _begun(part: Path) -> bool:
    """Whether there is something to go on from: what was read, or all that is wanted, in a folder that is to be renamed."""
    return (part / READ).exists() or (part / MANIFEST).exists()


def _check_started(folder: Path, recipe: str, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> None:
    """Note what a preparation is started with; one that goes on must be the same.

    Raises:
        InputError: It is another.
    """
    given = {"recipe": recipe} | {f"argument {number}": value for number, value in enumerate(args)} | dict(arguments)
    plain = (str, int, float, Path, type(None))
    now = {
        name: str(value) if isinstance(value, plain) or dataclasses.is_dataclass(value) else f"<{type(value).__name__}>"
        for name, value in given.items()
    }
    if not (folder / STARTED).exists():
        write_json(folder / STARTED, now)
        return
    before = read_json(folder / STARTED)
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            raise InputError(
                f"The interrupted preparation was started with {name} {before.get(name)}, now it is {now.get(name)}: use "
                "the same settings, or --overwrite to begin anew."
            )


def _encoded(making: Making, task: Task, splits: Splits) -> Splits:
    """The splits with what the task makes of their rows, in files."""
    encoded: dict[str, Any] = {name: _encode(making, task, name, rows) for name, rows in splits.named()}
    return dataclasses.replace(splits, **encoded)


def _encode(making: Making, task: Task, name: str, examples: Examples) -> Examples:
    shards = [making.folder / SHARDS / name / f"{start // SHARD:06d}" for start in range(0, len(examples), SHARD)]
    left = [number for number, shard in enumerate(shards) if not _is_whole(shard)]
    if len(left) < len(shards):
        notify(f"{len(shards) - len(left):,} of {len(shards):,} shards of the {name} rows are there already")
    bounds = [(number * SHARD, min((number + 1) * SHARD, len(examples))) for number in left]
    columns = spread_or(one_by_one)(_columns, (task, examples), bounds)
    for number in tracked(left, f"encoding the {name} rows"):
        _write_shard(shards[number], next(columns))
    known = _joined(making.folder, name, shards)
    making.encoded[name] = known
    prepared = {part: array_from(making.folder, one) for part, one in known.items()}
    return dataclasses.replace(examples, prepared=prepared)


def _columns(task: Task, examples: Examples, bounds: tuple[int, int]) -> dict[str, np.ndarray | Ragged]:
    """What a task makes of some rows, wherever this is called."""
    return task.prepared(examples, *bounds)


def _write_shard(shard: Path, columns: Mapping[str, np.ndarray | Ragged]) -> None:
    shard.parent.mkdir(parents=True, exist_ok=True)
    with replacing(shard) as part:
        part.mkdir()
        known: dict[str, Any] = {}
        for name, column in columns.items():
            values = column.values if isinstance(column, Ragged) else column
            little = values.dtype.newbyteorder("<")
            values.astype(little).tofile(part / f"{name}.values")
            known[name] = {
                "dtype": little.str,
                "shape": list(values.shape[1:]),
                "ragged": isinstance(column, Ragged),
                "digests": {"values": digest_of(part / f"{name}.values")},
            }
            if isinstance(column, Ragged):
                column.lengths.astype("<i8").tofile(part / f"{name}.lengths")
                known[name]["digests"]["lengths"] = digest_of(part / f"{name}.lengths")
        for file in part.iterdir():
            sync(file)
        write_json(part / "shard.json", known)


def _is_whole(shard: Path) -> bool:
    """Whether a shard is there, and is what was written."""
    if not (shard / "shard.json").exists():
        return False
    return all(
        (shard / f"{name}.{end}").exists() and digest_of(shard / f"{name}.{end}") == digest
        for name, known in read_json(shard / "shard.json").items()
        for end, digest in known["digests"].items()
    )


def _joined(folder: Path, split: str, shards: list[Path]) -> dict[str, dict[str, Any]]:
    """The shards of a split as one file a column, and what a manifest says of each."""
    parts = [read_json(shard / "shard.json") for shard in shards]
    joined = {}
    (folder / "splits" / split).mkdir(parents=True, exist_ok=True)
    for name, known in parts[0].items():
        base = f"splits/{split}/{name}"
        with open(folder / f"{base}.values", "wb") as file:
            for shard in shards:
                with open(shard / f"{name}.values", "rb") as part:
                    shutil.copyfileobj(part, file, 1 << 20)
        if known["ragged"]:
            with open(folder / f"{base}.starts", "wb") as file:
                end = np.zeros(1, "<i8")
                file.write(end.tobytes())
                for shard in shards:
                    ends = end + np.cumsum(np.fromfile(shard / f"{name}.lengths", "<i8"))
                    file.write(ends.astype("<i8").tobytes())
                    end = ends[-1:]
        joined[name] = {key: known[key] for key in ("dtype", "shape", "ragged")} | {
            "base": base,
            "shards": [part[name]["digests"] for part in parts],
        }
    return joined


def _written(folder: Path, base: str, column: Ragged) -> dict[str, Any]:
    """A column as files, and what a manifest says of it."""
    little = column.values.dtype.newbyteorder("<")
    column.values.astype(little).tofile(folder / f"{base}.values")
    column.offsets.astype("<i8").tofile(folder / f"{base}.starts")
    return {"dtype": little.str, "shape": list(column.values.shape[1:]), "ragged": True, "base": base}


def _finish(making: Making, done: Checked) -> None:
    """Write the manifest, of all but what only a resumed preparation needs."""
    folder = making.folder
    read = read_json(folder / READ)
    splits = read["splits"]
    for name, examples in done.splits.named():
        prints, column = done.prints[name].prepared(done.task.fields, len(examples))
        known = making.encoded[name] | {prints: _written(folder, f"splits/{name}/prints", column)}
        splits[name] |= {"rows": len(examples), "digest": examples.digest(), "prepared": known}
    kept = [path for path in folder.iterdir() if path.name not in (READ, STARTED, SHARDS)]
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "digest": digest_of(path)}
        for path in sorted(path for one in kept for path in (one, *one.rglob("*")))
        if path.is_file() and not path.name.startswith(".")
    }
    manifest = {
        "version": VERSION,
        "recipe": done.task.recipe,
        "columns": done.task.columns,
        "settings": making.settings,
        "seqkit": __version__,
        "learned": making.learned,
        "sources": {
            path: {"bytes": size, "digest": digest_of(Path(path))} for path, (size, _) in read["files"].items()
        },
        "splits": splits,
        "findings": [dataclasses.asdict(finding) for finding in done.findings],
        "files": files,
    }
    manifest = json.loads(json.dumps(manifest))
    write_json(folder / MANIFEST, manifest | {"digest": digest_of_json(manifest)})
