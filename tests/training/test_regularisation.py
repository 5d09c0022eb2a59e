"""Weight drop, AR and TAR: their equations, what they leave alone, and a resumed training that draws the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.stateful import stateful
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.objectives import classification
from seqkit.training.regularisation import WeightDrop, activation_penalty, with_activations
from seqkit.training.step import make_train_steps
from seqkit.training.trainer import Trainer, reproducible

LENGTHS = np.array([6, 3, 5, 1])


def build(cell="gru", **options):
    with reproducible(0, "float32"):
        embedded = embed_tokens(9, Embedding(units=3))
        return many_to_many(*embedded, outputs=9, stack=Stack(cell=cell, units=(4, 5), **options))


def rows(windows=False):
    rng = np.random.default_rng(0)
    columns = {
        name: Ragged.of_lengths(rng.integers(4, 9, LENGTHS.sum()).astype(np.int32), LENGTHS)
        for name in ("ids", "targets")
    } | {"weights": Ragged.of_lengths(np.ones(LENGTHS.sum(), np.float32), LENGTHS)}
    return Windows(columns, "ids", 2, 4) if windows else Pipeline(columns, {"ids": (8,)}, 4)


def moved(model, data, training):
    """What one step of plain gradient descent at rate 1 takes from each weight."""
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    model.optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    make_train_steps(model, classification(training), training, data)(iter(data.batches()), 1)
    return [old - new.numpy() for old, new in zip(before, model.trainable_variables, strict=True)]


def by_hand(said, dropped, lengths, ar, tar):
    """Merity et al. 2017, with means over the real steps and pairs of steps, one row after the other."""
    rows = [(s[:n], d[:n]) for s, d, n in zip(said, dropped, lengths, strict=True)]
    size = np.concatenate([d.ravel() for _, d in rows])
    change = np.concatenate([np.diff(s, axis=0).ravel() for s, _ in rows])
    return ar * np.mean(size**2) + tar * np.mean(change**2)


def test_penalty_follows_its_equation(rng):
    said, dropped = rng.normal(size=(2, 4, 6, 5)).astype("float32")
    weights = (np.arange(6) < LENGTHS[:, None]).astype("float32")
    got = activation_penalty(Training(ar=2.0, tar=0.5), *map(tf.constant, (said, dropped, weights)))
    assert float(got) == pytest.approx(by_hand(said, dropped, LENGTHS, 2.0, 0.5), rel=1e-5)
    alone = activation_penalty(Training(tar=1.0), *(tf.constant(a[:, :1]) for a in (said, dropped, weights)))
    assert float(alone) == 0.0  # a single step doesn't change


@pytest.mark.parametrize("windows", [False, True], ids=["whole rows", "windows"])
def test_a_step_descends_loss_and_penalties(windows):
    model, data, training = build("simple_rnn"), rows(windows), Training(ar=20.0, tar=10.0, global_clipnorm=0.0)
    batch, layer = next(iter(data.batches())), model.get_layer("simple_rnn_2")
    inner = keras.Model(model.inputs, [model.output, layer.output])
    with tf.GradientTape() as tape:
        logits, said = inner(batch["ids"])
        real = batch["weights"]
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["targets"], logits)
        loss = tf.reduce_sum(nats * real) / tf.reduce_sum(real)
        squares = tf.boolean_mask(said, real > 0) ** 2
        changes = tf.boolean_mask(said[:, 1:] - said[:, :-1], (real[:, 1:] > 0)) ** 2
        loss += 20.0 * tf.reduce_mean(squares) + 10.0 * tf.reduce_mean(changes)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    expected, weights = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients], model.get_weights()
    for got, gradient in zip(moved(model, data, training), expected, strict=True):
        np.testing.assert_allclose(got, gradient, rtol=1e-4, atol=1e-6)
    model.set_weights(weights)
    plain = moved(model, data, Training(global_clipnorm=0.0))
    assert max(np.abs(a - b).max() for a, b in zip(plain, expected, strict=True)) > 1e-3


def test_the_penalised_output_is_the_one_after_dropout():
    model = build(dropout=0.5)
    shown = with_activations(model)
    _, said, dropped = shown(np.array([[4, 5, 6, 7]]), training=True)
    lost = dropped.numpy() == 0
    assert lost.any()
    np.testing.assert_allclose(dropped[~lost], said[~lost] / 0.5, rtol=1e-6)
    _, said, dropped = shown(np.array([[4, 5, 6, 7]]))
    np.testing.assert_array_equal(said, dropped)


@pytest.mark.parametrize("options", [
    {}, {"dropout": 0.5}, {"dropout": 0.5, "locked": True}, {"residual": True}, {"residual": True, "dropout": 0.5},
    {"residual": True, "dropout": 0.5, "layer_norm": True, "bidirectional": True},
])  # fmt: skip
def test_what_is_penalised_is_what_the_answers_are_made_of(options):
    """Of whatever stack: the logits are an affine map of what AR sees, which is dropout of what TAR sees."""
    with reproducible(0, "float32"):
        stack = Stack(cell="gru", units=(4, 4, 4), **options)
        model = many_to_many(*embed_tokens(9, Embedding(units=stack.width)), outputs=9, stack=stack)
    kernel, bias = model.get_layer("logits").get_weights()
    logits, said, dropped = with_activations(model)(np.array([[4, 5, 6, 7]]), training=True)
    np.testing.assert_allclose(logits, dropped.numpy() @ kernel + bias, rtol=1e-4, atol=1e-5)
    kept = dropped.numpy() != 0
    assert kept.all() == ("dropout" not in options)
    np.testing.assert_allclose(dropped[kept], said[kept] / (1 - stack.dropout), rtol=1e-5)


def test_one_answer_a_row_has_no_penalty():
    model = many_to_one(*embed_tokens(9, Embedding(units=3)), outputs=2, stack=Stack(units=(4,)))
    columns = {"ids": rows().columns["ids"], "targets": np.array([0, 1, 0, 1], np.int32)}
    with pytest.raises(InputError, match="training.ar and training.tar are for models with an answer at every step"):
        moved(model, Pipeline(columns, {"ids": (8,)}, 4), Training(tar=1.0))


def test_weights_are_dropped_at_their_rate_by_seed_layer_and_step():
    count = tf.Variable(3, dtype=tf.int64)
    kernel = tf.ones((60, 240))

    def drawn(seed=0, name="lstm_1_0"):
        return WeightDrop(0.4, seed, count)(kernel, name).numpy()

    first = drawn()
    assert (first == 0).mean() == pytest.approx(0.4, abs=0.02)
    np.testing.assert_allclose(first[first > 0], 1 / 0.6, rtol=1e-6)
    np.testing.assert_array_equal(drawn(), first)
    for other in (drawn(seed=1), drawn(name="lstm_2_0")):
        assert 0.3 < (other != first).mean() < 0.7
    count.assign(4)
    assert 0.3 < (drawn() != first).mean() < 0.7


@pytest.mark.parametrize(
    ("cell", "copy"), [("lstm", stateful), ("gru_reset_before", accelerate)], ids=["stateful", "accelerate"]
)
def test_a_change_of_the_kernels_is_for_training_alone(cell, copy, rng):
    """Without recurrent weights a model answers as one whose recurrent kernels are zeros."""
    model, ids = build(cell), rng.integers(4, 9, (2, 6))
    changed = copy(model, change=lambda kernel, name: 0.0 * kernel)
    states = [np.zeros((2, tensor.shape[1]), "float32") for tensor in changed.inputs[1:]]

    def ask(training):
        answer = changed([ids, *states] if states else ids, training=training)
        return np.asarray(answer[0] if states else answer)

    whole, without = np.asarray(model(ids)), ask(training=True)
    np.testing.assert_allclose(ask(training=False), whole, atol=1e-6)
    assert np.abs(without - whole).max() > 1e-4
    for layer in model.layers:
        if isinstance(layer, keras.layers.RNN):
            for variable in layer.trainable_variables:
                if "recurrent_kernel" in variable.path:
                    variable.assign(0.0 * variable)
    np.testing.assert_allclose(np.asarray(model(ids)), without, atol=1e-6)


def test_dropped_weights_do_not_move():
    model, training = build("lstm"), Training(weight_drop=0.5, global_clipnorm=0.0)
    count = tf.Variable(0, dtype=tf.int64)
    kernel = model.get_layer("lstm_1").cell.recurrent_kernel
    place = next(i for i, variable in enumerate(model.trainable_variables) if variable is kernel)
    kept = WeightDrop(0.5, 0, count)(tf.ones(kernel.shape), "lstm_1_0").numpy() > 0
    moves = moved(model, rows(), training)
    assert not moves[place][~kept].any()
    assert (moves[place][kept] != 0).mean() > 0.8  # some by less than a float can tell


def test_a_layer_that_is_not_scanned_is_refused():
    ids, features, mask = embed_tokens(9, Embedding(units=3))
    odd = keras.layers.LSTM(4, return_sequences=True, recurrent_dropout=0.1)
    model = keras.Model(ids, odd(features, mask=mask))
    with pytest.raises(InputError, match="none that the scan runs.*leave training.weight_drop at 0"):
        accelerate(model, change=lambda kernel, name: kernel)
    ids, features, mask = embed_tokens(9, Embedding(units=3))
    odd = keras.layers.LSTM(4, return_sequences=True, activation="relu")
    with pytest.raises(InputError, match="none that the scan runs"):
        stateful(keras.Model(ids, odd(features, mask=mask)), change=lambda kernel, name: kernel)


@pytest.mark.parametrize("copy", [stateful, accelerate])
@pytest.mark.parametrize("activation", ["linear", "tanh"])  # of which the scan doesn't run the first
def test_a_fixed_layer_keeps_its_recurrent_weights(activation, copy, rng):
    ids, features, mask = embed_tokens(9, Embedding(units=3))
    fixed = keras.layers.SimpleRNN(4, return_sequences=True, activation=activation, trainable=False)
    model = keras.Model(ids, keras.layers.LSTM(4, return_sequences=True)(fixed(features, mask=mask), mask=mask))
    names: list[str] = []
    changed = copy(model, change=lambda kernel, name: names.append(name) or kernel)
    states = [np.zeros((2, tensor.shape[1]), "float32") for tensor in changed.inputs[1:]]
    ids = rng.integers(4, 9, (2, 6))
    changed([ids, *states] if states else ids, training=True)
    assert set(names) == {f"{model.layers[-1].name}_0"}


def test_resumed_training_draws_the_same(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def train(epochs=4, checkpoint=None, **options):
        training = Training(epochs=epochs, weight_drop=0.5, ar=1.0, tar=1.0)
        model = build("simple_rnn", dropout=0.2)
        data = rows(windows=True)
        history = Trainer(model, classification(training), training, checkpoint=checkpoint).fit(data, data, **options)
        return [*model.get_weights(), np.array([row["loss"] for row in history])]

    straight, checkpoint = train(), tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train(checkpoint=checkpoint, callbacks=[Stop()])
    for one, other in zip(train(checkpoint=checkpoint, resume=True), straight, strict=True):
        np.testing.assert_array_equal(one, other)
