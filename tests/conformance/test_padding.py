"""Padding: more of it, other batch-mates or another batch size change no output."""

import keras
import numpy as np
import pytest

from seqkit import Embedding, Stack, Training
from seqkit.layers import embed_tokens
from seqkit.training import evaluate


def check_padding(model, rng):
    """Each row alone, unpadded, gives what it gives in a padded batch."""
    lengths = (1, 4, 9)
    rows = [rng.integers(1, 30, length) for length in lengths]
    batch = np.zeros((len(rows), 12), np.int32)
    for row, ids in enumerate(rows):
        batch[row, : len(ids)] = ids
    together = np.asarray(model(batch))
    for row, ids in enumerate(rows):
        alone = np.asarray(model(ids[None]))[0]
        np.testing.assert_allclose(together[row][: len(alone)], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "stack",
    [
        Stack(cell="lstm", units=(4,)),
        Stack(cell="gru", units=(4, 4), bidirectional=True, residual=True, layer_norm=True),
        Stack(cell="simple_rnn", units=(4, 3), dropout=0.5, input_dropout=0.5),
    ],
    ids=lambda stack: f"{stack.cell}-{len(stack.units)}",
)
def test_padding_changes_nothing(case, stack, rng):
    for variant in case.variants:
        check_padding(case.build(stack, variant), rng)


def test_padding_check_catches_an_unmasked_model(rng):
    ids, features, _ = embed_tokens(30, Embedding(units=5))
    unmasked = keras.Model(ids, keras.ops.mean(keras.layers.LSTM(4, return_sequences=True)(features), axis=1))
    with pytest.raises(AssertionError):
        check_padding(unmasked, rng)


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
    ids = keras.Input((None,), dtype="int32")
    outputs = run.model(ids)
    looks_around = keras.Model(ids, outputs - keras.ops.mean(outputs, axis=0, keepdims=True))
    pipelines = [run.task.encode(case.fresh(), size)[0] for size in (7, 32)]
    with pytest.raises(AssertionError):
        check_batches_do_not_matter(looks_around, pipelines, case.objective(Training()))
