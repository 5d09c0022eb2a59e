"""Which epoch is kept: against a plain search through made-up histories."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.training.monitor import Monitor, make_monitor
from seqkit.training.objectives import Objective, classification

LOWER = {"val_loss": True, "val_perplexity": True, "val_accuracy": False, "val_span_f1": False, "val_bleu": False}
value = st.sampled_from([0.0, 0.25, 0.5, 0.75, math.nan])


@given(
    st.sampled_from(sorted(LOWER)), st.lists(st.tuples(value, st.sampled_from([0.1, 0.2, 0.3])), min_size=1, max_size=9)
)
def test_the_best_epoch_is_kept_of_equals_that_with_the_lower_loss_and_then_the_first(column, figures):
    history = [{"val_loss": loss} | ({} if column == "val_loss" else {column: one}) for one, loss in figures]
    ranks = [
        (math.inf if math.isnan(row[column]) else row[column] * (1 if LOWER[column] else -1), row["val_loss"], place)
        for place, row in enumerate(history)
    ]
    kept = sorted(ranks)[0][-1]
    monitor = Monitor(column)
    assert monitor.kept(history) == kept
    one_by_one = 0
    for place, row in enumerate(history):
        one_by_one = place if monitor.better(row, history[one_by_one]) else one_by_one
    assert one_by_one == kept


def test_a_monitor_is_the_loss_a_measure_or_a_headline_metric():
    objective, score = classification(Training(), [1, 1]), lambda: {"macro_f1": 0.5, "log_loss": 0.25, "accuracy": 0.75}
    metrics = ("accuracy", "macro_f1", "log_loss")

    def made(name, **options):
        return make_monitor(Training(monitor=name), objective, metrics=metrics, score=score, **options)

    assert made("val_accuracy") == made(None, default="val_accuracy") == Monitor("val_accuracy")
    assert made("val_accuracy").scores() == {}
    assert made(None).column == "val_loss"
    assert made("macro_f1").column == "val_macro_f1"
    assert made("macro_f1").scores() == {"val_macro_f1": 0.5, "val_accuracy": 0.75}, "headlines alone"
    for name in ("log_loss", "val_macro_f1", "loss", "span_f1"):
        with pytest.raises(InputError, match=f"is '{name}': choose one of val_loss, val_accuracy, accuracy, macro_f1"):
            made(name)
    with pytest.raises(InputError, match="Nothing is known of the metric 'hinge'"):
        make_monitor(Training(), objective, metrics=("hinge",), score=score)
    with pytest.raises(InputError, match="Nothing is known of the metric 'hinge'"):
        make_monitor(Training(monitor="val_hinge"), Objective(objective.loss, {"hinge": objective.loss}))


def test_a_chain_is_not_monitored_by_tags_that_saw_the_true_ones():
    """Its objective counts the loss alone, and its tags are searched for as in the report."""
    from seqkit.layers.crf import crf_loss
    from seqkit.tasks.tagging import Tagging

    for scheme, headline in (("bio", "span_f1"), (None, "token_accuracy")):
        task = Tagging({}, None, ("O", "B-X"), scheme, "crf")
        objective = task.objective(Training(), None)
        assert objective == Objective(crf_loss, {})
        assert task.monitor == headline
        with pytest.raises(InputError, match="is 'val_accuracy': choose one of val_loss"):
            make_monitor(Training(monitor="val_accuracy"), objective, metrics=task.metrics, score=dict)
    plain = Tagging({}, None, ("O", "B-X"), None, "softmax")
    assert plain.monitor == "val_accuracy"


def test_a_metric_that_the_rows_have_none_of_is_told():
    monitor = Monitor("val_perplexity", lambda: {"nats_per_symbol": 0.5})
    with pytest.raises(
        InputError, match="is 'perplexity', of which these validation rows have none: they have nats_per"
    ):
        monitor.scores()
