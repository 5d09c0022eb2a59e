"""Order: on data where only order matters the recipe beats its bag-of-words baseline."""


def test_recipe_reads_the_order_of_words(run, case):
    ours = run.report["metrics"][case.order_metric]
    bag = run.report["baselines"][case.bag_of_words][case.order_metric]
    assert ours["low"] > bag["high"] + 0.1, (ours, bag)


def test_order_check_catches_shuffled_words(run, rng):
    """The same model on the same words in another order is no better than its baseline."""
    from seqkit.data import reviews

    test = reviews(0)["test"]
    shuffled = [" ".join(rng.permutation(text.split())) for text in test["text"]]
    answers = run.predict(shuffled)
    accuracy = sum(answer["label"] == label for answer, label in zip(answers, test["label"], strict=True)) / len(
        shuffled
    )
    assert accuracy < run.report["metrics"]["accuracy"]["low"] - 0.1
