"""Rows to train on of which a teacher has answered some, or all."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from seqkit.core.errors import InputError
from seqkit.runs.builder import RunBuilder
from seqkit.sources.prepared import being_made, prepared_at
from seqkit.sources.splits import Splits
from seqkit.sources.teachers import Answers, check_labels, read_answers, taught_with


def taught_splits(making: RunBuilder, columns: Mapping[str, str]) -> tuple[Splits, Answers]:
    """The rows of a recipe that has a `teacher`: its own training rows with the teacher's answers behind them; without data
    these alone, of which a tenth is held out where there is no validation data either.

    Args:
        columns: "text" and "label" -> their columns.
    Returns:
        The rows; of the training rows "teacher" has what `seqkit.sources.teachers.taught_with` says. And the answers.
    Raises:
        InputError: The answers can't be read, or are of other labels; or the data is prepared, or to be.
    """
    given = making.arguments
    if being_made() is not None or prepared_at(given["data"]) is not None:
        raise InputError(
            "A teacher's answers are not prepared, and can't be added to prepared data: give teacher with the data."
        )
    answers = read_answers(Path(given["teacher"]))
    if given["data"] is None:
        given["data"] = answers.rows
        splits = making.splits(columns, stratify="label")
        check_labels(answers, splits.valid["label"], all_known=False)
        return splits, answers

    def named(splits: Splits) -> Answers:
        return answers.named_as(sorted({*splits.train["label"], *splits.valid["label"]}))

    def with_answers(splits: Splits) -> Splits:
        own = named(splits)
        check_labels(own, [*splits.train["label"], *splits.valid["label"]], all_known=True)
        return dataclasses.replace(splits, train=taught_with(splits.train, own))

    splits = making.splits(columns, stratify="label", change=with_answers)
    return splits, named(splits)
