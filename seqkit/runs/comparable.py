"""Which runs can be compared: those that score the same rows, columns and classes by the same metrics."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.metrics.comparison import Scored, difference
from seqkit.metrics.likelihood import bits_scorer
from seqkit.metrics.metric import headlines
from seqkit.runs.opening import answering
from seqkit.runs.task import Facts, Scorer, Task
from seqkit.sources.examples import Examples

BATCH = 64  # rows that are answered at once


def by_bits(tasks: Sequence[Task]) -> bool:
    """Whether these are language models with other symbols, which are compared by bits per character.

    All are divided by the first one's characters, for to subwords a run of blanks is one character.
    """
    return any(task.classes != tasks[0].classes for task in tasks) and all(hasattr(task, "paid") for task in tasks)


def check_alike(paths: Sequence[Path], tasks: Sequence[Task]) -> None:
    """Raise InputError where runs read other columns, or choose among other classes, than the first."""
    same: dict[str, list[Iterable[str]]] = {"columns": [task.columns for task in tasks]}
    if not by_bits(tasks):
        same["classes"] = [task.classes for task in tasks]
    for what, found in same.items():
        for path, theirs in zip(paths, found, strict=True):
            if set(theirs) != set(found[0]):
                raise incomparable(paths[0], path, what, found[0], theirs)


def check_row_ends(paths: Sequence[Path], tasks: Sequence[Task], examples: Examples) -> None:
    """Raise InputError where one language model predicts the ends of these rows, and another only what is in them."""
    pairs = zip(paths, tasks, strict=True)
    ends = {task.ends_rows(examples): path for path, task in pairs if hasattr(task, "ends_rows")}
    if len(ends) > 1:
        raise InputError(
            f"{ends[True]} predicts where each row of {examples.origin} ends, and {ends[False]} doesn't, so that what they "
            "cost says nothing of each other: compare language models that were trained with the same contiguous."
        )


def shared_metrics(paths: Sequence[Path], scorers: Sequence[Scorer], asked: str | None = None) -> tuple[str, ...]:
    """The metrics that all runs are scored by; some may be of one alone, as the accuracy of unknown words is.

    Args:
        asked: The metric to compare by; nothing for those that decide.
    Raises:
        InputError: A run isn't scored by what is asked for, or by what decides.
    """
    found = [score(np.arange(1)) for score in scorers]
    for path, theirs in zip(paths, found, strict=True):
        decides = [
            set(headlines(list(names)) if asked is None else {asked} & set(names)) for names in (found[0], theirs)
        ]
        if decides[0] != decides[1]:
            raise incomparable(paths[0], path, "metrics", found[0], theirs)
    return tuple(name for name in found[0] if all(name in theirs for theirs in found))


def incomparable(one: Path, other: Path, what: str, ours: Iterable[str], theirs: Iterable[str]) -> InputError:
    """A complaint that names what differs."""
    lists = [", ".join(list(names)[:10]) or "none" for names in (ours, theirs)]
    return InputError(
        f"{other} has other {what} than {one} ({lists[1]}, not {lists[0]}): compare runs that are scored alike."
    )


def answered(run: Any, examples: Examples) -> tuple[Examples, Any, Facts]:
    """The rows as a run takes them, its outputs, and what `encode` counts in the rows."""
    examples = run.task.examined(examples)
    rows, facts = run.task.encode(examples, BATCH)
    with answering(run.path):
        return examples, run.task.outputs(run.forward, rows), facts


def scorer_of(task: Any, examples: Examples, outputs: Any, bits: bool, first: np.ndarray | None = None) -> Any:
    """What scores a run's answers; by bits, with the characters of the first run."""
    if not bits:
        return task.scorer(examples, outputs)
    nats, characters = task.paid(examples, outputs)
    return bits_scorer(nats, characters if first is None else first)


def compared_with(run: Any, other: Any, examples: Examples, outputs: Any, resamples: int) -> dict[str, Any]:
    """A run's scores beside another's on the same rows, for its report.

    Raises:
        InputError: They aren't scored alike.
    """
    paths = [run.path, other.path]
    check_alike(paths, [run.task, other.task])
    check_row_ends(paths, [run.task, other.task], examples)
    bits = by_bits([run.task, other.task])
    theirs = answered(other, examples)[:2]
    ours = scorer_of(run.task, examples, outputs, bits)
    characters = run.task.paid(examples, outputs)[1] if bits else None
    scorers = [ours, scorer_of(other.task, *theirs, bits, characters)]
    shared = shared_metrics(paths, scorers)
    one, two = (
        Scored.of(str(path), [score], len(examples), resamples=resamples)
        for path, score in zip(paths, scorers, strict=True)
    )
    decide = headlines(shared)
    found = {name: difference(one, two, name, permuted=name in decide) for name in shared}
    return {"run": str(other.path), "metrics": {name: _told(test) for name, test in found.items()}}


def _told(test: Mapping[str, Any]) -> dict[str, float]:
    """A difference as a report has it; fewer rows than a test takes have no interval."""
    if "rows" not in test:
        return {"difference": test["difference"]}
    return {"difference": test["difference"], **test["rows"], "p_value": test["p_value"]}
