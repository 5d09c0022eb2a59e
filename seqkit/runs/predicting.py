"""Predictions for a file: each answer with its row's id, what the answer should be, and what of the row was not read."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from seqkit.core.errors import InputError
from seqkit.runs.inputs import checked_answers
from seqkit.runs.opening import answering
from seqkit.runs.run import CHUNK, EVALUATION_BATCH, Run
from seqkit.sources.streams import asked_of
from seqkit.text.labels import named_otherwise


def predict_file(
    run: Run,
    file: str,
    *,
    columns: Mapping[str, str] | None = None,
    id: str | None = None,
    with_inputs: bool = False,
) -> Iterator[dict[str, Any]]:
    """Answer the rows of a file, a dict each, in their order, as they come.

    Of a run of labels or tags a dict holds beside the answer, with its probabilities: "id"; "true_label" or "true_tags",
    where the file has what training had; how many tokens were cut off, or words shortened ("cut_tokens", "cut_words"), and
    how many were unknown ("unknown_tokens", "unknown_words"). Of other runs it is the answer alone.

    Args:
        file: As `Run.inputs_of` reads it; - for standard input.
        columns: Field -> column, where they are called otherwise than in the training data.
        id: The column of a table that says what a row is called.
        with_inputs: Whether each text, or its words, stands before its answer, as its field ("text").
    Raises:
        InputError: The file is not as expected, has no such column, or the run answers no rows of tables with ids, or none
            that are texts.
    Example:
        >>> answers = list(seqkit.predict_file(run, "others.tsv"))
        >>> len(answers), answers[0]["label"], answers[0]["true_label"], answers[0]["unknown_tokens"]
        (20, 'good', 'good', 1)
    """
    task: Any = run.task
    if not hasattr(task, "predicted_with_notes"):
        if with_inputs:
            raise InputError(f"--with-inputs is for runs of labels and tags, and {run.path} is one of {task.recipe}.")
        if id is not None:
            raise InputError(
                f"--id {id} is for runs of labels and tags, and {run.path} is one of {task.recipe}: leave it out."
            )
        yield from run.stream(run.inputs_of(file, columns))
        return
    (asked,) = task.fields
    for rows in asked_of(file, run.columns(columns), id):
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            examples = task.read(([row[asked] for row in some],), {asked: asked}, role="asked")
            pipeline, _ = task.encode(examples, EVALUATION_BATCH)
            with answering(run.path):
                answers, noticed = task.predicted_with_notes(run.forward, examples, pipeline)
            labels = named_otherwise([row["label"] for row in some if "label" in row], task.classes)  # 1.0 is 1
            for row, answer, more in zip(some, checked_answers(answers), noticed, strict=True):
                named = {"id": row["id"]} if "id" in row else {}
                truths = {field: row[field] for field in task.columns if field != asked and field in row}
                truths = {
                    f"true_{field}": labels.get(one, one) if isinstance(one, str) else one
                    for field, one in truths.items()
                }
                shown = {asked: row[asked]} if with_inputs else {}
                yield named | shown | answer | truths | more


def row_of(
    run: Run,
    file: str,
    *,
    row: int | None = None,
    id: str | None = None,
    id_column: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Any:
    """One input of a file, by its number from 0 on, or in a table of texts by what it is called.

    Args:
        row: Its number; nothing for the first, unless it is asked for by its id.
        id_column: Where ids are; nothing for the column "id".
    Raises:
        InputError: There is no such row, more than one of that name, or the file is not as expected; or the row is asked for
            by both, or a column of ids without one.
    """
    if id is not None and row is not None:
        raise InputError(f"row is {row} and id is {id}, which both say which row: give one of them.")
    if id is None and id_column is not None:
        raise InputError(f"id_column is {id_column}, but no id is asked for: give one, or leave the column out.")
    row, id_column = row or 0, id_column or "id"
    if row < 0:
        raise InputError(f"row is {row}: rows count from 0.")
    if id is None:
        rows: Iterator[Any] = itertools.chain.from_iterable(run.inputs_of(file, columns))
        found = list(itertools.islice(rows, row, row + 1))
        what = f"row {row}: rows count from 0."
    elif len(run.task.fields) > 1:
        raise InputError(f"An id is for tables of texts, and {run.path} is asked by {' and '.join(run.task.fields)}.")
    else:
        (field,) = run.task.fields
        named = itertools.chain.from_iterable(asked_of(file, run.columns(columns), id_column))
        found = [one[field] for one in itertools.islice((one for one in named if str(one["id"]) == id), 2)]
        what = f"row whose {id_column} is {id}."
        if len(found) > 1:
            raise InputError(
                f"{file} has more than one {what[:-1]}: name one of them by its number, counted from 0 (row)."
            )
    if not found:
        raise InputError(f"{file} has no {what}")
    return found[0]
