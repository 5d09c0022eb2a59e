"""What is found in the data of a run: before it is trained, and before it is scored on other data."""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqkit.checks.classes import check_unknown
from seqkit.checks.contents import check_contents, check_foreign
from seqkit.checks.leaks import Seen, check_leak
from seqkit.checks.rows import Prints, check_rows
from seqkit.checks.splits import check_splits
from seqkit.checks.suspects import check_suspects
from seqkit.core.arguments import as_recorded
from seqkit.core.errors import InputError
from seqkit.core.findings import Finding, in_order, refuse
from seqkit.core.progress import notify
from seqkit.runs.task import Facts, Task
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits

BATCH = 64  # of no consequence: what is counted depends on no batch
SEEN = "seen.npz"


@dataclasses.dataclass
class Checked(Exception):  # noqa: N818
    """The end of a recipe that is called for its check alone.

    Attributes:
        findings: What was found.
        splits: The rows.
        task: That they are for.
        prints: Of each split, what its rows ask.
    """

    findings: list[Finding]
    splits: Splits
    task: Task
    prints: dict[str, Prints]


@dataclasses.dataclass
class Read(Exception):  # noqa: N818
    """The end of a recipe that is called for its rows alone."""

    splits: Splits


Encode = Callable[[Task, Splits], Splits]
_wanted: ContextVar[Literal["training", "findings", "suspects", "rows"]] = ContextVar("wanted", default="training")
_encode: ContextVar[Encode | None] = ContextVar("encode", default=None)


def check(recipe: Callable[..., Any], *args: Any, suspects: bool = False, **arguments: Any) -> list[Finding]:
    """What a recipe would find in its data, and in its settings; nothing is trained.

    Args:
        recipe: As it is called to train: `check(sentiment, "reviews.tsv", test="others.tsv")`; so are the arguments.
        suspects: Whether to look for training rows whose label a linear model that was fitted on the other rows
            contradicts, which takes longer.
    Returns:
        The most harmful first.
    Raises:
        InputError: The data can't be read, or a setting is wrong.
    Example:
        >>> from seqkit.recipes import sentiment
        >>> data = (["a good film", "a bad film"] * 20, ["good", "bad"] * 20)
        >>> for finding in seqkit.check(sentiment, data, valid="others.tsv"):
        ...     print(f"{finding.harm}: {finding}")
        warning: 38 of 40 training rows stand there before, up to case and blanks (...). Keep one of each, ...
    """
    return checked(recipe, args, arguments, suspects=suspects).findings


def checked(
    recipe: Callable[..., Any],
    args: Sequence[Any],
    arguments: Mapping[str, Any],
    *,
    suspects: bool = False,
    encode: Encode | None = None,
) -> Checked:
    """Call a recipe for its check alone.

    Args:
        encode: Given the task and its splits before they are checked, gives these back with what is made of them.
    """
    wanted, encoding = _wanted.set("suspects" if suspects else "findings"), _encode.set(encode)
    try:
        with tempfile.TemporaryDirectory() as folder:
            recipe(*args, **{**arguments, "out": Path(folder) / "run"})
    except Checked as done:
        return done
    finally:
        _wanted.reset(wanted)
        _encode.reset(encoding)
    raise InputError(f"{recipe.__name__} checks nothing: a recipe makes its run by seqkit.RunBuilder, which does.")


def checks_alone() -> bool:
    """Whether the recipe that runs is called for its check alone."""
    return _wanted.get() != "training"


def rows_of(recipe: Callable[..., Any], arguments: Mapping[str, Any]) -> Splits:
    """Call a recipe for the rows alone that it reads, or holds out.

    Args:
        arguments: As a run was trained with them, maybe by an older version.
    Raises:
        InputError: They can't be read.
    """
    wanted, recorded = _wanted.set("rows"), as_recorded.set(True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            recipe(**{**arguments, "out": Path(folder) / "run"})
    except Read as done:
        return done.splits
    finally:
        _wanted.reset(wanted)
        as_recorded.reset(recorded)
    raise InputError(f"{recipe.__name__} doesn't read its rows by seqkit.RunBuilder: give them.")


def handed(splits: Splits) -> Splits:
    """The rows that a recipe has read, to go on with; a recipe that was called for them alone ends here."""
    if _wanted.get() == "rows":
        raise Read(splits)
    return splits


def check_training(task: Task, splits: Splits, *, strict: bool) -> tuple[dict[str, Any], Seen]:
    """Check the data that a task is to be trained on, and say what is found.

    Args:
        strict: Whether an error or a warning stops it.
    Returns:
        What run.json holds of it: "findings", and "validation_facts", by which other data is measured; and the training
        and validation rows, to be known again.
    Raises:
        InputError: Something is found, and that is strict.
    """
    encode = _encode.get()
    splits = splits if encode is None else encode(task, splits)
    data = dict(splits.named())
    facts = {name: task.encode(examples, BATCH)[1] for name, examples in data.items()}
    prints = {name: Prints.of(examples, task.fields) for name, examples in data.items()}
    truths = {name: task.truths(examples) for name, examples in data.items()}
    findings = check_splits(data, truths, facts, prints)
    if _wanted.get() == "suspects":
        findings = in_order([*findings, *_suspects(task, splits.train)])
    if _wanted.get() != "training":
        raise Checked(findings, splits, task, prints)
    say(findings)
    if strict:
        refuse(findings)
    seen = Seen.of([prints["train"], prints["valid"]])
    return {"findings": as_json(findings), "validation_facts": facts["valid"]}, seen


def check_scoring(
    task: Task, examples: Examples, facts: Facts, info: Mapping[str, Any], seen: Seen | None
) -> tuple[list[Finding], np.ndarray]:
    """Check data that a run is to be scored on.

    Args:
        facts: What `encode` counts in it.
        info: run.json.
        seen: Its training and validation rows; None where that is no question.
    Returns:
        The findings, and the rows that were seen: int64, in order.
    """
    truths, prints = task.truths(examples), Prints.of(examples, task.fields)
    found = [
        *examples.findings,
        *check_rows(examples, prints, truths, "test"),
        *check_contents(examples, "test"),
        *check_foreign(examples, facts, info.get("validation_facts", {})),
        *([] if truths is None else check_unknown(examples, truths, task.classes, "test")),
    ]
    if seen is None:
        return in_order(found), np.empty(0, np.int64)
    return in_order([*found, *check_leak(seen, examples, prints, "test")]), seen.rows(prints)


def say(findings: Sequence[Finding]) -> None:
    """Print what was found, a line each, the most harmful first; notes are left to the report."""
    for finding in findings:
        if finding.harm != "note":
            notify(f"{finding.harm}: {finding}")
    notes = sum(finding.harm == "note" for finding in findings)
    if notes:
        notify(f"{notes} {'note' if notes == 1 else 'notes'} on the data: see the report, or seqkit check.")


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """For a report."""
    return [dataclasses.asdict(finding) | {"where": finding.where} for finding in findings]


def _suspects(task: Task, train: Examples) -> list[Finding]:
    truths = task.truths(train)
    if "linear" not in task.baselines() or truths is None or not isinstance(truths[0], str):
        raise InputError(f"{task.recipe} has no whole labels with a linear baseline: leave --suspects out.")
    classes = {name: place for place, name in enumerate(task.classes)}

    def fit(rows: Examples) -> Callable[[Examples], np.ndarray]:
        # of one class where all rows of the others are in the fold that is left out
        kind = "linear" if len(set(task.truths(rows) or ())) > 1 else "majority"
        baseline = task.fit_baselines(rows)[kind]()

        def probabilities(rest: Examples) -> np.ndarray:
            found: np.ndarray = task.baseline_outputs(baseline, rest)
            return found

        return probabilities

    return check_suspects(train, np.array([classes[label] for label in truths]), task.classes, fit)
