"""Many files of inputs, each answered into a file of its own: here, or by the workers of Ray."""

import dataclasses
import glob
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError, UnfinishedError, reason_of
from seqkit.core.files import json_text, read_json, replacing, write_json
from seqkit.core.progress import notify, tracked
from seqkit.core.registry import import_path
from seqkit.runs.lock import FolderLock
from seqkit.runs.opening import MODEL, VOCABULARY
from seqkit.runs.predicting import predict_file
from seqkit.runs.ray_workers import Engine, answered_by_ray, check_engine
from seqkit.runs.run import Run, load
from seqkit.runs.searching import search_fields
from seqkit.sources.examples import OnError

ANSWERED_BY = "answered_by.json"  # in the folder of answers
NAMED = 5  # files that failed, in a sentence


@dataclasses.dataclass(frozen=True)
class FileAnswers:
    """How files are answered, wherever that is done.

    Attributes:
        run: The run folder.
        out: The folder of answers.
        base: The folder that all inputs lie in; the folders between are made under `out` too.
        columns: Field -> column, where they are called otherwise than in training.
        on_error: As for `load`.
        modules: That are imported first.
        search: Fields of `seqkit.Search` that are others than the run's.
        id: The column of what a row is called.
    """

    run: Path
    out: Path
    base: Path
    columns: Mapping[str, str] | None = None
    on_error: OnError | None = None
    modules: tuple[str, ...] = ()
    search: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    id: str | None = None

    def place(self, file: Path) -> Path:
        """Where a file's answers go."""
        inside = file.relative_to(self.base)
        return self.out / inside.with_name(f"{inside.name}.jsonl")

    def done(self, file: Path) -> bool:
        """Whether a file's answers are there, and the file has not been changed since."""
        place = self.place(file)
        return place.is_file() and place.stat().st_mtime >= file.stat().st_mtime

    def opened(self) -> Run:
        """The run, wherever this is."""
        for module in self.modules:
            import_path(module)
        run = load(self.run, on_error=self.on_error)
        return run.searching(**self.search) if self.search else run

    def write(self, run: Run, file: Path) -> str:
        """Write a file's answers, all or none; says why that failed, or nothing."""
        place = self.place(file)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as part, open(part, "w", encoding="utf-8", newline="\n") as answers:
                for answer in predict_file(run, str(file), columns=self.columns, id=self.id):
                    answers.write(json_text(answer) + "\n")
        except Exception as error:
            return reason_of(error)
        return ""


def predict_files(
    run: str | Path,
    inputs: str,
    out: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    on_error: OnError | None = None,
    modules: tuple[str, ...] = (),
    engine: Engine = "local",
    address: str | None = None,
    search: Mapping[str, Any] | None = None,
    id: str | None = None,
) -> Path:
    """Answer all files that fit a pattern, each into a file of its own, which is there whole or not at all.

    Files that were answered before are left as they are, so that the same call goes on where one was interrupted; one that
    can't be answered is named, and the others are.

    Args:
        run: The run folder.
        inputs: A pattern: * for part of a name, ** for folders. A file is read as `Run.inputs_of` does it.
        out: The folder of answers, NAME.jsonl for each NAME, a JSON object a line. What lies in folders below those that the
            pattern names before its first wildcard lies in the same ones here.
        columns: Field -> column, where they are called otherwise than in the training data.
        on_error: As for `load`.
        modules: That are imported first, for a recipe or a cell that no installed package declares.
        engine: "local" for one file after the other, or "ray" for workers of Ray, which all have to see the same folders.
        address: Of a cluster of Ray; nothing for this machine's cores.
        search: Fields of `seqkit.Search` that are others than the run's.
        id: The column of a table that says what a row is called.
    Returns:
        `out`.
    Raises:
        InputError: Nothing fits the pattern, `out` has the answers of another run, or Ray isn't there.
        UnfinishedError: Files could not be answered.
    Example:
        >>> folder = seqkit.predict_files("run_0", "*.tsv", "answers")
        >>> sorted(file.name for file in folder.glob("*.jsonl"))
        ['others.tsv.jsonl', 'rows.tsv.jsonl']
    """
    check_engine(engine, address)
    base, files = _found(inputs)
    answers = FileAnswers(Path(run).resolve(), Path(out).resolve(), base, columns, on_error, modules, search or {}, id)
    opened = answers.opened()
    opened.columns(columns)  # which refuses one that isn't there
    Path(out).mkdir(parents=True, exist_ok=True)
    with FolderLock(Path(out)):
        _check_same_run(Path(out), opened, columns, id)
        asked = [file for file in files if not answers.done(file)]
        if len(asked) < len(files):
            notify(f"{len(files) - len(asked):,} of {len(files):,} files are answered already.")
        failed = {}
        for file, why in answered_by_ray(answers, asked, address) if engine == "ray" else _here(answers, opened, asked):
            if why:
                failed[file] = why if why.startswith(str(file)) else f"{file} ({why})"
                notify(f"Not answered: {failed[file]}")
    if failed:
        named = "; ".join(what.removesuffix(".") for what in list(failed.values())[:NAMED])
        more = f"; and {len(failed) - NAMED:,} more" if len(failed) > NAMED else ""
        raise UnfinishedError(f"{len(failed):,} of {len(files):,} files could not be answered: {named}{more}.")
    return Path(out)


def _found(pattern: str) -> tuple[Path, list[Path]]:
    """The files that fit a pattern, and the folder that it names before its first wildcard, so that the place of a file's
    answers depends on no other file; above it where the pattern goes up again.

    Raises:
        InputError: There are none.
    """
    named = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parent.parts))
    base = named.resolve()
    inside = {os.path.relpath(name, named) for name in glob.glob(pattern, recursive=True)}
    files = sorted(Path(os.path.normpath(base / name)) for name in inside)
    if not files:
        raise InputError(f"{pattern} fits no file: check the pattern, and quote it.")
    return Path(os.path.commonpath([base, *(file.parent for file in files)])), files


def _here(answers: FileAnswers, run: Run, files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for file in tracked(files, "answering files"):
        yield file, answers.write(run, file)


def _check_same_run(out: Path, run: Run, columns: Mapping[str, str] | None, id: str | None) -> None:
    """Note whose answers a folder has; raise InputError where they are another's."""
    files = run.info.get("files", {})
    mine = {"run": {name: files.get(name) for name in (MODEL, VOCABULARY)}, "columns": run.columns(columns)}
    mine |= search_fields(run.task) | ({} if id is None else {"id": id})
    if not (out / ANSWERED_BY).exists():
        write_json(out / ANSWERED_BY, mine)
    elif search_fields(run.task) | read_json(out / ANSWERED_BY) != mine:  # of before 0.9 without a search
        raise InputError(
            f"{out} has the answers of another run, of other columns or ids, or of another search: choose another folder."
        )
