"""What a run folder is filled with: what a run stands on, at once, and then what is added, each by itself."""

import contextlib
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import keras

from seqkit.checks.leaks import Seen
from seqkit.core.files import write_json
from seqkit.runs.attempts import Attempts
from seqkit.runs.checking import SEEN
from seqkit.runs.contents import add_files, files_like, write_info
from seqkit.runs.evaluation import TRAINING, write_evaluation
from seqkit.runs.migration import migrated_name
from seqkit.runs.opening import MODEL, VOCABULARY
from seqkit.runs.run import HISTORY, Run
from seqkit.runs.samples import write_samples
from seqkit.runs.task import Baseline, Task
from seqkit.sources.examples import Examples

BASELINES = "baselines"
_bare: ContextVar[bool] = ContextVar("bare", default=False)


@contextlib.contextmanager
def without_report() -> Iterator[None]:
    """Runs that are made in the block get neither baselines nor a report: of one that is made for another they tell little,
    and take long.
    """
    token = _bare.set(True)
    try:
        yield
    finally:
        _bare.reset(token)


def reported() -> bool:
    """Whether a run gets a report."""
    return not _bare.get()


def write_run(
    folder: Path,
    task: Task,
    model: keras.Model,
    history: Sequence[Mapping[str, float]],
    info: dict[str, Any],
    seen: Seen | None = None,
) -> None:
    """Write what a run stands on: model, vocabulary, history, run.json; and by what its training rows are known again."""
    folder.mkdir(parents=True, exist_ok=True)  # it may have vanished while the model was trained
    model.compile()  # a saved model holds weights, not an optimizer's memory
    model.save(folder / MODEL)
    write_json(folder / VOCABULARY, task.to_json())
    with open(folder / HISTORY, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, history[0].keys() if history else [])
        writer.writeheader()
        writer.writerows(history)
    names = [MODEL, VOCABULARY, HISTORY]
    if seen is not None:
        seen.save(folder / SEEN)
        names.append(SEEN)
    add_files(folder, info, [folder / name for name in names])


def lacking(run: Run) -> list[str]:
    """What a run would have, had nothing failed or been interrupted after its training."""
    if _bare.get():
        return [] if _has_samples(run) else ["samples"]
    there = [] if run.report else ["evaluation"]
    missing = [f"baseline {name}" for name in run.task.baselines() if name not in _fitted(run)]
    return list(dict.fromkeys([*([] if _has_samples(run) else ["samples"]), *missing, *there, *run.failed]))


def add_parts(run: Run, train: Examples, valid: Examples, scored: Examples) -> None:
    """Add to a run what it lacks of samples and baselines, and the report; what fails is named in run.json and the report.

    Args:
        scored: The rows of the report.
    """
    folder, task, attempts = run.path, run.task, Attempts()
    info = run.info | {"failed": attempts.failed}
    run.info = info
    if not _has_samples(run):
        with attempts("samples, without which nothing is exported"):
            add_samples(run, valid)
    if _bare.get():
        write_info(folder, info)
        return
    fits: Mapping[str, Callable[[], Baseline]] = {}
    with attempts("baselines"):
        fits = task.fit_baselines(train)
    there = _fitted(run)
    for name, fit in fits.items():
        if name not in there:
            with attempts(f"baseline {name}"):
                add_baseline(run, name, fit())
    with attempts("evaluation"):
        data = {"source": scored.origin, "rows": len(scored), "digest": scored.digest()}
        report, kept = run.scored(scored, data)
        write_evaluation(folder, info, TRAINING, report, run.history, kept)
    write_info(folder, info)


def _has_samples(run: Run) -> bool:
    return any(files_like(run.path, run.info, "samples*"))


def _fitted(run: Run) -> set[str]:
    """Names of its baselines."""
    return {migrated_name(Path(file).stem) for file in files_like(run.path, run.info, f"{BASELINES}/*.npz")}


def add_samples(run: Run, valid: Examples) -> None:
    """The inputs on which exports are compared."""
    add_files(run.path, run.info, write_samples(run.path, {field: valid[field] for field in run.task.fields}))


def add_baseline(run: Run, name: str, baseline: Baseline) -> None:
    """A baseline that was fitted; one that left something out to stay within memory says so in its `bounds`."""
    path = run.path / BASELINES / f"{name}.npz"
    path.parent.mkdir(exist_ok=True)
    baseline.save(path)
    if bounds := getattr(baseline, "bounds", ""):
        run.info.setdefault("bounds", {})[name] = bounds
    add_files(run.path, run.info, [path])
