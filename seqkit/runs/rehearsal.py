"""All that comes after the last epoch, tried on a few rows once the first steps are done: what would fail fails soon."""

import contextlib
import copy
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqkit.core.errors import InputError, TrainingError, reason_of
from seqkit.runs.evaluation import TRAINING, write_evaluation
from seqkit.runs.exporting import subject_of
from seqkit.runs.parts import add_baseline, add_samples, write_run
from seqkit.runs.run import Run, load
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits
from seqkit.training.executor import Batch, Executor, Forward
from seqkit.training.randomness import seeded

VALID_ROWS, TRAIN_ROWS = 2, 8
LOOKED_AT = 10_000  # rows, among which these are chosen
STEPS, SAME = 2, 1e-3  # of a model's file: symbols that are tried, and how near its answers are
WRITTEN = 12  # times the weights: the model, and two checkpoints with the best weights and an optimizer's two moments


def rehearse(task: Task, forward: Forward, splits: Splits, info: dict[str, Any], folder: Path) -> None:
    """Write the model, open it again, and score, fit and serve with it.

    The training goes on as if nothing had been: what is random, the model's optimizer, and whether it is to stop.

    What comes back from the file answers a few symbols as the model does; the rest is tried in the model's own graphs, which
    the run goes on with.

    Args:
        forward: Of the model that is being trained.
        folder: Where the run is made; it is left as it was.
    Raises:
        InputError: A setting or the data is not as some part expects.
        TrainingError: A part fails for a reason of its own.
        OSError: It can't be written there.
    """
    scratch, info = folder / "rehearsal", copy.deepcopy(info) | {"training_seconds": 0.0}
    rows = few(splits.valid, task, VALID_ROWS)
    try:
        with (
            seeded(info["seed"]),
            _as_compiled(forward.model),
            warnings.catch_warnings(action="ignore"),  # of figures of so few rows
        ):
            _rehearse(task, forward, splits.train, rows, info, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _rehearse(
    task: Task, forward: Forward, train: Examples, rows: Examples, info: dict[str, Any], folder: Path
) -> None:
    with _trying("keeping the model"):
        write_run(folder, task, forward.model, [], info)
        opened = load(folder)
        run = Run(folder, opened.task, forward.model, opened.info, forward)
        add_samples(run, rows)
        _check_same_answers(forward.model, opened.model, next(iter(task.encode(rows, VALID_ROWS)[0].batches(stop=1))))
    for name in task.baselines():
        with _trying(f"the baseline {name}"):
            _try_baseline(run, name, train)
    with _trying("answering"):
        asked = [rows[field] for field in task.fields]
        run.predict(asked[0] if len(asked) == 1 else list(zip(*asked, strict=True)))
    with _trying("scoring"):
        data = {"source": rows.origin, "rows": len(rows), "digest": ""}
        report, kept = run.scored(rows, data, resamples=1)
        report |= {"metrics": {}, "baselines": {}}  # which may be no numbers
        write_evaluation(folder, run.info, TRAINING, report, [], kept)
        if report["failed"]:
            raise TrainingError("; ".join(f"{part} ({reason})" for part, reason in report["failed"].items()))
    if not task.unexported:
        with _trying("exporting"):
            subject_of(folder, run.info, run.task, forward).serve(opened.model)


def _check_same_answers(model: keras.Model, opened: keras.Model, batch: Batch) -> None:
    """Raise TrainingError where the model from the file answers the first symbols of a batch otherwise, untraced."""
    one, other = (Executor(each)(_beginning(batch, each), training=False)[0].numpy() for each in (model, opened))
    if not np.allclose(one, other, rtol=SAME, atol=SAME, equal_nan=True):
        raise TrainingError(f"the file's model answers otherwise by {np.abs(one - other).max():.2g}")


def _beginning(batch: Batch, model: keras.Model) -> Batch:
    """The batch's first rows, and of what may be of any length the first steps."""
    return {
        tensor.name: batch[tensor.name][tuple(slice(STEPS if size is None else size) for size in tensor.shape)]
        for tensor in model.inputs
    }


@contextlib.contextmanager
def _as_compiled(model: keras.Model) -> Iterator[None]:
    """Leave a model to its trainer as it was: whoever writes or opens a run compiles its model."""
    optimizer, stops = getattr(model, "optimizer", None), getattr(model, "stop_training", False)
    try:
        yield
    finally:
        if optimizer is not None:
            model.compile(optimizer=optimizer)
        model.stop_training = stops


@contextlib.contextmanager
def _trying(what: str) -> Iterator[None]:
    said = f"After the first steps {what} was tried on a few rows, and failed"
    try:
        yield
    except InputError as error:
        raise InputError(f"{said}: {error}") from error
    except OSError:
        raise
    except Exception as error:
        raise TrainingError(f"{said}: {reason_of(error)}") from error


def check_room(model: keras.Model, folder: Path) -> None:
    """Raise InputError where there is too little room for what a training writes."""
    free = shutil.disk_usage(folder).free
    needed = WRITTEN * sum(int(np.prod(weight.shape)) * weight.value.dtype.size for weight in model.weights)
    if free < needed:
        raise InputError(
            f"{folder.parent} has {free / 1e6:,.0f} MB left, while this training writes about {needed / 1e6:,.0f} MB (the "
            "model and two checkpoints of it): make room, or choose another --out."
        )


def _try_baseline(run: Run, name: str, train: Examples) -> None:
    """Fit it on a few rows; where these are too few for it, on all."""
    try:
        baseline = run.task.fit_baselines(few(train, run.task, TRAIN_ROWS))[name]()
    except Exception:
        baseline = run.task.fit_baselines(train)[name]()
    add_baseline(run, name, baseline)


def few(examples: Examples, task: Task, count: int) -> Examples:
    """So many rows: the shortest of what is asked by, others with an answer each of their own, and then the first."""
    asked = [examples[field] for field in task.fields]
    told = [values for field, values in examples.columns.items() if field not in task.fields and _hashable(values[0])]
    looked_at = range(min(LOOKED_AT, len(examples)))
    lengths = [sum(len(values[row]) for values in asked if _sized(values[row])) for row in looked_at]
    kinds = {tuple(values[row] for values in told): row for row in reversed(looked_at)}
    order = [int(np.argmin(lengths)), *sorted(kinds.values()), *range(count)]
    rows = [row for row in dict.fromkeys(order) if row < len(examples)][:count]
    return examples.take(rows, examples.origin)


def _hashable(value: Any) -> bool:
    return isinstance(value, str | tuple)


def _sized(value: Any) -> bool:
    return isinstance(value, str | tuple | np.ndarray)
