"""Several steps in one call: the same steps, saved where they are to be saved, and none behind one that failed."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.checkpoint import Checkpoint
from seqkit.training.objectives import classification
from seqkit.training.step import make_train_steps
from seqkit.training.sums import CALL, Pace
from seqkit.training.trainer import Trainer, reproducible
from tests.op_by_op import op_by_op

BATCHES = 7
TRAINING = Training(epochs=2, batch_size=3)


def rows():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 6, 3 * BATCHES)
    ids = Ragged.of_lengths(rng.integers(1, 9, int(lengths.sum())).astype(np.int32), lengths)
    return Pipeline({"ids": ids, "targets": rng.integers(0, 2, len(lengths)).astype(np.int32)}, {"ids": (5,)}, 3)


def model():
    with reproducible(0, "float32"):
        stack = Stack(cell="gru", units=(4,), dropout=0.3)
        made = many_to_one(*embed_tokens(9, Embedding(units=4)), outputs=2, stack=stack, pooling="last")
    made.compile(optimizer=keras.optimizers.Adam(0.1))
    made.optimizer.build(made.trainable_variables)
    return made


def stepped(*counts, objective=None):
    """Figures of each step, and the weights after them, of calls of so many steps."""
    trained, data = model(), rows()
    steps = make_train_steps(trained, objective or classification(TRAINING), TRAINING, data)
    batches = iter(data.batches())
    return [figures for count in counts for figures in steps(batches, count)], trained.get_weights()


def assert_same(one, other):
    assert one[0] == other[0]
    for left, right in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(left, right)


def test_steps_are_the_same_however_many_are_in_a_call():
    single = stepped(*[1] * BATCHES)
    assert len(single[0]) == BATCHES
    assert len({figures["loss"] for figures in single[0]}) == BATCHES
    for counts in ((BATCHES,), (3, 4), (1, 5, 1)):
        assert_same(stepped(*counts), single)


def test_steps_without_a_graph_are_those_of_the_graph(monkeypatch):
    """Which most tests of short trainings rely on."""
    figures, weights = stepped(BATCHES)
    monkeypatch.setattr("seqkit.training.step._traced", op_by_op)
    others, own = stepped(3, 4)
    for one, other in zip(figures, others, strict=True):
        assert other == pytest.approx(one, rel=1e-4)
    for left, right in zip(weights, own, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-3, atol=1e-5)


def test_a_call_ends_with_a_step_whose_loss_is_no_number():
    """By a batch, the sixth, of which nobody can say a loss."""
    plain = classification(TRAINING)
    spoilt = list(rows().batches())[5]["targets"]

    def loss(targets, logits):
        found = tf.reduce_all(targets == spoilt)
        return plain.loss(targets, logits) + tf.where(found, float("nan"), 0.0)

    others = [batch["targets"].numpy().tolist() for batch in rows().batches()]
    assert others.index(spoilt.numpy().tolist()) == 5
    figures, weights = stepped(BATCHES, objective=dataclasses.replace(plain, loss=loss))
    assert [one["finite"] for one in figures] == [1.0] * 5 + [0.0]
    assert_same((figures[:5], weights), stepped(5))


def test_a_state_is_saved_after_the_steps_that_are_asked_for(tmp_path, monkeypatch):
    saved, save = [], Checkpoint.save
    monkeypatch.setattr("seqkit.training.sums.Pace.took", lambda pace, steps, seconds: vars(pace).update(count=100))
    monkeypatch.setattr(
        Checkpoint, "save", lambda own, position, *given: saved.append(position.total) or save(own, position, *given)
    )
    training = dataclasses.replace(TRAINING, checkpoint_steps=3)
    Trainer(model(), classification(training), training, checkpoint=tmp_path).fit(rows(), rows())
    assert sorted(set(saved)) == [3, 6, BATCHES, 9, 12, 2 * BATCHES]


def test_rows_that_do_not_know_how_many_batches_they_have_are_refused(monkeypatch):
    batches = Pipeline.batches
    monkeypatch.setattr(Pipeline, "batches", lambda *own, **given: batches(*own, **given).filter(lambda batch: True))
    with pytest.raises(InputError, match="doesn't know how many batches it has"):
        Trainer(model(), classification(TRAINING), TRAINING).fit(rows(), rows())


def test_a_call_takes_no_longer_than_a_person_would_notice():
    pace, single = Pace(), Pace(single=True)
    for steps, seconds, count in (
        (1, 30.0, 1),
        (1, CALL / 1000, 2),
        (2, CALL / 500, 4),
        (4, CALL, 4),
        (4, CALL * 8, 1),
    ):
        pace.took(steps, seconds)
        single.took(steps, seconds)
        assert (pace.count, single.count) == (count, 1)
    for _ in range(20):
        pace.took(pace.count, pace.count * CALL / 50)
    assert pace.count == pytest.approx(50, abs=1)
