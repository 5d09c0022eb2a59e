"""What a run is asked in Python: a list of inputs, or a data frame with their columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqkit.core.errors import InputError
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit_runner.task import NO_NUMBER, finite


def checked_inputs(inputs: Any) -> Any:
    """The inputs, of which slices can be taken: a list of any sequence, else the data frame or array that was given.

    Raises:
        InputError: They are no rows one after the other.
    """
    if isinstance(inputs, str | bytes):
        raise InputError(f"The one string {inputs[:40]!r} is no list of inputs: give [...].")
    if isinstance(inputs, Mapping) or not (hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__")):
        raise InputError(f"A {type(inputs).__name__} is no list of inputs: give a list, or a data frame.")
    return list(inputs) if isinstance(inputs, Sequence) else inputs


def rows_of_inputs(task: Task, inputs: Any) -> Examples:
    """Inputs as rows to be answered; of a data frame the columns that training had them in.

    Args:
        inputs: A list of what the task's field holds, of tuples where it has several fields, or a data frame.
    Raises:
        InputError: They are not as expected.
    """
    inputs = checked_inputs(inputs)
    fields = task.fields
    if hasattr(inputs, "columns"):
        return task.read(inputs, {field: task.columns[field] for field in fields}, role="asked")
    columns = {fields[0]: inputs} if len(fields) == 1 else _apart(inputs, fields)
    return task.read(tuple(columns.values()), {field: field for field in columns}, role="asked")


def checked_answers(answers: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answers up to the first that holds what is no number, which JSON hasn't either.

    Raises:
        InputError: One does.
    """
    for answer in answers:
        if not finite(answer):
            raise InputError(f"The next input {NO_NUMBER}")
        yield answer


def _apart(inputs: Sequence[Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    """Rows of several values as columns."""
    for number, row in enumerate(inputs):
        if not isinstance(row, tuple | list) or len(row) != len(fields):
            raise InputError(f"Input {number} is a {type(row).__name__}, where ({', '.join(fields)}) is expected.")
    return {field: [row[place] for row in inputs] for place, field in enumerate(fields)}
