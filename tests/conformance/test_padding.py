"""Padding: more of it, other batch-mates or another batch size change no output."""

import keras
import numpy as np
import pytest

from seqkit.core.settings import Stack, Training
from seqkit.training.step import evaluate
from tests.cases import CASES, as_batch, inputs_of


def check_padding(case, model, rng):
    """Each row alone, unpadded, gives what it gives in a padded batch."""
    lengths = (1, 4, 9)
    columns = case.draw(rng, np.array(lengths))
    together = np.asarray(model(inputs_of(model, as_batch(columns, more=3))))
    for row in range(len(lengths)):
        one = {
            name: column[row : row + 1] if isinstance(column, np.ndarray) else column.take(np.array([row]))
            for name, column in columns.items()
        }
        alone = np.asarray(model(inputs_of(model, as_batch(one))))[0]
        np.testing.assert_allclose(together[row][: len(alone)], alone, rtol=1e-5, atol=1e-6)


def test_padding_changes_nothing(case, rng):
    stack = Stack(cell="gru", units=(4, 4), bidirectional=True, residual=True, layer_norm=True)
    for variant in case.variants:
        check_padding(case, case.build(stack, variant), rng)


@pytest.mark.parametrize(
    "stack",
    [Stack(cell="lstm", units=(4,)), Stack(cell="simple_rnn", units=(4, 3), dropout=0.5, input_dropout=0.5)],
    ids=lambda stack: stack.cell,
)
def test_padding_changes_nothing_in_a_stack(stack, rng):
    """What doesn't depend on the recipe is asked of one."""
    for variant in CASES[0].variants:
        check_padding(CASES[0], CASES[0].build(stack, variant), rng)


def test_padding_check_catches_a_model_that_adds_up_its_padding(case, rng):
    model = case.build(Stack(units=(4,), bidirectional=True), case.variants[0])
    everything = keras.ops.sum(model.inputs[0] * 0 + 1) * keras.ops.ones_like(model.output)
    with pytest.raises(AssertionError):
        check_padding(case, keras.Model(model.input, model.output + keras.ops.cast(everything, "float32")), rng)


def test_answers_do_not_depend_on_their_company(run, case):
    together = run.predict(case.inputs)
    assert together == [answer for text in case.inputs for answer in run.predict([text])]


def check_batches_do_not_matter(model, pipelines, objective):
    first, *others = (evaluate(model, pipeline, objective) for pipeline in pipelines)
    for other in others:
        assert other == pytest.approx(first, rel=1e-5)


def test_a_metric_does_not_depend_on_the_batch_size(run, case):
    pipelines = [run.task.encode(case.fresh(), size)[0] for size in (7, 32, 100)]
    check_batches_do_not_matter(run.model, pipelines, case.objective(Training()))


def test_batch_check_catches_a_model_that_looks_at_its_company(run, case):
    outputs = run.model.output
    looks_around = keras.Model(run.model.input, outputs - keras.ops.mean(outputs, axis=0, keepdims=True))
    pipelines = [run.task.encode(case.fresh(), size)[0] for size in (7, 32)]
    with pytest.raises(AssertionError):
        check_batches_do_not_matter(looks_around, pipelines, case.objective(Training()))
