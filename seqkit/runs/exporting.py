"""A run as an exporter sees it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqkit.core.errors import InputError
from seqkit.export.portable import portable
from seqkit.export.subject import Case, Quantize, Subject
from seqkit.runs.contents import file_of
from seqkit.runs.opening import MODEL, answering, load_model
from seqkit.runs.samples import read_samples
from seqkit.runs.searching import search_of, searching
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.training.executor import Forward

CASES = 64  # rows on which an artefact is compared with the run
SYMBOLS = 200  # of each text, where every one is answered
BEST_ALONE = ("savedmodel",)  # formats that answer by the best answer, where a run has search.n_best of them


def task_of_format(task: Task, model: keras.Model, format: str, place: Path) -> Task:
    """A task as a format answers for it, with a single answer where the format has room for no other.

    Args:
        model: That answers.
        format: The name of an exporter.
        place: The run's folder, for a sentence.
    """
    search = search_of(task)
    if format not in BEST_ALONE or search is None or search.n_best == 1:
        return task
    alone: Task = searching(task, model, {"n_best": 1}, str(place))
    return alone


def subject_of(
    path: Path,
    info: Mapping[str, Any],
    task: Task,
    forward: Forward,
    *,
    step: bool = False,
    quantize: Quantize = "none",
) -> Subject:
    """A run as an exporter sees it.

    Args:
        path: Its folder.
        info: run.json.
        forward: Of the model that answers for the run.
    Raises:
        InputError: The task's models aren't exported.
    """
    if task.unexported:
        raise InputError(f"{path} can't be exported: {task.unexported}.")
    examples = task.read(tuple(_kept(path, info, task).values()), {field: field for field in task.fields}, role="asked")

    if info["settings"]["training"]["precision"] != "float32":  # weights leave as float32, and are to answer as such
        forward = Forward(portable(load_model(file_of(path, info, MODEL))))

    def load() -> keras.Model:
        return portable(load_model(file_of(path, info, MODEL)))

    with answering(path):
        cases = _cases(task, examples, forward)
    return Subject(
        name=str(path),
        recipe=task.recipe,
        folder=path,
        step=step,
        quantize=quantize,
        in_step=bool(task.in_step),
        description=task.description(forward.model),
        cases=cases,
        load=load,
        serve=task.serving,
    )


def _kept(path: Path, info: Mapping[str, Any], task: Task) -> dict[str, list[Any]]:
    """The rows that the run keeps, so many of them; what a language model reads is cut, for it answers every symbol."""
    kept = read_samples(path, info, task.fields)
    short = SYMBOLS if hasattr(task, "generate") else None
    return {
        field: [value[:short] if isinstance(value, str) else value for value in values[:CASES]]
        for field, values in kept.items()
    }


def _cases(task: Task, examples: Examples, forward: Forward) -> list[Case]:
    """Each row as it is asked, as the graph gets it, and as the run answers it."""
    model, rows = forward.model, task.encode(examples, len(examples))[0]
    columns: Any = rows.columns
    reader = model.get_layer("encoder") if any(layer.name == "encoder" for layer in model.layers) else model
    names = [tensor.name for tensor in reader.inputs]
    drawn = getattr(getattr(task, "search", None), "temperature", 0.0)
    answers = [None] * len(examples) if drawn else task.answers(examples, task.outputs(forward, rows))
    cases = []
    for row, answer in enumerate(answers):
        asked = {field: _plain(examples[field][row]) for field in task.fields}
        arrays = {name: np.asarray(columns[name][row]) for name in names}
        cases.append(Case(asked if len(asked) > 1 else next(iter(asked.values())), arrays, answer))
    return cases


def _plain(value: Any) -> Any:
    """A text, a list of tokens or an array."""
    return value if isinstance(value, str) else list(value) if isinstance(value, tuple) else np.asarray(value)
