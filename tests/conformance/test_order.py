"""Order: on data where only order matters the recipe beats its bag-of-words baseline; and what each report has to say."""

import copy

import numpy as np
import pytest

from seqkit.testing.runs import check_report


def test_recipe_reads_the_order_of_words(run, case):
    ours = run.report["metrics"][case.order_metric]
    bag = run.report["baselines"][case.bag_of_words][case.order_metric]
    if case.lower_is_better:
        assert ours["high"] < bag["low"] - case.margin, (ours, bag)
    else:
        assert ours["low"] > bag["high"] + case.margin, (ours, bag)


def test_order_check_catches_shuffled_words(run, case, rng):
    """The same model on the same words in another order is far from its score."""
    examples = case.shuffled(case.fresh(), rng)
    pipeline, _ = run.task.encode(examples, 32)
    scores = run.task.scorer(examples, run.task.outputs(run.forward, pipeline))(np.arange(len(examples)))
    ours = run.report["metrics"][case.order_metric]
    if case.lower_is_better:
        assert scores[case.order_metric] > ours["high"] + case.margin
    else:
        assert scores[case.order_metric] < ours["low"] - case.margin


def test_the_report_keeps_the_contract(run):
    check_report(run)


class Altered:
    """A run whose report and history say otherwise."""

    def __init__(self, run, **changes):
        self.task, self.info, self.report, self.history = run.task, run.info, copy.deepcopy(run.report), run.history
        vars(self).update(changes)


def test_report_check_catches_a_wrong_epoch_and_an_undeclared_metric(run):
    kept = run.info["kept"]
    worse = [dict(row) for row in run.history]
    worse[kept["epoch"] - 1][kept["monitor"]] = float("nan")
    with pytest.raises(AssertionError, match="another epoch was better"):
        check_report(Altered(run, history=worse))
    report = copy.deepcopy(run.report)
    report["metrics"]["hinge"] = {"value": 1.0, "low": 1.0, "high": 1.0}
    with pytest.raises(AssertionError, match="scores by hinge"):
        check_report(Altered(run, report=report))
    report = copy.deepcopy(run.report)
    next(iter(report["compared"].values()))[next(iter(report["metrics"]))]["difference"] += 0.1
    with pytest.raises(AssertionError):
        check_report(Altered(run, report=report))
