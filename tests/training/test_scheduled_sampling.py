"""Scheduled sampling and the penalty on uneven attention, against their definitions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import teacher_forced
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.many_to_many import many_to_many
from seqkit.training.objectives import classification
from seqkit.training.scheduled_sampling import doubly_stochastic_penalty, sample_previous_tokens, with_attention
from seqkit.training.step import make_train_steps

TOKENS = 12


def model_and_rows(rng, attention=Attention()):
    before, features, _ = embed_tokens(TOKENS, Embedding(units=4), name="before")
    model = encoder_decoder(
        embed_tokens(TOKENS, Embedding(units=4)), (before, features), outputs=TOKENS,
        encoder=Stack(units=(5,), bidirectional=True), decoder=Stack(units=(6,)), attention=attention,
    )  # fmt: skip
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    lengths = np.array([3, 5])
    ids = Ragged.of_lengths(rng.integers(4, TOKENS, 8).astype(np.int32), lengths)
    columns = {"ids": ids} | teacher_forced(Ragged.of_lengths(rng.integers(4, TOKENS, 6), np.array([4, 2])))
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    model.optimizer.build(model.trainable_variables)
    return model, Pipeline(columns, {"ids": (6,), "before": (7,)}, 2)


def test_unevenness_follows_its_equation(rng):
    looked, weights = rng.dirichlet(np.ones(5), size=(2, 4)), np.array([[1, 1, 1, 1], [1, 1, 0, 0]], float)
    looked[0, :, 3:] = 0  # padded places
    expected = np.mean([
        sum((1 - sum(looked[row, step, place] * weights[row, step] for step in range(4))) ** 2 for place in places)
        for row, places in ((0, range(3)), (1, range(5)))
    ])  # fmt: skip
    given = (tf.constant(looked, tf.float32), tf.constant(weights, tf.float32))
    assert float(doubly_stochastic_penalty(*given, len(given[0]))) == pytest.approx(expected, rel=1e-5)
    assert float(doubly_stochastic_penalty(given[0], tf.ones_like(given[1]), len(given[0]))) != pytest.approx(
        expected, rel=1e-3
    )


def test_the_penalty_is_part_of_what_is_descended(rng):
    """The gradient's norm with the penalty is that of the loss and the penalty together."""
    model, rows = model_and_rows(rng)
    objective = classification(Training())
    batch = next(iter(rows.batches()))
    with tf.GradientTape() as tape:
        logits, looked = with_attention(model)([batch["ids"], batch["before"]])
        mean = tf.reduce_sum(objective.loss(batch["targets"], logits) * batch["weights"]) / 8.0
        loss = mean + 0.5 * doubly_stochastic_penalty(looked, batch["weights"], batch["whole"])
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    norm = float(tf.linalg.global_norm([tf.convert_to_tensor(gradient) for gradient in gradients]))
    figures = [
        make_train_steps(model, objective, Training(attention_penalty=weight), rows)(iter(rows.batches()), 1)[0]
        for weight in (0.5, 0.0)
    ]
    assert figures[0]["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    assert figures[1]["gradient_norm"] != pytest.approx(norm, rel=1e-3)
    assert figures[0]["loss"] == pytest.approx(figures[1]["loss"], rel=1e-5)  # what is reported is the loss


def test_the_share_of_own_symbols_rises_with_the_steps(rng):
    before = tf.constant(rng.integers(4, 400, (50, 40)), tf.int32)
    before = tf.concat([before[:, :30], tf.zeros([50, 10], tf.int32)], axis=1)
    logits = tf.one_hot(tf.fill([50, 40], 500), 501)  # always finds 500
    for step, share in ((0, 0.0), (50, 0.25), (100, 0.5)):
        mixed = sample_previous_tokens(
            before, logits, Training(scheduled_sampling=0.5), tf.constant(step, tf.int64), 100, 0
        ).numpy()
        assert (mixed[:, 1:30] == 500).mean() == pytest.approx(share, abs=0.04)
        kept = mixed != 500
        np.testing.assert_array_equal(mixed[kept], before.numpy()[kept])
        assert not mixed[:, 30:].any()
        np.testing.assert_array_equal(mixed[:, 0], before[:, 0])


def test_own_symbols_stand_where_they_were_written(rng):
    """What is found likeliest at a step comes before the next."""
    before, logits = tf.constant(rng.integers(4, 9, (3, 6)), tf.int32), tf.constant(rng.normal(size=(3, 6, 9)))
    always = Training(scheduled_sampling=0.999)
    mixed = sample_previous_tokens(before, logits, always, tf.constant(1, tf.int64), 1, 0).numpy()
    np.testing.assert_array_equal(mixed[:, 1:], logits.numpy().argmax(-1)[:, :-1])


def test_scheduled_sampling_changes_what_is_trained_on(rng):
    model, rows = model_and_rows(rng)
    objective = classification(Training())
    losses = []
    for share in (0.0, 0.9):
        model.optimizer.iterations.assign(len(rows))
        training = Training(epochs=1, scheduled_sampling=share)
        losses.append(make_train_steps(model, objective, training, rows)(iter(rows.batches()), 1)[0]["loss"])
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("setting", ["attention_penalty", "scheduled_sampling"])
def test_settings_of_writers_are_refused_elsewhere(setting, rng):
    model = many_to_many(*embed_tokens(TOKENS, Embedding(units=4)), outputs=3, stack=Stack(units=(4,)))
    _, rows = model_and_rows(rng)
    model.compile(optimizer="sgd")
    with pytest.raises(InputError, match=f"training.{setting} is for models that encode and decode"):
        make_train_steps(model, classification(Training()), Training(**{setting: 0.5}), rows)


def test_a_recurrence_whose_weights_cannot_be_dropped_is_told(rng):
    model, rows = model_and_rows(rng, Attention(feeding=True))
    training = Training(weight_drop=0.5)
    with pytest.raises(
        InputError, match=r"weights can't be dropped: leave training\.weight_drop at 0, or .*feeding off"
    ):
        make_train_steps(model, classification(training), training, rows)
