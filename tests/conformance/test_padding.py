"""Padding: more of it, other batch-mates or another batch size change no output."""

import keras
import pytest

from seqkit.core.settings import Stack, Training
from seqkit.testing.models import check_padding
from seqkit.testing.runs import check_batch_size, check_company
from tests.cases import CASES
from tests.kinds import of_each_kind

LENGTHS = (1, 3, 6)


def test_padding_changes_nothing(case, rng):
    for variant in case.variants:
        check_padding(case.build(Stack(cell="gru", units=(4,), bidirectional=True), variant), case.rows(rng, LENGTHS))


@pytest.mark.parametrize(
    "stack",
    [
        Stack(cell="gru", units=(4, 4), bidirectional=True, residual=True, layer_norm=True),
        Stack(cell="lstm", units=(4,)),
        Stack(cell="simple_rnn", units=(4, 3), dropout=0.5, input_dropout=0.5),
    ],
    ids=lambda stack: stack.cell,
)
def test_padding_changes_nothing_in_a_stack(stack, rng):
    """What doesn't depend on the recipe is asked of one, by its ends and by all of its steps."""
    for variant in ("last", "mean"):
        check_padding(CASES[0].build(stack, variant), CASES[0].rows(rng, LENGTHS))


@pytest.mark.parametrize("case", of_each_kind(), indirect=True)
def test_padding_check_catches_a_model_that_adds_up_its_padding(case, rng):
    model = case.build(Stack(units=(4,), bidirectional=True), case.variants[0])
    everything = keras.ops.sum(model.inputs[0] * 0 + 1) * keras.ops.ones_like(model.output)
    with pytest.raises(AssertionError):
        check_padding(
            keras.Model(model.input, model.output + keras.ops.cast(everything, "float32")), case.rows(rng, LENGTHS)
        )


def test_answers_do_not_depend_on_their_company(run, case):
    check_company(run, case.inputs)


def test_a_metric_does_not_depend_on_the_batch_size(run, case):
    check_batch_size(run, case.fresh(), case.objective(Training()), sizes=(7, 32))


@pytest.mark.parametrize("case", of_each_kind(), indirect=True)
def test_batch_check_catches_a_model_that_looks_at_its_company(run, case, monkeypatch):
    outputs = run.model.output
    looks_around = keras.Model(run.model.input, outputs - keras.ops.mean(outputs, axis=0, keepdims=True))
    monkeypatch.setattr(run, "model", looks_around)
    with pytest.raises(AssertionError, match="depends on the batch size"):
        check_batch_size(run, case.fresh(), case.objective(Training()), sizes=(7, 32))
