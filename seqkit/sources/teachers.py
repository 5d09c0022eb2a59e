"""What a teacher answers to texts: a JSON object a line, with the text and a probability for each label."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.sources.cells import checked_cell, listed
from seqkit.sources.examples import Examples
from seqkit.sources.text_files import open_text
from seqkit.text.labels import named_otherwise

TEACHER, PROBABILITIES = "teacher", "probabilities"
OFF = 0.01  # that probabilities may add up to more or less than 1, as rounded ones do
WRITE = "`seqkit predict TEACHER texts.txt --with-inputs` writes such a file."


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a teacher answers.

    Attributes:
        rows: "text"; "label", the likeliest one; and "teacher", float32 (labels,), the probabilities of the labels in order
            of their names, which add up to 1.
        labels: That it chooses among, in that order.
    """

    rows: Examples
    labels: tuple[str, ...]

    def named_as(self, labels: Sequence[str]) -> "Answers":
        """The answers with their labels written as these are, where they are the same but for case or blanks."""
        others = named_otherwise(self.labels, labels)
        renamed = [others.get(name, name) for name in self.labels]
        order = np.argsort(renamed)
        columns = self.rows.columns | {
            "label": [others.get(label, label) for label in self.rows["label"]],
            TEACHER: [shares[order] for shares in self.rows[TEACHER]],
        }
        return Answers(dataclasses.replace(self.rows, columns=columns), tuple(sorted(renamed)))


def read_answers(path: Path) -> Answers:
    """Read a teacher's answers.

    Args:
        path: A JSON object a line, with "text" and, as "probabilities", label -> probability; all else in it is left.
    Raises:
        InputError: A line isn't so, or has other labels than the first.
    """
    file = open_text(path)
    columns: dict[str, list[Any]] = {"text": [], "label": [], TEACHER: []}
    lines, names = list[int](), list[str]()
    for number, line in enumerate(file.lines, start=1):
        if not line.strip():
            continue
        place = file.place(number)
        row = _object(line, place)
        shares = _shares(row[PROBABILITIES], place)
        names = names or sorted(shares)
        if names != sorted(shares):
            raise InputError(
                f"{place}: the teacher gives probabilities of {listed(sorted(shares), 10)}, in line {lines[0]} of "
                f"{listed(names, 10)}. Each line needs one for each label, 0 where it is impossible."
            )
        given = np.array([shares[name] for name in names], np.float64)
        columns["text"].append(checked_cell(row["text"], "text", place))
        columns["label"].append(names[int(given.argmax())])
        columns[TEACHER].append((given / given.sum()).astype(np.float32))
        lines.append(number)
    if not lines:
        raise InputError(f"{path} has no rows: expected a JSON object a line. {WRITE}")
    if len(names) < 2:
        raise InputError(f"{path} has probabilities of the one label {names[0]!r}: expected two or more.")
    return Answers(Examples(columns, str(path), lines=lines, findings=file.findings), tuple(names))


def check_labels(answers: Answers, labels: Sequence[str], *, all_known: bool) -> None:
    """Raise InputError where a teacher chooses among other labels than rows have.

    Args:
        labels: Of the rows.
        all_known: Whether they are all that there are, so that the teacher may know no other one.
    """
    knows, have = set(answers.labels), set(labels)
    for strange, said in (
        (knows - have if all_known else (), "the teacher knows {}, which no training or validation row has"),
        (have - knows, "the teacher knows nothing of {}, which training or validation rows have"),
    ):
        if strange:
            raise InputError(
                f"{answers.rows.origin}: {said.format(listed(sorted(strange), 10))}. A teacher has to choose among the same "
                "labels: rename them, or ask it again with these."
            )


def taught_with(train: Examples, answers: Answers) -> Examples:
    """Training rows with a teacher's answers behind them; in "teacher" a row with a label of its own has nothing, (0,)."""
    nothing = np.zeros(0, np.float32)
    own = {"text": train["text"], "label": train["label"], TEACHER: [nothing] * len(train)}
    return _behind(train, answers.rows, {field: [*own[field], *answers.rows[field]] for field in own})


def _behind(train: Examples, answers: Examples, columns: Mapping[str, Any]) -> Examples:
    """The rows of both, with the places of both where the first have lines."""
    origin = f"{train.origin} and {len(answers):,} answers of {answers.origin}"
    findings = (*train.findings, *answers.findings)
    if train.lines is None or answers.lines is None:
        return Examples(dict(columns), origin, findings=findings)
    last = max(train.lines)
    files = (*(train.files or ((train.file or train.origin, 0),)), (answers.origin, last))
    lines = [*train.lines, *(last + line for line in answers.lines)]
    return Examples(dict(columns), origin, lines=lines, findings=findings, files=files)


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: no JSON ({error}). A teacher's answers are an object a line. {WRITE}") from None
    if not isinstance(row, dict) or not {"text", PROBABILITIES} <= row.keys():
        keys = listed(row, 10) if isinstance(row, dict) else f"a {type(row).__name__}"
        raise InputError(f"{place}: found {keys}, where 'text' and {PROBABILITIES!r} are expected. {WRITE}")
    return row


def _shares(value: Any, place: str) -> dict[str, float]:
    """Label -> probability."""
    if not isinstance(value, dict) or not value:
        raise InputError(
            f"{place}: {PROBABILITIES!r} is a {type(value).__name__}, where label -> probability is expected."
        )
    for name, share in value.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share) or not share >= 0:
            raise InputError(
                f"{place}: the probability of {name!r} is {share!r}, where a number from 0 to 1 is expected."
            )
    total = math.fsum(value.values())
    if abs(total - 1) > OFF:
        raise InputError(f"{place}: the probabilities add up to {total:.4g}, where 1 is expected.")
    return value
