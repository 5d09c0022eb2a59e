"""What every recipe's run has to pass."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from seqkit.metrics.metric import metric
from seqkit.runs.run import Run
from seqkit.sources.examples import Examples
from seqkit.training.objectives import Objective
from seqkit.training.step import evaluate

ASK = """
import importlib, json, sys
import seqkit
for module in json.loads(sys.argv[3]):
    importlib.import_module(module)
print(json.dumps(seqkit.load(sys.argv[1]).predict(json.loads(sys.argv[2]))))
"""


def check_company(run: Run, inputs: Sequence[Any]) -> None:
    """Answers don't depend on what else is asked.

    Example:
        >>> from seqkit.testing.runs import check_company
        >>> check_company(run, ["a good film", "", "a bad film, number 7"])
    """
    together, alone = run.predict(inputs), [answer for one in inputs for answer in run.predict([one])]
    assert _alike(together, alone), "answers depend on their company"


def check_batch_size(
    run: Run, examples: Examples, objective: Objective, *, sizes: Sequence[int] = (7, 32, 100)
) -> None:
    """Loss and metrics don't depend on the batch size.

    Args:
        examples: Rows with their answers.
    Example:
        >>> from seqkit.testing.runs import check_batch_size
        >>> rows = run.task.read("rows.tsv", run.task.columns)
        >>> check_batch_size(run, rows, run.task.objective(Training(), rows), sizes=(7, 32))
    """
    first, *others = (evaluate(run.model, run.task.encode(examples, size)[0], objective) for size in sizes)
    for other in others:
        for name, value in first.items():
            assert abs(other[name] - value) <= 1e-5 * max(abs(value), 1e-8), f"{name} depends on the batch size"


def check_reload(run: Run, inputs: Sequence[Any], *, modules: Sequence[str] = ()) -> None:
    """A new process that opens the run's folder gives the same answers.

    Args:
        inputs: That JSON can hold.
        modules: To import first, for a recipe or a cell that no installed package declares.
    Example:
        >>> from seqkit.testing.runs import check_reload
        >>> check_reload(run, ["a good film"])  # doctest: +SKIP
    """
    asked = [str(run.path), json.dumps(list(inputs)), json.dumps(list(modules))]
    done = subprocess.run([sys.executable, "-c", ASK, *asked], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(json.dumps(run.predict(inputs)))


def check_report(run: Run) -> None:
    """The report has declared metrics with intervals, the same ones of each of at least two baselines, and a paired test of
    each of these; it says which epoch was kept, by a figure of the history that was never better.
    Example:
        >>> from seqkit.testing.runs import check_report
        >>> check_report(run)
    """
    report, kept = run.report, run.info["kept"]
    told = [row[kept["monitor"]] for row in run.history]
    sense = metric(kept["monitor"].removeprefix("val_"))
    assert sense.gain(told[kept["epoch"] - 1]) == max(map(sense.gain, told)), (
        "another epoch was better than the one kept"
    )
    unnamed = report["metrics"].keys() - set(run.task.metrics)
    assert not unnamed, f"the task scores by {', '.join(unnamed)}, which its `metrics` doesn't name"
    assert any(metric(name).headline for name in report["metrics"]), "a verdict needs a headline metric"
    assert len(report["baselines"]) >= 2, "a score means something beside what it had to beat: give two baselines"
    for scores in (report["metrics"], *report["baselines"].values()):
        assert scores.keys() == report["metrics"].keys()
        for name, score in scores.items():
            assert math.isfinite(score["value"]), name
            assert score["low"] <= score["high"], name
    for name, tests in report["compared"].items():
        for figure, test in tests.items():
            difference = report["metrics"][figure]["value"] - report["baselines"][name][figure]["value"]
            assert math.isclose(test["difference"], difference, rel_tol=1e-9, abs_tol=1e-12), figure
            assert test["low"] <= test["high"], figure
    assert report["compared"].keys() == report["baselines"].keys()


def _alike(one: Any, other: Any) -> bool:
    """The same, numbers up to rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-5, abs_tol=2e-6)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)
