"""What a model does with some rows, step by step: states, gates, attention, logits and probabilities, as arrays with named
axes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import teacher_forced
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged, steps_a_place
from seqkit.inference.opened import Opened, open_model
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import BEGIN, END, PADDING, SPECIAL, UNKNOWN
from seqkit.training.executor import Forward

ROW, STEP, SOURCE, TARGET, CLASS, PLACE = "row", "step", "source", "target", "class", "place"


@dataclasses.dataclass(frozen=True)
class Named:
    """An array, and what each of its axes counts.

    Attributes:
        values: float32; NaN behind a row's end.
        axes: "row" first; "step" for the steps of what is read, which are "source" and "target" where something is read and
            something else written, and "place" where a step stands for several symbols or a part of an image; "unit",
            "class", "feature".
    Example:
        >>> state = run.inspect(["a good film", "bad"]).arrays["lstm_1/hidden state"]
        >>> state.axes, state.values.shape
        (('row', 'step', 'unit'), (2, 4, 4))
    """

    values: np.ndarray
    axes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a model did with rows.

    Attributes:
        answers: As `Run.predict` gives them.
        arrays: By name: "logits" and "probabilities"; a layer and one of its states or gates, as in
            "bidirectional_1 forward/forget gate"; "attention"; "answer vector", from which the logits are read.
        steps: "step", or "source" and "target" -> what stands there, a list a row.
        choices: What the axis "class" counts.
        reads_words: Whether what is read step by step are words.
    Example:
        >>> inside = run.inspect(["a good film", "bad"])
        >>> inside.steps["step"][1], inside.choices
        (['bad', '<end>'], ('bad', 'good'))
        >>> inside.arrays["probabilities"].values.shape
        (2, 2)
    """

    answers: list[dict[str, Any]]
    arrays: dict[str, Named]
    steps: dict[str, list[list[str]]]
    choices: tuple[str, ...]
    reads_words: bool

    def of_row(self, row: int) -> "Inspection":
        """The same of one row, without padding; the axis "row" has it alone."""
        sizes = {axis: len(rows[row]) for axis, rows in self.steps.items()}
        arrays = {
            name: Named(
                array.values[
                    (slice(row, row + 1), *(slice(sizes.get(axis, size)) for axis, size in _sizes(array)[1:]))
                ],
                array.axes,
            )
            for name, array in self.arrays.items()
        }
        steps = {axis: [rows[row]] for axis, rows in self.steps.items()}
        return dataclasses.replace(self, answers=[self.answers[row]], arrays=arrays, steps=steps)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON has it; null for what lies behind a row's end."""
        arrays = {
            name: {"axes": list(array.axes), "values": _nulls(array.values.astype(np.float64).round(6).tolist())}
            for name, array in self.arrays.items()
        }
        return {"answers": self.answers, "steps": self.steps, "choices": list(self.choices), "arrays": arrays}


def _sizes(array: Named) -> list[tuple[str, int]]:
    return list(zip(array.axes, array.values.shape, strict=True))


def _nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_nulls(one) for one in value]
    return None if value != value else value  # NaN alone is unlike itself


@dataclasses.dataclass(frozen=True)
class OpenRows:
    """Rows as a model reads them, all in one batch.

    Attributes:
        batch: Column -> a tensor, (rows, ...), in the order of the rows.
        lengths: Column that has steps -> how many are real in each row.
        steps: As in `Inspection`.
        read: The column of what is read step by step; nothing where there is none, as with an image.
    """

    batch: dict[str, tf.Tensor]
    lengths: dict[str, np.ndarray]
    steps: dict[str, list[list[str]]]
    read: str | None


def inspect_rows(
    task: Task, forward: Forward, examples: Examples, *, answers: Sequence[str] | None = None
) -> Inspection:
    """Look inside a model while it answers rows.

    Args:
        examples: That are asked.
        answers: Of a model that writes, what it is to have written, a text a row; nothing for what it writes.
    Raises:
        InputError: There are no rows, the recipe doesn't say how its rows are looked at, or answers are given to a model
            that writes none.
    """
    rows, said = open_rows(task, forward, examples, answers=answers)
    opened = open_model(forward.model, rows.batch)
    asked: Any = task
    logits, probabilities = (part.numpy() for part in asked.shares(opened.outputs, rows.batch))
    axis = [TARGET if TARGET in rows.steps else STEP] if logits.ndim == 3 else []
    arrays = {
        name: Named(_without_padding(values, rows, axis), (ROW, *axis, CLASS))
        for name, values in (("logits", logits), ("probabilities", probabilities))
    }
    return Inspection(said, arrays | _of_layers(opened, rows), rows.steps, tuple(asked.choices), rows.read == "ids")


def open_rows(
    task: Task, forward: Forward, examples: Examples, *, answers: Sequence[str] | None = None
) -> tuple[OpenRows, list[dict[str, Any]]]:
    """Rows as a model reads them, and what it answers; one that writes has its answers before it, or those that are given.

    Raises:
        InputError: As `inspect_rows`.
    """
    asked: Any = task
    if not hasattr(task, "opened"):
        raise InputError(f"The recipe {task.recipe} doesn't say how its rows are looked at (`opened`).")
    if not len(examples):
        raise InputError("There is no row to look at: give one or more.")
    rows: Pipeline = asked.opened(examples)
    plain = rows if "before" in rows.columns else task.encode(examples, len(examples))[0]
    outputs = task.outputs(forward, plain)
    said = task.answers(examples, outputs)
    words, steps = asked.words(examples), {}
    if "before" in rows.columns:
        written = _written(asked, outputs, answers, len(examples))
        before = teacher_forced(written)
        rows = dataclasses.replace(rows, columns=rows.columns | before)
        steps[TARGET] = [
            [asked.target.tokens[symbol] for symbol in (*written[row], END)] for row in range(len(examples))
        ]
    elif answers is not None:
        raise InputError(f"Answers are for a model that writes them, and {task.recipe} writes none: leave them out.")
    columns: dict[str, Any] = dict(rows.columns)
    axes: dict[str, tuple[int, ...]] = {
        name: (int(columns[name].lengths.max()),) for name in rows.axes
    }  # no wider than the longest row
    whole = dataclasses.replace(rows, batch_size=len(examples), batch_steps=0, axes=axes)
    (batch,) = whole.each()
    order = np.argsort(batch["rows"].numpy())
    batch = {name: tf.gather(values, order) for name, values in batch.items() if name in whole.columns}
    lengths = {name: columns[name].lengths for name in columns if hasattr(columns[name], "lengths")}
    read = next((name for name in ("ids", "frames") if name in lengths), None)
    if read is not None:
        own = SOURCE if TARGET in steps else STEP
        steps[own] = [_named(columns, read, words[row], row) for row in range(len(examples))]
    return OpenRows(batch, lengths, steps, read), said


def _written(task: Any, outputs: Any, answers: Sequence[str] | None, rows: int) -> Ragged:
    """The ids of what is written."""
    if answers is None:
        best: Ragged = outputs.best()
        return best
    if len(answers) != rows:
        raise InputError(f"There are {len(answers)} answers for {rows} rows: give one each.")
    ids: Ragged = task.target.encode(tokenize(list(answers), task.target.tokenizer, cache=False))
    return ids


def _named(columns: Mapping[str, Any], read: str, words: Sequence[str], row: int) -> list[str]:
    """What stands at each step of a row: its words, and what begins and ends it; of frames their numbers."""
    if read != "ids":
        return [str(number) for number in range(columns[read].lengths[row])]
    left = iter(words)
    ids = columns[read][row].tolist()
    return [SPECIAL[one] if one in (PADDING, BEGIN, END) else next(left, SPECIAL[UNKNOWN]) for one in ids]


def _without_padding(values: np.ndarray, rows: OpenRows, axes: Sequence[str], stride: int = 1) -> np.ndarray:
    """float32, (rows, ...), NaN behind the ends along these axes, which follow "row"."""
    found = np.array(values, np.float32)
    for place, axis in enumerate(axes, start=1):
        for row, names in enumerate(rows.steps[axis]):
            beyond: list[Any] = [row, *[slice(None)] * (place - 1), slice(-(-len(names) // stride), None)]
            found[tuple(beyond)] = np.nan
    return found


def _of_layers(opened: Opened, rows: OpenRows) -> dict[str, Named]:
    """What the layers did: states, gates and the vector from which the answer is read; and attention."""
    arrays: dict[str, Named] = {}
    writes = TARGET in rows.steps
    for part, courses in opened.courses.items():
        if not courses:
            continue  # as of an encoder of images
        axis = TARGET if part == "decoder" else SOURCE if writes else STEP
        width = max(map(len, rows.steps[axis]))
        for course in courses:
            steps = course.steps
            if len(rows.steps[axis]) != steps[0].x.shape[0] or course.name.startswith("character"):
                continue  # the letters of words, by themselves
            stride = steps_a_place(width, len(steps))
            name = f"{part}/{course.name}" if writes else course.name
            axes = (ROW, axis if stride == 1 else f"{axis} {PLACE}", "unit")
            for what, values in course.by_name().items():
                arrays[f"{name}/{what}"] = Named(_without_padding(values, rows, [axis], stride), axes)
    if opened.vector is not None:
        vector = opened.vector.numpy()
        along = [STEP] if vector.ndim == 3 and not writes else []
        if vector.ndim == 2 or along:
            arrays["answer vector"] = Named(_without_padding(vector, rows, along), (ROW, *along, "feature"))
    for path, values in opened.paths.items():
        arrays[path] = Named(values.numpy(), (ROW, CLASS))
    if opened.attention is not None:
        arrays["attention"] = _attention(opened, rows)
    return arrays


def _attention(opened: Opened, rows: OpenRows) -> Named:
    """Where each step of what is written, each hop, or the summary looks."""
    assert opened.attention is not None
    weights = opened.attention.numpy()
    lead = (TARGET,) if opened.attends == "decoder" else ("hop",) if opened.attends == "hops" else ()
    weights = _without_padding(weights, rows, [TARGET] if TARGET in lead else [])
    if opened.grid is not None:
        return Named(weights.reshape(*weights.shape[:-1], *opened.grid), (ROW, *lead, "image row", "image column"))
    axis = SOURCE if TARGET in rows.steps else STEP
    stride = steps_a_place(max(map(len, rows.steps[axis])), weights.shape[-1])
    for row, names in enumerate(rows.steps[axis]):
        weights[row, ..., -(-len(names) // stride) :] = np.nan
    return Named(weights, (ROW, *lead, axis if stride == 1 else f"{axis} {PLACE}"))
