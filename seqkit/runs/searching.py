"""How a run looks for its answers: as its recipe was told, as was chosen for it since, or as is asked for now."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from seqkit.core.errors import InputError, reason_of
from seqkit.core.settings import Search
from seqkit.runs.contents import RESTORE
from seqkit.runs.task import Task

CHOSEN = "search"  # in run.json: what was chosen after the training, and how


def search_of(task: Task) -> Search | None:
    """How a task's answers are looked for; None where they aren't."""
    found: Search | None = getattr(task, "search", None)
    return found


def search_fields(task: Task) -> dict[str, Any]:
    """The same for a report: "search", where there is one."""
    search = search_of(task)
    return {} if search is None else {"search": dataclasses.asdict(search)}


def searching(task: Any, model: keras.Model, changes: Mapping[str, Any], place: str) -> Any:
    """A task with another search.

    Args:
        model: That answers.
        changes: Fields of `Search` -> what they are to be.
        place: What is asked, for a sentence.
    Raises:
        InputError: The task looks for nothing, or a setting is wrong or would do nothing.
    """
    before = search_of(task)
    if before is None:
        names = ", ".join(f"search.{name}" for name in changes)
        raise InputError(f"{place} was made by {task.recipe}, which looks for no answers: leave {names} out.")
    plain = {field.name: field.default for field in dataclasses.fields(Search)}
    if unknown := set(changes) - set(plain):
        raise InputError(f"There is no search.{unknown.pop()}: there are {', '.join(plain)}.")
    search = dataclasses.replace(before, **changes)
    unread = search.unread() | ({} if getattr(task, "gives_others", True) else {"n_best": f"the recipe {task.recipe}"})
    for name, why in unread.items():
        if name in changes and changes[name] not in (plain[name], getattr(before, name)):
            raise InputError(f"search.{name} is {changes[name]!r}, but {why} doesn't read it: leave it out.")
    return task.with_search(search, model)


def recorded_search(task: Any, model: keras.Model, info: Mapping[str, Any], folder: Path) -> Any:
    """A task with the search that was chosen for its run since, where one was.

    Raises:
        InputError: run.json doesn't hold one.
    """
    if CHOSEN not in info:
        return task
    try:
        return task.with_search(Search(**info[CHOSEN]["settings"]), model)
    except Exception as error:  # whatever is made of what was never written
        raise InputError(f"{folder}/run.json is damaged ({CHOSEN}: {reason_of(error)}): {RESTORE}") from None
