"""Order: on data where only order matters the recipe beats its bag-of-words baseline."""

import numpy as np


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
    scores = run.task.scorer(examples, run.task.outputs(run._forward, pipeline))(np.arange(len(examples)))
    ours = run.report["metrics"][case.order_metric]
    if case.lower_is_better:
        assert scores[case.order_metric] > ours["high"] + case.margin
    else:
        assert scores[case.order_metric] < ours["low"] - case.margin
