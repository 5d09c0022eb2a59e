"""The rows that a run was trained on, or chose its epoch by, read again as the training read them."""

import dataclasses
import re
from collections.abc import Mapping
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
        if isinstance(settings.get(name), str) and re.fullmatch(r"<\w+>", settings[name]):
            raise InputError(
                f"{path} was trained on data that lay in memory ({settings[name]}): give its {WORDS[part]} rows."
            )
    function = recipe_holding(info["recipe"]).function
    hints = hints_of(function)
    given = {name: _as(hints[name], value) for name, value in settings.items() if name in hints}
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


def _as(hint: Any, value: Any) -> Any:
    """A setting of run.json as a recipe takes it."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, dict):
        names = {field.name for field in dataclasses.fields(hint)}
        return hint(**{name: _as(None, one) for name, one in value.items() if name in names})
    return value
