"""What is inside an answer, as a page and as plain values."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from markupsafe import Markup

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.core.version import __version__
from seqkit.lab.explaining import explain
from seqkit.lab.nearest import nearest_rows
from seqkit.report.inspection import looks, write_inspection
from seqkit.report.pages import png
from seqkit.report.wording import listed, visible
from seqkit.runs.inspecting import Inspection
from seqkit.runs.predicting import row_of
from seqkit.runs.run import Run
from seqkit.sources.recordings import Recording


def show_inspection(
    to: str | PathLike[str],
    run: Run,
    given: Any = None,
    *,
    file: str | None = None,
    row: int | None = None,
    id: str | None = None,
    id_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    of: str | None = None,
    at: int | None = None,
    answer: str | None = None,
    nearest: int = 5,
    among: int = 2000,
) -> dict[str, Any]:
    """Write a page on one answer: which words moved it, probabilities by step, states and gates, attention, and the training
    rows that are nearest.

    Args:
        to: The page, .html.
        given: One input, as `Run.predict` takes a list of them; nothing for a row of a file.
        file, row, id, id_column, columns: Which: by its number from 0 on, nothing for the first; or in a table of texts by
            what a column calls it, nothing for "id"; and field -> column, where they are called otherwise than in the
            training data.
        of, at, answer: As in `seqkit.explain`.
        nearest: Training rows that are shown; 0 for none.
        among: Training rows that are looked at, evenly over all of them; 0 for all.
    Returns:
        What the page shows: "answer", "inspection" as `Inspection.to_json` has it, "explanation" and "nearest", or a
        sentence on why there is none.
    Raises:
        InputError: The row can't be read, or is told without a file; or there is no such label, step or answer.
    Example:
        >>> shown = seqkit.show_inspection("inside.html", run, "a bad film, number 7", nearest=1)
        >>> shown["answer"]["label"], sorted(shown)
        ('bad', ['answer', 'explanation', 'inspection', 'nearest'])
    """
    at_least("nearest", nearest, 0)
    at_least("among", among, 0)
    which: dict[str, Any] = {"row": row, "id": id, "id_column": id_column, "columns": columns}
    if file is not None:
        given = row_of(run, file, **which)
    elif told := [name for name, value in which.items() if value is not None]:
        raise InputError(f"Without a file {listed(told)} would count for nothing: give --data, or leave that out.")
    inside = run.inspect([given], answers=None if answer is None else [answer]).of_row(0)
    moved: dict[str, Any] | str
    if inside.reads_words:
        moved = explain(run, given, of=of, at=at, answer=answer).to_json()
    elif of is not None or at is not None:
        raise InputError(f"{run.path} reads no words, none of which can have moved an answer: leave of and at out.")
    else:
        moved = "The model reads no words, none of which can have moved its answer."
    near = _near(run, given, nearest, among)
    found = {
        **_drawn(inside),
        "lead": lead(inside, moved),
        "run": str(run.path),
        "given": _text(given),
        "answer": inside.answers[0],
        "choices": inside.choices,
        "explanation": moved,
        "nearest": near,
        "among": among or run.info["data"]["train"]["rows"],
        "image": _image(run, given),
    }
    write_inspection(to, found, version=__version__)
    return {"answer": inside.answers[0], "explanation": moved, "nearest": near, "inspection": inside.to_json()}


def attention_pictures(run: Run, given: Any) -> list[Markup]:
    """Where a run looks while it answers one input, for a page; none of one that looks nowhere."""
    inside = run.inspect([given]).of_row(0)
    return looks({**_drawn(inside), "image": _image(run, given)}) if "attention" in inside.arrays else []


def _drawn(inside: Inspection) -> dict[str, Any]:
    """A row's arrays and steps, without the axis of rows."""
    arrays = {name: (array.values[0], array.axes[1:]) for name, array in inside.arrays.items()}
    return {"arrays": arrays, "steps": {axis: rows[0] for axis, rows in inside.steps.items()}}


def lead(inside: Inspection, moved: dict[str, Any] | str) -> str:
    """What is found, in a sentence."""
    if isinstance(moved, str) or not moved["words"]:
        return "What the model did on its way to this answer."
    added = np.array(moved["added"])
    order = np.argsort(-added, kind="stable")
    speak = [f"“{visible(moved['words'][place])}”" for place in order[:2] if added[place] > 0]
    against = [f"“{visible(moved['words'][place])}”" for place in order[:-2:-1] if added[place] < 0]
    where = "" if moved["at"] is None else f" at step {moved['at']}"
    said = f"{visible(moved['of'])}{where} has a probability of {moved['probability']:.1%}"
    if speak:
        said += f": {listed(speak)} {'speak' if len(speak) > 1 else 'speaks'} for it most"
    if against:
        said += f"{',' if speak else ':'} {against[0]} {'' if speak else 'speaks '}against it"
    return said + "."


def _near(run: Run, given: Any, count: int, among: int) -> list[dict[str, Any]] | str:
    if not count:
        return "None were asked for."
    try:
        return [
            {"row": one.row, "similarity": round(one.similarity, 6), "columns": one.columns}
            for one in nearest_rows(run, given, count=count, among=among)
        ]
    except InputError as error:
        return str(error)


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    parts = given if isinstance(given, (tuple, list)) else [given]
    names = (one.name if isinstance(one, Recording) else one for one in parts)
    return " ".join(one if isinstance(one, str) else f"<{type(one).__name__}>" for one in names)


def _image(run: Run, given: Any) -> str | None:
    """The image that is asked about, as a PNG file in base64."""
    examples = run.asked([given])
    return png(np.asarray(examples["image"][0])) if "image" in examples.columns else None
