"""A model with its state as input and output answers windows and single steps as it answers the whole row."""

from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.cell_names import Cell
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.export.graphs import step_graph
from seqkit.layers.embedding import embed_tokens
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.cells import CELLS
from seqkit.recurrence.stateful import stateful, streams
from seqkit.recurrence.watching import watch
from seqkit.topologies.many_to_many import many_to_many
from seqkit.training.objectives import classification
from seqkit.training.step import evaluate
from seqkit.training.trainer import Trainer

IDS = np.array([[5, 6, 7, 8, 9, 5, 6, 4, 8], [9, 4, 4, 6, 0, 0, 0, 0, 0]], np.int32)


def model(**stack):
    ids, features, mask = embed_tokens(10, Embedding(units=3))
    return many_to_many(ids, features, mask, outputs=4, stack=Stack(**{"units": (5, 6), "layer_norm": True} | stack))


def check_pieces(model, copy, size):
    """Piece by piece with the state handed on: the same answers at every real step."""
    whole = np.asarray(model(IDS))
    states = [np.zeros((len(IDS), state.shape[1]), "float32") for state in copy.inputs[1:]]
    pieces = []
    for start in range(0, IDS.shape[1], size):
        answer, *states = map(np.asarray, copy([IDS[:, start : start + size], *states]))
        pieces.append(np.asarray(answer))
    np.testing.assert_allclose(np.concatenate(pieces, axis=1)[IDS > 0], whole[IDS > 0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cell", [name for name in get_args(Cell) if CELLS[name].timed is None])
def test_windows_and_steps_equal_the_whole_row(cell):
    """Windows of one that is Keras's, of one that isn't, and of two whose steps are read at once; the scan has each cell in
    pieces (test_cells.py).
    """
    net = model(cell=cell, units=(5,))
    assert streams(net)
    if cell in ("lstm", "mut1", "mingru", "qrnn"):
        check_pieces(net, stateful(net), 3)
    check_pieces(net, stateful(net, steps=1), 1)


def test_layers_one_on_the_other_hand_their_states_on_in_windows_that_do_not_divide_the_row():
    net = model(cell="lstm")
    check_pieces(net, stateful(net), 4)
    check_pieces(net, stateful(net, steps=1), 1)


def test_a_model_within_the_model_hands_its_states_on_and_one_that_reads_words_keeps_to_itself():
    """The characters of a word are read by a layer both ways, whose steps are none of the row's."""
    ids, features, _ = embed_tokens(10, Embedding(units=3))
    characters = keras.Input((4,))
    word = keras.layers.Bidirectional(keras.layers.GRU(2))(keras.layers.Reshape((4, 1))(characters))
    spelt = keras.layers.TimeDistributed(keras.Model(characters, word, name="word"))(keras.layers.Dense(4)(features))
    steps = keras.Input((None, 4))
    inner = keras.Model(steps, keras.layers.GRU(5, return_sequences=True)(steps), name="inner")
    net = keras.Model(ids, keras.layers.Dense(2)(inner(spelt)))
    assert streams(net)
    check_pieces(net, stateful(net), 4)
    check_pieces(net, stateful(net, steps=1), 1)


def test_piece_check_catches_a_state_that_is_not_handed_on():
    net = model(cell="gru")
    copy = stateful(net)
    forgetful = keras.Model(copy.inputs, [copy.outputs[0], *(0.0 * state for state in copy.outputs[1:])])
    with pytest.raises(AssertionError):
        check_pieces(net, forgetful, 4)


def test_variables_are_shared():
    net = model(cell="lstm")
    copy = stateful(net)
    assert {id(v) for v in copy.variables} == {id(v) for v in net.variables}


def test_a_model_that_reads_later_steps_is_refused():
    net = model(cell="lstm", bidirectional=True)
    assert not streams(net)
    within = keras.Sequential([keras.Input((None,), dtype="int32"), net])
    assert not streams(within)
    for model_of_it in (net, within):
        with pytest.raises(InputError, match="reads later steps"):
            stateful(model_of_it)


def test_a_layer_or_a_model_that_is_called_twice_is_refused():
    x = keras.Input((None, 3))
    layer = keras.layers.GRU(3, return_sequences=True)
    inner = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(3, return_sequences=True)], name="inner")
    for once, name in ((layer, layer.name), (inner, "inner")):
        with pytest.raises(InputError, match=f"{name} is called 2 times"):
            stateful(keras.Model(x, once(once(x))))


def test_models_within_the_model_may_have_layers_of_one_name_and_others_may_be_called_twice():
    x = keras.Input((None,), dtype="int32")
    dense = keras.Sequential([keras.Input((None, 3)), keras.layers.Dense(3)], name="dense")

    def inner(name):
        steps = keras.Input((None, 3))
        return keras.Model(steps, keras.layers.GRU(3, return_sequences=True, name="gru")(steps), name=name)

    vectors = dense(dense(keras.layers.Embedding(10, 3)(x)))
    net = keras.Model(x, inner("one")(vectors) + inner("other")(Within(name="within")(vectors)))
    copy = stateful(net)
    assert [state.name for state in copy.inputs[1:]] == ["one_gru_state_0", "other_gru_state_0"]
    _, *states = copy([tf.constant(IDS[:, :4]), *[tf.zeros((2, 3))] * 2])
    np.testing.assert_allclose(copy([tf.constant(IDS[:, 4:]), *states])[0], net(IDS)[:, 4:], atol=1e-6)


class Within(keras.Model):
    """Has no outputs before it is called."""

    def call(self, x):
        return 2.0 * x


class Subclassed(keras.Model):
    def call(self, ids):
        return ids


@pytest.mark.parametrize("made", [Subclassed, lambda: keras.Sequential([keras.layers.GRU(2)])])
def test_a_model_whose_calls_are_not_known_is_refused(made):
    for what in (stateful, accelerate, lambda model: watch(model, IDS)):
        with pytest.raises(InputError, match="no functional or sequential model that is built"):
            what(made())


def with_layer(**options):
    ids, features, mask = embed_tokens(10, Embedding(units=3))
    return keras.Model(ids, keras.layers.LSTM(3, return_sequences=True, **options)(features, mask=mask))


def test_a_layer_that_the_scan_does_not_know_runs_as_keras_has_it():
    net = with_layer(activation="relu")
    check_pieces(net, stateful(net), 4)
    check_pieces(net, stateful(net, steps=1), 1)


def test_a_layer_whose_state_is_not_all_is_refused():
    odd = with_layer(recurrent_dropout=0.5)
    with pytest.raises(ValueError, match="can't hand its state on"):
        stateful(odd)


def rows(rng, lengths):
    ids = Ragged.of_lengths(rng.integers(1, 10, lengths.sum()).astype(np.int32), lengths)
    targets = Ragged.of_lengths(rng.integers(0, 4, lengths.sum()).astype(np.int32), lengths)
    weights = Ragged.of_lengths(np.ones(lengths.sum(), np.float32), lengths)
    return {"ids": ids, "targets": targets, "weights": weights}


@pytest.mark.parametrize(("slots", "window"), [(1, 5), (3, 4), (8, 40)])
def test_sums_over_windows_equal_those_over_whole_rows(rng, slots, window):
    lengths, objective = np.array([7, 30, 1, 12, 4]), classification(Training(), [1] * 4)
    columns, net = rows(rng, lengths), model(cell="lstm", units=(5,))
    whole = evaluate(net, Pipeline(columns, {"ids": (32,)}, 5), objective)
    assert evaluate(net, Windows(columns, "ids", slots, window), objective) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_one_window_a_row_trains_as_the_whole_row_does(rng, count):
    """Truncated backpropagation is the full one where the window is as long as the rows."""
    columns, start, trained = rows(rng, np.array([9] * count)), model(cell="gru", units=(5,)).get_weights(), []
    for pipeline in (
        Pipeline(columns, {"ids": (9,)}, count),
        *(Windows(columns, "ids", count, size) for size in (9, 3)),
    ):
        net, training = model(cell="gru", units=(5,)), Training(epochs=1, optimizer="sgd", learning_rate=0.5)
        net.set_weights(start)
        Trainer(net, classification(training, [1] * 4), training).fit(pipeline, pipeline)
        trained.append(np.concatenate([weight.ravel() for weight in net.get_weights()]))
    np.testing.assert_allclose(trained[1], trained[0], rtol=1e-4, atol=1e-6)
    assert np.abs(trained[2] - trained[0]).max() > 1e-3  # three steps on three windows are something else


def test_the_exported_step_keeps_the_state(tmp_path):
    net = model(cell="gru", units=(5,))
    step, module = step_graph(net), tf.Module()
    module.weights = [variable.value for variable in net.variables]
    tf.saved_model.save(module, str(tmp_path), signatures={"step": step.concrete()})
    served = tf.saved_model.load(str(tmp_path)).signatures["step"]
    answer = {name: tf.zeros((2, 5)) for name in step.states}
    for t in range(IDS.shape[1]):
        answer = served(ids=IDS[:, t], **{name: answer[name] for name in step.states})
        np.testing.assert_allclose(answer["outputs"][0], net(IDS)[0, t], rtol=1e-4, atol=1e-6)
