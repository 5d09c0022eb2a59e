"""Order: on data where only order matters the recipe beats its bag-of-words baseline."""

import numpy as np


def test_recipe_reads_the_order_of_words(run, case):
    ours = run.report["metrics"][case.order_metric]
    bag = run.report["baselines"][case.bag_of_words][case.order_metric]
    assert ours["low"] > bag["high"] + 0.1, (ours, bag)


def test_order_check_catches_shuffled_words(run, case, rng):
    """The same model on the same words in another order is far from its score."""
    examples = case.fresh()
    field = next(iter(run.task.columns))
    shuffled = [" ".join(rng.permutation(text.split())) for text in examples[field]]
    pipeline, _ = run.task.encode(type(examples)(examples.columns | {field: shuffled}, "shuffled"), 32)
    scores = run.task.scorer(examples, run.task.outputs(run._forward, pipeline))(np.arange(len(examples)))
    assert scores[case.order_metric] < run.report["metrics"][case.order_metric]["low"] - 0.1
