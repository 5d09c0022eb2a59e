"""The rows that a run was trained on, or chose its epoch by, read again as the training read them."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from seqkit.core.arguments import hints_of
from seqkit.core.errors import InputError
from seqkit.core.registry import recipe_holding
from seqkit.runs.checking import rows_of
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples

Part = Literal["train", "valid"]
WORDS = {"train": "training", "valid": "validation"}


def rows_again(task: Task, path: Path, info: Mapping[str, Any], part: Part, *, data_dir: str | None = None) -> Examples:
    """The training or the validation rows of a run.

    Args:
        path, info: The run's folder, and its run.json.
        data_dir: Where TFDS keeps prepared data sets.
    Raises:
        InputError: They lay in memory, are no longer there, or are others today.
    """
    settings, known = info["settings"], info["data"][part]
    for name in ("data", part):
        if _in_memory(settings.get(name)):
            raise InputError(
                f"{path} was trained on data that lay in memory ({settings[name]}): give its {WORDS[part]} rows."
            )
    function = recipe_holding(info["recipe"]).function
    given = _arguments(function, info)
    given |= {"data_dir": data_dir or given.get("data_dir")}
    if given.get("data") is not None:
        given["test"] = None  # which is not looked at
    try:
        splits = rows_of(function, given)
        rows = task.examined(splits.train if part == "train" else splits.valid)
    except InputError as error:
        raise InputError(f"The {WORDS[part]} rows of {path} can't be read again: {error} Or give them.") from None
    if rows.digest() != known["digest"]:
        raise InputError(
            f"{rows.origin} holds other {WORDS[part]} rows today ({len(rows):,}) than the training had ({known['rows']:,}): "
            + ("give those to choose by." if part == "valid" else "they can't be compared with.")
        )
    return rows


def check_rows_again(
    function: Callable[..., Any], task: Task, path: Path, info: Mapping[str, Any], sources: Mapping[str, Any]
) -> None:
    """Raise InputError where a run's sources hold other training or validation rows today than it was trained on.

    Args:
        function: The recipe's.
        path, info: The run's folder, and its run.json.
        sources: What it was given, of which run.json may hold a type alone: "data" and "valid" among others.
    """
    settings = info["settings"]
    in_memory = {name: sources.get(name) for name in ("data", "valid") if _in_memory(settings.get(name))}
    splits = rows_of(function, {**_arguments(function, info), **in_memory, "test": None})
    for part, rows in (("train", task.examined(splits.train)), ("valid", task.examined(splits.valid))):
        known = info["data"][part]
        if rows.digest() != known["digest"]:
            raise InputError(
                f"{path} was trained with other {WORDS[part]} rows ({known['rows']:,}) than {rows.origin} holds today "
                f"({len(rows):,}): choose another --out, or take that run away."
            )


def _arguments(function: Callable[..., Any], info: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's arguments as a run was trained with them."""
    hints = hints_of(function)
    return {name: _as(hints[name], value) for name, value in info["settings"].items() if name in hints}


def _in_memory(source: Any) -> bool:
    return isinstance(source, str) and re.fullmatch(r"<\w+>", source) is not None


def _as(hint: Any, value: Any) -> Any:
    """A setting of run.json as a recipe takes it."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, dict):
        names = {field.name for field in dataclasses.fields(hint)}
        return hint(**{name: _as(None, one) for name, one in value.items() if name in names})
    return value
