"""The loop: its clipping, sums, schedules, averages and best weights, against NumPy and Keras."""

import gc
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import approx_fprime
from scipy.special import log_softmax

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError, TrainingError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Training
from seqkit.training.monitor import Monitor
from seqkit.training.objectives import Objective, classification
from seqkit.training.optimizer import clip, make_optimizer
from seqkit.training.step import evaluate
from seqkit.training.trainer import Trainer, reproducible

arrays = hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=3), elements=st.floats(-100, 100, width=32))


@given(gradients=st.lists(arrays, min_size=1, max_size=4), bound=st.floats(0.01, 10))
def test_clipping_follows_its_definitions(gradients, bound):
    tensors = [tf.constant(gradient) for gradient in gradients]
    doubles = [gradient.astype(np.float64) for gradient in gradients]
    norms = [np.sqrt(np.sum(gradient**2)) for gradient in doubles]
    whole = np.sqrt(np.sum(np.square(norms)))
    expected = {
        "global_clipnorm": [gradient * min(1.0, bound / max(whole, 1e-30)) for gradient in doubles],
        "clipnorm": [g * min(1.0, bound / max(norm, 1e-30)) for g, norm in zip(doubles, norms, strict=True)],
        "clipvalue": [np.clip(gradient, -bound, bound) for gradient in doubles],
    }
    for kind, wanted in expected.items():
        got, norm, clipped = clip(tensors, Training(**{"global_clipnorm": 0.0} | {kind: bound}))
        assert float(norm) == pytest.approx(whole, rel=1e-4, abs=1e-6)
        change = max(np.abs(after - before).max() for after, before in zip(wanted, doubles, strict=True))
        if not 0 < change < 1e-4:  # at the bound itself rounding decides
            assert bool(clipped) == (change > 0)
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    untouched, _, clipped = clip(tensors, Training(global_clipnorm=0.0))
    assert not clipped
    assert all((one.numpy() == other).all() for one, other in zip(untouched, gradients, strict=True))


def rows(targets, weights=None, batch_size=4):
    """Rows of one step each, whose input is their number from 1."""
    count = len(targets)
    columns = {
        "ids": Ragged.of_lengths(np.arange(1, count + 1, dtype=np.int32), np.ones(count, int)),
        "targets": np.array(targets, np.int32),
    }
    if weights is not None:
        columns["weights"] = np.array(weights, np.float32)
    return Pipeline(columns, {"ids": (1,)}, batch_size)


def table_model(logits):
    """A model whose logits for row i are logits[i], each a weight."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    table = keras.layers.Embedding(len(logits) + 1, np.shape(logits)[1])
    model = keras.Model(ids, table(ids)[:, 0])
    table.set_weights([np.concatenate([np.zeros((1, np.shape(logits)[1])), logits])])
    return model


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_sums_are_exact_whatever_the_batches(rng, batch_size):
    logits, targets, weights = rng.normal(size=(7, 3)), rng.integers(0, 3, 7), rng.uniform(0, 2, 7)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    losses = -np.log(probabilities[np.arange(7), targets])
    means = evaluate(table_model(logits), rows(targets, weights, batch_size), classification(Training(), [1, 1, 1]))
    assert means["loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-5)
    assert means["accuracy"] == pytest.approx(np.average(logits.argmax(axis=1) == targets, weights=weights))


def test_batches_whose_rows_weigh_nothing_move_nothing(rng):
    targets, weights = rng.integers(0, 3, 8), np.array([0, 1, 0, 1, 0, 0, 0, 1], np.float32)
    training = Training(epochs=1, batch_size=1, learning_rate=0.1)  # Adam, which would move by what was before
    nothing, some = (rows(targets[kept], weights[kept], 1) for kept in (weights >= 0, weights > 0))
    models = [table_model(rng.normal(size=(8, 3))) for _ in range(2)]
    before = models[0].get_weights()[0]
    with pytest.raises(InputError, match="None of the rows to score has a weight above 0"):
        Trainer(models[1], classification(training), training).fit(some, rows(targets, 0 * weights, 2))
    Trainer(models[0], classification(training), training).fit(nothing, some)
    moved = np.any(models[0].get_weights()[0] != before, axis=1)[1:]
    np.testing.assert_array_equal(moved, weights > 0)
    assert int(models[0].optimizer.iterations) == 3


def test_a_figure_that_is_a_column_is_refused():
    """Beside weights, which are a row, it would be added up over all pairs of items."""
    training = Training(epochs=1)
    right, column = (lambda targets, logits: logits[:, 0]), (lambda targets, logits: logits[:, :1])

    def hidden(targets, logits):
        return tf.py_function(lambda logits: logits[:, :1], [logits], tf.float32)

    with pytest.raises(tf.errors.InvalidArgumentError, match="size"):
        Trainer(table_model(np.zeros((2, 2))), Objective(right, {"size": hidden}), training).fit(
            rows([0, 1]), rows([0, 1])
        )
    for objective, name in ((Objective(column, {}), "loss"), (Objective(right, {"size": column}), "size")):
        with pytest.raises(InputError, match=rf"objective's {name} has the shape \(None, 1\).*a number for each"):
            Trainer(table_model(np.zeros((2, 2))), objective, training).fit(rows([0, 1]), rows([0, 1]))


@pytest.mark.parametrize("column", ["ids", "targets"])
def test_a_column_that_the_model_or_the_objective_needs_and_rows_lack_is_named(column):
    training, (ids, targets) = Training(epochs=1), rows([0, 1]).columns.values()
    names = ["ids", "targets"]
    names[names.index(column)] = "other"
    lacking = Pipeline(dict(zip(names, (ids, targets), strict=True)), {names[0]: (1,)}, 2)
    with pytest.raises(InputError, match=rf"(reads|no column named) {column}"):
        Trainer(table_model(np.zeros((2, 2))), classification(training), training).fit(lacking, lacking)


def test_smoothing_and_class_weights_shape_the_loss_as_their_papers_say(rng):
    logits, targets, counts = rng.normal(size=(5, 3)), np.array([0, 1, 2, 2, 0]), [10, 30, 20]
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    smooth = 0.9 * np.eye(3)[targets] + 0.1 / 3
    balanced = 60 / (3 * np.array(counts))  # n / (k n_c), scikit-learn's "balanced"
    expected = -(smooth * log_probabilities).sum(axis=1) * balanced[targets]
    training = Training(label_smoothing=0.1, class_weights="balanced")
    objective = classification(training, counts)
    got = objective.training_loss(tf.constant(targets), tf.constant(logits, tf.float32))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    reported = objective.loss(tf.constant(targets), tf.constant(logits, tf.float32))
    np.testing.assert_allclose(reported, -log_probabilities[np.arange(5), targets], rtol=1e-5)


def test_one_step_of_sgd_moves_as_the_clipped_gradient_says():
    logits = np.array([[1.0, -1.0], [0.5, 0.0]])
    model = table_model(logits)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gradient = (p - np.eye(2)[[1, 0]]) / 2  # of the mean over two rows
    norm = np.sqrt(np.sum(gradient**2))
    training = Training(epochs=1, batch_size=2, optimizer="sgd", learning_rate=0.5, global_clipnorm=norm / 4)
    history = Trainer(model, classification(training, [1, 1]), training).fit(rows([1, 0]), rows([1, 0]))
    np.testing.assert_allclose(model.get_weights()[0][1:], logits - 0.5 * gradient / 4, rtol=1e-5)
    assert history[0]["gradient_norm"] == pytest.approx(norm, rel=1e-5)
    assert history[0]["clipped_share"] == 1.0


class TwoDraws(keras.layers.Layer):
    """What dropout does, as numbers that are known: of a step's two passes each adds its own to the logits."""

    rate, draws = 0.5, ((0.3, -0.2), (-0.5, 0.4))

    def __init__(self):
        super().__init__()
        self.passes = []

    def call(self, logits, training=False):
        if not training:
            return logits
        self.passes.append(logits)
        return logits + tf.constant(self.draws[len(self.passes) - 1])


def test_two_passes_are_drawn_together_as_r_drop_says():
    """Liang et al. 2021, equation 4, halved: its gradient by finite differences in float64."""
    logits, targets, alpha = np.array([[1.0, -1.0], [0.5, 0.0]]), [1, 0], 3.0

    def loss(own):
        p, q = (log_softmax(own + np.array(draw), axis=1) for draw in TwoDraws.draws)
        likelihood = -(p + q)[np.arange(2), targets]
        divergence = (np.exp(p) * (p - q)).sum(axis=1) + (np.exp(q) * (q - p)).sum(axis=1)
        return np.mean(likelihood + alpha / 2 * divergence) / 2

    gradient = approx_fprime(logits.ravel(), lambda flat: loss(flat.reshape(2, 2)), 1e-6).reshape(2, 2)
    plain = table_model(logits)
    model = keras.Model(plain.input, TwoDraws()(plain.output))
    training = Training(epochs=1, batch_size=2, optimizer="sgd", learning_rate=0.5, global_clipnorm=0.0, r_drop=alpha)
    Trainer(model, classification(training), training).fit(rows(targets), rows(targets))
    np.testing.assert_allclose(plain.get_weights()[0][1:], logits - 0.5 * gradient, atol=1e-5)


def test_two_passes_of_a_model_without_dropout_are_refused():
    training = Training(r_drop=1.0)
    with pytest.raises(InputError, match="for a model without dropout"):
        Trainer(table_model([[0.0, 1.0]]), classification(training), training).fit(rows([0]), rows([0]))


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("decay", [None, 0.0, 0.1])
def test_every_optimizer_is_the_one_of_that_name(name, decay):
    optimizer = make_optimizer(Training(optimizer=name, weight_decay=decay, learning_rate=0.5), steps=10)
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.learning_rate) == 0.5
    assert optimizer.weight_decay == (decay if decay is not None else {"adamw": 0.004}.get(name))


def test_schedules_follow_their_closed_forms():
    cosine = make_optimizer(Training(schedule="cosine", warmup_steps=10, learning_rate=0.2), steps=110).learning_rate
    rates = make_optimizer(Training(schedule="cosine", warmup_steps=10, learning_rate=0.2), steps=110)
    assert float(cosine) == 0.0
    for step, expected in ((5, 0.1), (10, 0.2), (60, 0.1), (85, 0.1 * (1 + np.cos(np.pi * 0.75))), (110, 0.0)):
        rates.iterations.assign(step)
        assert float(rates.learning_rate) == pytest.approx(expected, abs=1e-6)
    slanted = make_optimizer(Training(schedule="slanted", learning_rate=0.2), steps=110)
    for step, expected in ((0, 0.2 / 32), (11, 0.2), (110, 0.2 / 32), (60.5, 0.2 * (1 + 0.5 * 31) / 32)):
        assert float(slanted._learning_rate(step)) == pytest.approx(expected, abs=1e-6)  # Howard and Ruder's, cut 0.1
    held = make_optimizer(Training(warmup_steps=10, learning_rate=0.2), steps=110)
    held.iterations.assign(100)
    assert float(held.learning_rate) == pytest.approx(0.2)


class Weights(keras.callbacks.Callback):
    """Notes the weights after each step, and what the epochs' logs hold."""

    def __init__(self):
        super().__init__()
        self.steps, self.logs = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.get_weights()[0])

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(logs)


def averages(steps, ema):
    """Of the weights, from zeros on, after each step."""
    kept = [np.zeros_like(steps[0])]
    for done, weights in enumerate(steps, start=1):
        momentum = min(ema, (1 + done) / (10 + done))
        kept.append(momentum * kept[-1] + (1 - momentum) * weights)
    return kept[1:]


def test_the_average_is_kept_and_the_trained_weights_go_on():
    training = Training(epochs=2, batch_size=2, optimizer="sgd", learning_rate=1.0, ema=0.5)
    model, seen = table_model(np.zeros((4, 2))), Weights()
    Trainer(model, classification(training, [1, 1]), training).fit(
        rows([0, 1, 1, 0], batch_size=2), rows([0, 1, 1, 0]), callbacks=[seen]
    )
    np.testing.assert_allclose(model.get_weights()[0], averages(seen.steps, 0.5)[-1], rtol=1e-5)
    assert seen.logs[0].keys() >= {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_the_average_is_what_validation_scores_and_the_best_epoch_is_chosen_by(rng):
    """Where labels contradict each other, live weights go to and fro, and their average is often the better one."""
    targets, labels = [0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 1, 1]
    training = Training(epochs=4, batch_size=2, optimizer="sgd", learning_rate=4.0, ema=0.9, global_clipnorm=0.0)
    model, seen, objective = table_model(np.zeros((6, 2))), Weights(), classification(training, [1, 1])
    history = Trainer(model, objective, training).fit(rows(targets, batch_size=2), rows(labels), callbacks=[seen])
    ends = [averages(seen.steps, 0.9)[3 * epoch + 2] for epoch in range(4)]
    scores = [evaluate(table_model(average[1:]), rows(labels), objective) for average in ends]
    for row, score, live in zip(history, scores, seen.steps[2::3], strict=True):
        assert row["val_loss"] == pytest.approx(score["loss"], rel=1e-5)
        assert row["val_accuracy"] == pytest.approx(score["accuracy"])
        assert abs(row["val_loss"] - evaluate(table_model(live[1:]), rows(labels), objective)["loss"]) > 1e-3
    best = int(np.argmin([score["loss"] for score in scores]))
    np.testing.assert_allclose(model.get_weights()[0], ends[best], rtol=1e-5)


def test_a_training_leaves_no_graph_behind():
    """What Python's collector finds is as much after the fourth training as after the third."""
    gc.freeze()  # what is there already needn't be looked through each time
    counts = []
    for _ in range(4):
        data = rows([0, 1, 1, 0])
        Trainer(table_model(np.zeros((4, 2))), classification(Training(), [1, 1]), Training(epochs=1)).fit(data, data)
        gc.collect()
        counts.append(sum(isinstance(one, tf.Graph) for one in gc.get_objects()))
    assert counts[3] == counts[2]


def order_of(steps):
    """The rows of each batch: those whose weights it moved."""
    before = [np.zeros_like(steps[0]), *steps[:-1]]
    return [tuple((np.flatnonzero((b != a).any(axis=1)) - 1).tolist()) for a, b in zip(before, steps, strict=True)]


@pytest.mark.parametrize("kind", ["rows", "buckets", "windows"])
def test_every_epoch_has_its_batches_anew_and_none_follows_the_file(kind):
    """Their order, and who is with whom; of another seed, otherwise. All have one label, so that all weights move."""
    training, count = Training(epochs=3, batch_size=3, optimizer="sgd", learning_rate=0.1), 24
    numbers, long = (
        np.arange(1, count + 1, dtype=np.int32),
        np.arange(count) % 2 if kind == "buckets" else np.zeros(count),
    )
    flat = np.concatenate([[number, *[0] * int(4 * more)] for number, more in zip(numbers, long, strict=True)])
    ids, targets = Ragged.of_lengths(flat.astype(np.int32), (1 + 4 * long).astype(int)), np.zeros(count, np.int32)
    train = Pipeline({"ids": ids, "targets": targets}, {"ids": (4, 8)}, 3)
    if kind == "windows":
        train = Windows({"ids": ids, "targets": Ragged.of_lengths(targets, ids.lengths)}, "ids", 3, 1)

    def epochs(seed):
        model, seen = table_model(np.zeros((count, 2))), Weights()
        if kind == "windows":
            inputs = keras.Input((None,), dtype="int32", name="ids")
            model = keras.Model(inputs, model.layers[1](inputs))
        objective = classification(training, [1, 1])
        Trainer(model, objective, training, seed=seed).fit(train, train, callbacks=[seen])
        order = order_of(seen.steps)
        size = len(order) // 3
        return [order[size * epoch : size * (epoch + 1)] for epoch in range(3)]

    found = [*epochs(0), *epochs(1)]
    in_file = [tuple(range(start, start + 3)) for start in range(0, count, 3)]
    for batches in found:
        assert sorted(row for batch in batches for row in batch) == list(range(count))
        buckets = [long[batch[0]] for batch in batches]
        assert kind != "buckets" or buckets != sorted(buckets)
    for one, other in itertools.combinations([*found, in_file], 2):
        assert one != other
        assert set(one) != set(other)
    assert epochs(1) == found[3:]


def test_the_best_epoch_is_kept_and_patience_stops():
    """The validation labels contradict the training ones, so that the first epoch is the best."""
    training = Training(epochs=9, optimizer="sgd", learning_rate=1.0, patience=2)
    model, seen = table_model(np.zeros((4, 2))), Weights()
    train, valid = rows([0, 0, 1, 1]), rows([1, 1, 0, 0])
    history = Trainer(model, classification(training, [1, 1]), training).fit(train, valid, callbacks=[seen])
    assert len(history) == 3
    np.testing.assert_array_equal(model.get_weights()[0], seen.steps[0])
    with pytest.raises(InputError, match="training.monitor is 'val_f1': choose one of val_loss, val_accuracy"):
        Trainer(model, classification(training, [1, 1]), Training(epochs=1, monitor="val_f1")).fit(train, valid)


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_what_the_monitor_scores_chooses_the_epoch(ema, capsys):
    """After each epoch it sees the weights that are validated; here the third epoch is called the best."""
    training = Training(epochs=4, batch_size=4, optimizer="sgd", learning_rate=1.0, ema=ema)
    model, seen, scored = table_model(np.zeros((4, 2))), Weights(), []

    def score():
        scored.append(model.get_weights()[0])
        return {"bleu": [1.0, 2.0, 9.0, 3.0][len(scored) - 1], "length_ratio": 1.0}

    history = Trainer(model, classification(training, [1, 1]), training, monitor=Monitor("val_bleu", score)).fit(
        rows([0, 1, 1, 0]), rows([0, 1, 1, 0]), callbacks=[seen]
    )
    assert [row["val_bleu"] for row in history] == [1.0, 2.0, 9.0, 3.0]
    assert "val_length_ratio" not in history[0]
    assert [log["val_bleu"] for log in seen.logs] == [1.0, 2.0, 9.0, 3.0]
    expected = averages(seen.steps, 0.5) if ema else seen.steps
    np.testing.assert_allclose(scored, expected, rtol=1e-5)
    np.testing.assert_array_equal(model.get_weights()[0], scored[2])
    assert "Kept the weights of epoch 3 of 4, the best by val_bleu: 9." in capsys.readouterr().err


@pytest.mark.parametrize("warmup", [2, 3, 50])
def test_a_warm_up_longer_than_the_training_is_told(warmup, capsys):
    training = Training(epochs=3, batch_size=4, warmup_steps=warmup)
    train = rows([0, 1, 1, 0])
    Trainer(table_model(np.zeros((4, 2))), classification(training, [1, 1]), training).fit(train, train)
    said = f"training.warmup_steps is {warmup}, but there are 3 steps in all"
    assert (said in capsys.readouterr().err) == (warmup >= 3)


@pytest.mark.parametrize(
    ("plateau", "rates"), [(1, [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625]), (2, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25])]
)
@pytest.mark.parametrize("patience", [None, 2])
def test_plateau_halves_the_learning_rate(plateau, rates, patience, tmp_path):
    """Also of a training that is extended after three epochs, from where on patience counts, and it alone."""

    def train(epochs, patience, **options):
        training = Training(
            epochs=epochs, optimizer="sgd", learning_rate=1.0, plateau_patience=plateau, patience=patience
        )
        trainer = Trainer(table_model(np.zeros((4, 2))), classification(training, [1, 1]), training, **options)
        history = trainer.fit(rows([0, 0, 1, 1]), rows([1, 1, 0, 0]), resume=trainer.since > 0)
        return [row["learning_rate"] for row in history]

    assert train(6, patience) == rates[: 3 if patience else 6]
    assert train(3, None, checkpoint=tmp_path) == rates[:3]
    assert train(6, patience, checkpoint=tmp_path, since=3) == rates[: 5 if patience else 6]


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(where, tmp_path):
    def loss(targets, logits):
        spoilt = tf.cast(targets == 2, tf.float32)
        if where == "loss":
            return logits[:, 0] + tf.math.log(-spoilt)
        return tf.sqrt(tf.abs(logits[:, 0]) * (1.0 - spoilt))  # its slope at 0 is infinite

    training = Training(epochs=2, batch_size=1, optimizer="sgd")
    model = table_model(np.ones((3, 3)))
    train = rows([0, 2, 0], batch_size=1)
    order = [int(batch["targets"][0]) for batch in train.batches((0, 0))]
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(
        TrainingError, match=rf"Epoch 1, step {order.index(2) + 1}: the .* is .*checkpoint.*learning_rate"
    ):
        Trainer(model, Objective(loss, {}), training, checkpoint=checkpoint).fit(train, train)
    assert np.isfinite(model.get_weights()[0]).all()
    assert checkpoint.exists()


def test_bfloat16_computes_in_bfloat16_and_keeps_float32_weights():
    with reproducible(0, "mixed_bfloat16"):
        layer = keras.layers.Dense(2)
        assert layer(np.ones((1, 2))).dtype == "bfloat16"
        assert layer.kernel.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"learning_rate": 0}, "learning_rate is 0.0: give a number above 0"),
        ({"epochs": 0}, "epochs is 0: give a number of at least 1"),
        ({"clipnorm": 1.0}, "use one kind of clipping"),
        ({"ema": 1.0}, "ema is 1.0: give a share"),
        ({"plateau_patience": 1, "warmup_steps": 5}, "no warm-up"),
        ({"schedule": "linear"}, "schedule is 'linear': choose one of constant, cosine"),
        ({"optimizer": "lbfgs"}, "optimizer is 'lbfgs': choose one of adam, adamw, sgd, rmsprop"),
        ({"global_clipnorm": float("nan")}, "global_clipnorm is nan"),
    ],
)
def test_wrong_settings_get_one_sentence(settings, complaint):
    with pytest.raises(InputError, match=complaint):
        Training(**settings)
