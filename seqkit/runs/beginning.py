"""A new project: a file of data is looked at, and what it takes to train on it is written down."""

import collections
import dataclasses
import inspect
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np

from seqkit.core.arguments import hints_of
from seqkit.core.configuration import CONFIG
from seqkit.core.errors import InputError
from seqkit.core.files import replacing
from seqkit.core.findings import Finding
from seqkit.core.registry import Recipe, asked_as, recipes
from seqkit.runs.checking import Checked, checked
from seqkit.runs.task import Task
from seqkit.sources.cells import listed
from seqkit.sources.examples import Examples
from seqkit.sources.looking import Guess, Looked, guess, look_at
from seqkit.sources.units import check_unit

SCRIPT = "train.py"
SHOWN = 10  # labels, and columns
SAMPLE = 1_000  # texts whose letters are looked at
WIDTH = 100  # characters of a setting's explanation


@dataclasses.dataclass(frozen=True)
class NewProject:
    """What `new_project` has seen and written.

    Attributes:
        folder: Where it lies.
        recipe: What it trains.
        seen: What the file holds, a line each.
        findings: What the check finds in it, the most harmful first.
        files: That were written.
    """

    folder: Path
    recipe: str
    seen: Sequence[str]
    findings: Sequence[Finding]
    files: Sequence[Path]


def new_project(folder: str | Path, data: str | Path, *, recipe: str | None = None) -> NewProject:
    """Look at a file of data, and write a seqkit.toml and a train.py that train on it.

    Args:
        folder: Where they go.
        data: A file of any form that a recipe reads, or another source of one whose recipe is named.
        recipe: A name, or a path (my_module:spam); nothing for the one that the file's form tells.
    Raises:
        InputError: The file can't be read, doesn't tell what it is for, or a project lies there already.
    Example:
        >>> project = seqkit.new_project("project", "rows.tsv")
        >>> project.recipe, [file.name for file in project.files]
        ('text_classification', ['seqkit.toml', 'train.py'])
    """
    folder = Path(folder)
    files = folder / CONFIG, folder / SCRIPT
    for file in files:
        if file.exists():
            raise InputError(f"{file} exists: choose another folder, or remove it.")
    elsewhere = str(data).startswith("tfds:") or Path(data).is_dir()
    if elsewhere and recipe is None:
        raise InputError(f"{data} is no file, whose form would tell what it is for: name the recipe before the folder.")
    looked = None if elsewhere else _looked(Path(data), recipe)
    guessed = Guess(str(recipe)) if looked is None else guess(looked, recipe)
    known = recipes.load(guessed.recipe)
    settings: dict[str, Any] = {"data": str(data), **guessed.columns}
    if looked is not None and _unspaced(looked, guessed, known):
        settings["unit"] = "character"
    done = checked(known.function, (), settings)
    seen = [*([] if looked is None else _said_of_file(looked, guessed)), *_said_of_rows(done)]
    away = str(data).startswith("tfds:") or Path(data).is_absolute()
    here = data if away else Path(os.path.relpath(data, folder)).as_posix()
    wanted = {**settings, "data": str(here), "out": "run"}
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in zip(files, (config_text(known, wanted), script_text(known, wanted)), strict=True):
        with replacing(file) as part:
            part.write_text(text, encoding="utf-8")
    return NewProject(folder, known.name, seen, done.findings, files)


def config_text(recipe: Recipe, settings: Mapping[str, Any]) -> str:
    """A seqkit.toml with the settings of a recipe that matter most, each with a line on what it is.

    Args:
        settings: That are others than the recipe's defaults.
    """
    called = asked_as(recipe)
    lines = [
        f"# Trains {called}: seqkit check . says what is wrong with the data, seqkit train . trains.",
        f"# All other settings: seqkit train {called} --help all. Relative paths begin at this file.",
        f"recipe = {json.dumps(called)}",
    ]
    parameters, hints = inspect.signature(recipe.function).parameters, hints_of(recipe.function)
    first = [*recipe.first, *(name for name in settings if name not in recipe.first)]
    sections: dict[str, list[str]] = {}
    for name in first:
        argument, _, field = name.partition(".")
        default = parameters[argument].default
        value = settings.get(name, getattr(default, field) if field else default)
        said = _said_of(type(default).__doc__ if field else recipe.function.__doc__, field or argument)
        choices = get_args(hints[argument]) if get_origin(hints[argument]) is Literal else ()
        said += f" ({', '.join(choices)})" if choices else ""
        line = f"{field or argument} = {_toml(value)}" if value is not None else f"# {field or argument} = "
        sections.setdefault(argument if field else "", []).extend(["", f"# {said}", line])
    lines += sections.pop("", [])
    for section, inside in sections.items():
        lines += ["", f"[{section}]", *inside[1:]]
    return "\n".join(lines) + "\n"


def script_text(recipe: Recipe, settings: Mapping[str, Any]) -> str:
    """A script that trains as that file does."""
    module = f"seqkit.recipes import {recipe.name}"
    if not recipe.function.__module__.startswith("seqkit.recipes."):
        module = f"{recipe.function.__module__} import {recipe.function.__name__}"
    data = settings["data"]
    written = json.dumps(data, ensure_ascii=False)
    place = written if os.path.isabs(data) or data.startswith("tfds:") else f"HERE / {written}"
    others = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in settings.items()
        if name not in ("data", "out")
    ]
    return f'''"""Trains on {Path(data).name}, as seqkit train does by the {CONFIG} beside this file."""

from pathlib import Path

from {module}

HERE = Path(__file__).parent

if __name__ == "__main__":
    run = {recipe.function.__name__}({", ".join([place, *others, 'out=HERE / "run"'])})
    print(run)
'''


def _looked(path: Path, recipe: str | None) -> Looked | None:
    """The file, where there is one that can be looked at."""
    try:
        return look_at(path)
    except InputError:
        if recipe is None:
            raise
        return None  # its recipe may read what is no text


def _unspaced(looked: Looked, guessed: Guess, recipe: Recipe) -> bool:
    """Whether the recipe would take the clauses of a text without blanks for words, and may read characters instead."""
    column = guessed.columns.get("text")
    if column is None or "character" not in get_args(hints_of(recipe.function).get("unit")):
        return False
    texts = Examples({"text": [str(cell) for cell in looked.columns[column]]}, str(looked.path))
    return any(finding.kind == "unspaced" for finding in check_unit(texts, "text", "word").findings)


def _said_of_file(looked: Looked, guessed: Guess) -> Iterator[str]:
    columns = f" with the columns {listed(looked.columns, SHOWN)}" if looked.columns else ""
    yield f"{looked.path} is {looked.form}{columns}."
    fields = " and ".join(f"the {field} in {column!r}" for field, column in guessed.columns.items())
    yield f"It is for {guessed.recipe}" + (f", with {fields}." if fields and looked.columns else ".")
    for field, others in guessed.others.items():
        if others:
            yield f"The {field} might be in {listed(others, SHOWN)} too: set {field} in {CONFIG}."


def _said_of_rows(done: Checked) -> Iterator[str]:
    train, rest = done.splits.train, dict(done.splits.named())
    held = len(rest["valid"])
    yield f"{len(train) + held:,} rows, of which {held:,} are held out for validation."
    counts: collections.Counter[str] = collections.Counter()
    for rows in (train, rest["valid"]):
        for truth in done.task.truths(rows) or ():
            counts.update([truth] if isinstance(truth, str) else map(str, truth))
    if counts:
        yield _said_of_labels(counts)
    if (lengths := _lengths(done.task, train)) is not None:
        low, middle, high, most = np.percentile(lengths, [0, 50, 95, 100], method="nearest")
        yield f"Inputs have {low:,} to {most:,} tokens; half have at most {middle:,}, 95% at most {high:,}."
    field = done.task.fields[-1]
    some = train[field][: 20 * SAMPLE : max(1, min(len(train), 20 * SAMPLE) // SAMPLE)]
    texts = [text if isinstance(text, str) else " ".join(text) for text in some if isinstance(text, str | tuple)]
    if shares := scripts(texts):
        yield "Written in " + ", ".join(f"{name} letters ({share:.0%})" for name, share in shares.items()) + "."


def _said_of_labels(counts: collections.Counter[str]) -> str:
    names = [f"{name!r} {count:,}" for name, count in counts.most_common(SHOWN)]
    rarest = min(counts, key=lambda name: counts[name])
    more = f" and {len(counts) - SHOWN:,} more, the rarest {rarest!r} {counts[rarest]:,}" if len(counts) > SHOWN else ""
    return f"{len(counts):,} labels: {', '.join(names)}{more}."


def _lengths(task: Task, rows: Examples) -> np.ndarray | None:
    """Tokens of each input, where these are texts."""
    vocabularies: Mapping[str, Any] = getattr(task, "vocabularies", {})
    field = task.fields[-1]
    if field in vocabularies:
        ids: Callable[..., Any] = task.ids  # type: ignore[attr-defined]
        found: np.ndarray = ids(rows, field).lengths
        return found
    if isinstance(rows[field][0], tuple):
        return np.array([len(tokens) for tokens in rows[field]])
    return None


def scripts(texts: Iterable[str]) -> dict[str, float]:
    """The scripts of a text's letters, as Unicode names them -> their share, the most frequent first, from 1% on."""
    counts: collections.Counter[str] = collections.Counter()
    for character, count in collections.Counter("".join(texts)).items():
        if character.isalpha():
            counts[unicodedata.name(character, "UNKNOWN").split()[0].title()] += count
    total = counts.total()
    names = {"Cjk": "Chinese"}
    return {names.get(name, name): count / total for name, count in counts.most_common() if 100 * count >= total}


def _said_of(doc: str | None, name: str) -> str:
    """The first sentence on an argument in a docstring."""
    found = re.search(
        rf"^ *{name}: (.*?)(?=^ *\w+: |^ *\w+:$|\Z)", inspect.cleandoc(doc or ""), re.DOTALL | re.MULTILINE
    )
    text = " ".join(found[1].split()) if found else name.replace("_", " ")
    sentence = re.split(r"(?<=\.) ", text)[0].rstrip(".")
    return sentence if len(sentence) <= WIDTH else sentence[:WIDTH].rsplit(" ", 1)[0] + " ..."


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)
