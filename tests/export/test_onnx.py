"""ONNX files answer as Keras does, whatever the topology, the cell, the batch and the lengths."""

from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.export.graphs import Graph, graphs_of, model_graph, step_graph
from seqkit.export.onnx_file import onnx_model, operators_of, output_name
from seqkit.layers.embedding import embed_tokens
from seqkit.recurrence.cells import Recurrence, make_layer, register
from seqkit.recurrence.step import Cell
from seqkit.topologies.many_to_many import many_to_many
from tests import oracle
from tests.cases import CASES, Case

Arrays = dict[str, np.ndarray]
LENGTHS = (5, 1, 3)
NATIVE = ("lstm", "gru", "simple_rnn", "gru_reset_before")
SCANNED = ("mut1", "mut2", "mut3", "lstm_peephole", "lstm_coupled", "lstm_full_gate", "cfc")
LIGHT = ("mingru", "minlstm", "sru", "qrnn", "rg_lru", "indrnn", "lru")
ROUNDS = [
    pytest.param(case, number, id=f"{case.name}-{variant}")
    for case in CASES
    for number, variant in enumerate(case.variants)
]  # of which each has other cells, and the first two layers


def session(model: Any) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(opened: onnxruntime.InferenceSession, given: Arrays) -> Arrays:
    return dict(zip([one.name for one in opened.get_outputs()], opened.run(None, given), strict=True))


def keras_of(graph: Graph, given: Arrays) -> Arrays:
    return {
        output_name(graph, name): value.numpy()
        for name, value in graph(**{name: tf.constant(value) for name, value in given.items()}).items()
    }


def shaken(model: keras.Model, rng: np.random.Generator) -> keras.Model:
    """With weights that no initializer leaves at zero."""
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables:
            drawn = rng.normal(scale=0.3, size=variable.shape)
            variable.assign(variable + drawn * layer.trainable)
    return model


def real_parts(outputs: Arrays, lengths: Any) -> list[Arrays]:
    """Row by row what stands for a real step or place."""
    real = outputs.get("real")
    places = lengths if real is None else real.sum(axis=1)
    in_step = {
        name for name, values in outputs.items() if values.ndim > 2 or (real is not None and values.shape == real.shape)
    }
    return [
        {name: values[row][:length] if name in in_step else values[row] for name, values in outputs.items()}
        for row, length in enumerate(places)
    ]


def same(got: Arrays, expected: Arrays, lengths: Any, tolerance: float = 1e-5) -> None:
    assert got.keys() == expected.keys()
    for ours, theirs in zip(real_parts(got, lengths), real_parts(expected, lengths), strict=True):
        for name, values in theirs.items():
            np.testing.assert_allclose(ours[name], values, atol=tolerance, err_msg=name)


def inputs_of(graph: Graph, batch: Arrays) -> Arrays:
    return {name: batch[name].astype(spec.dtype.as_numpy_dtype) for name, spec in graph.inputs.items()}


def in_rows(values: np.ndarray) -> bool:
    return values.ndim > 1 and values.shape[1] == LENGTHS[0]


def spoilt(given: Arrays) -> Arrays:
    """Longer, and with anything where frames are padding."""
    longer = {}
    for name, values in given.items():
        if in_rows(values):
            values = np.concatenate([values, np.zeros_like(values[:, :2])], axis=1)
            if values.dtype == np.float32:
                for row, length in enumerate(LENGTHS):
                    values[row, length:] = 100
        longer[name] = values
    return longer


def alone(given: Arrays, row: int) -> Arrays:
    return {
        name: values[row : row + 1, : LENGTHS[row]] if in_rows(values) else values[row : row + 1]
        for name, values in given.items()
    }


@pytest.mark.parametrize(("case", "number"), ROUNDS)
def test_answers_as_keras(case: Case, number: int) -> None:
    """Each graph of a recipe: a padded batch, each row alone, with other padding; and nearly so with shrunken weights."""
    rng = np.random.default_rng(0)
    cell = ("lstm", "gru", "simple_rnn", "mut1", "lstm")[number]
    stack = Stack(
        cell=cell, units=(8,) if number else (8, 8), bidirectional=True, residual=number == 0, layer_norm=True
    )
    model = shaken(case.build(stack, case.variants[number]), rng)
    given, handed = case.batch(rng, LENGTHS), {}
    for graph in graphs_of(model, in_step=case.in_step, step=False).values():
        if graph.name == "decoder":
            given = handed | {"before": np.array([4, 6, 9], np.int32)}
        given = inputs_of(graph, given)
        written = onnx_model(graph)
        assert cell not in NATIVE or not {"Loop", "Scan"} & set(operators_of(written))
        opened = session(written)
        expected = handed = keras_of(graph, given)
        got = run(opened, given)
        same(got, expected, LENGTHS)
        if graph.name != "decoder":
            for row, length in enumerate(LENGTHS):
                row_of_it = {name: values[row : row + 1] for name, values in got.items()}
                same(run(opened, alone(given, row)), row_of_it, [length])
            same(run(opened, spoilt(given)), got, LENGTHS)
        if number == 0:
            for quantize, tolerance in (("float16", 0.02), ("dynamic", 0.3)):
                same(run(session(onnx_model(graph, quantize=quantize)), given), expected, LENGTHS, tolerance)


@pytest.mark.parametrize("case", [case for case in CASES if case.in_step], ids=lambda case: case.name)
def test_step_by_step_as_the_whole(case: Case) -> None:
    rng = np.random.default_rng(1)
    model = shaken(case.build(Stack(cell="gru", units=(6, 6)), case.variants[0]), rng)
    batch = case.batch(rng, LENGTHS)
    whole, step = model_graph(model), step_graph(model)
    expected = run(session(onnx_model(whole)), inputs_of(whole, batch))["outputs"]
    for quantize, tolerance in (("none", 1e-5), ("dynamic", 0.15)):
        written = onnx_model(step, quantize=quantize)
        assert not {"Loop", "Scan"} & set(operators_of(written))
        opened = session(written)
        states = {
            name: np.zeros((3, spec.shape[1]), np.float32) for name, spec in step.inputs.items() if "_state_" in name
        }
        for t in range(max(LENGTHS)):
            real = np.array(LENGTHS) > t
            given = {
                name: batch[name][:, t].astype(spec.dtype.as_numpy_dtype)
                for name, spec in step.inputs.items()
                if name not in states
            }
            answer = run(opened, given | states)
            np.testing.assert_allclose(answer["outputs"][real], expected[real, t], atol=tolerance)
            after = {name: answer[f"{name}_after"] for name in states}
            for name in states:  # padding hands the states on
                np.testing.assert_array_equal(after[name][~real], states[name][~real])
            states = after


def test_cells_of_all_kinds() -> None:
    """A layer of each cell beside each other: whole rows, and a step of each."""
    rng = np.random.default_rng(2)
    frames, mask = keras.Input((None, 3), name="frames"), keras.Input((None,), dtype="bool", name="mask")
    said = [
        make_layer(name, 4, return_sequences=True, name=name)(frames, mask=mask) for name in (*NATIVE, *SCANNED, *LIGHT)
    ]
    said += [make_layer(c, 4, 2, return_sequences=True, name=f"{c}_heads")(frames, mask=mask) for c in ("lstm", "gru")]
    model = shaken(keras.Model([frames, mask], keras.layers.Concatenate()(said)), rng)
    whole, step = model_graph(model), step_graph(model)
    given = {"frames": rng.normal(size=(3, 5, 3)).astype(np.float32), "mask": np.arange(5) < np.array(LENGTHS)[:, None]}
    written = onnx_model(whole)
    kinds = [node.op_type for node in written.graph.node]
    assert kinds.count("Scan") == len(SCANNED) + len(LIGHT) + 2
    assert sum(map(kinds.count, ("LSTM", "GRU", "RNN"))) == len(NATIVE)
    same(run(session(written), given), keras_of(whole, given), LENGTHS)
    one = {name: rng.normal(size=(3, *spec.shape[1:])).astype(np.float32) for name, spec in step.inputs.items()}
    one["mask"] = np.array([True, False, True])
    for quantize, tolerance in (("none", 1e-5), ("dynamic", 0.1)):
        same(run(session(onnx_model(step, quantize=quantize)), one), keras_of(step, one), LENGTHS, tolerance)


def lstm_of(units: int = 4) -> keras.Model:
    frames, mask = keras.Input((None, 3), name="frames"), keras.Input((None,), dtype="bool", name="mask")
    both = keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))(frames, mask=mask)
    after = keras.layers.GRU(units, return_sequences=True, name="gru")(both, mask=mask)
    return keras.Model([frames, mask], after)


def test_lstm_follows_its_equations() -> None:
    """By NumPy, from the equations."""
    rng = np.random.default_rng(3)
    frames, mask = keras.Input((None, 3), name="frames"), keras.Input((None,), dtype="bool", name="mask")
    layer = keras.layers.LSTM(4, return_sequences=True)
    model = shaken(keras.Model([frames, mask], layer(frames, mask=mask)), rng)
    kernel, recurrent, bias = (np.split(weight, 4, axis=-1) for weight in map(np.asarray, layer.get_weights()))
    w: dict[str, Any] = {"gates": "zifo"} | {f"W{gate}": kernel[k] for k, gate in enumerate("ifzo")}
    w |= {f"R{gate}": recurrent[k] for k, gate in enumerate("ifzo")}
    w |= {f"b{gate}": bias[k] for k, gate in enumerate("ifzo")}
    x = rng.normal(size=(2, 6, 3)).astype(np.float32)
    got = run(session(onnx_model(model_graph(model))), {"frames": x, "mask": np.ones((2, 6), bool)})["outputs"]
    h = c = np.zeros((2, 4))
    for t in range(6):
        h, c = oracle.lstm(x[:, t], h, c, w)
        np.testing.assert_allclose(got[:, t], h, atol=1e-6)


def without_lengths(model: Any) -> None:
    for node in model.graph.node:
        if node.op_type in ("LSTM", "GRU"):
            node.input[4] = ""


def gates_exchanged(model: Any) -> None:
    node = next(node for node in model.graph.node if node.op_type == "LSTM")
    for tensor in model.graph.initializer:
        if tensor.name in node.input[1:3]:
            array = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.roll(array, 4, axis=1), tensor.name))


def reset_before(model: Any) -> None:
    node = next(node for node in model.graph.node if node.op_type == "GRU")
    next(one for one in node.attribute if one.name == "linear_before_reset").i = 0


@pytest.mark.parametrize("spoil", [None, without_lengths, gates_exchanged, reset_before])
def test_what_is_broken_is_noticed(spoil: Any) -> None:
    rng = np.random.default_rng(4)
    graph = model_graph(shaken(lstm_of(), rng))
    given = {"frames": rng.normal(size=(3, 5, 3)).astype(np.float32), "mask": np.arange(5) < np.array(LENGTHS)[:, None]}
    model = onnx_model(graph)
    if spoil is None:
        return same(run(session(model), given), keras_of(graph, given), LENGTHS)
    spoil(model)
    with pytest.raises(AssertionError):
        same(run(session(model), given), keras_of(graph, given), LENGTHS)


def language_model(units: int) -> keras.Model:
    ids, features, mask = embed_tokens(60, Embedding(units=64))
    return many_to_many(ids, features, mask, outputs=60, stack=Stack(cell="lstm", units=(units,)))


def test_sizes() -> None:
    """At most 5% more than the weights; quantised at most 28% of the float's, and near it, whoever else is in the batch."""
    model = language_model(256)
    weights = sum(variable.numpy().nbytes for variable in model.variables)
    step = step_graph(model)
    rng = np.random.default_rng(5)
    given = {"ids": np.array([5, 6, 7], np.int32)}
    given |= {name: rng.normal(scale=0.3, size=(3, 256)).astype(np.float32) for name in step.inputs if name != "ids"}
    expected = keras_of(step, given)
    for quantize, most, tolerance in (
        ("none", 1.05, 1e-5),
        ("float16", 0.53, 1e-3),
        ("int8", 0.28, 0.01),
        ("dynamic", 0.28, 0.02),
    ):
        written = onnx_model(step, quantize=quantize)
        assert len(written.SerializeToString()) < most * weights
        opened = session(written)
        got = run(opened, given)
        same(got, expected, [1, 1, 1], tolerance)
        lone = run(opened, {name: values[1:2] for name, values in given.items()})
        same(lone, {name: values[1:2] for name, values in got.items()}, [1], 1e-6)


def test_what_a_reader_of_the_file_sees() -> None:
    written = onnx_model(step_graph(language_model(8)))
    onnx.checker.check_model(written, full_check=True)
    assert [(one.domain, one.version) for one in written.opset_import] == [("", 18)]
    axes = {
        one.name: [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim]
        for one in (*written.graph.input, *written.graph.output)
    }
    assert axes == {
        "ids": ["batch"],
        "lstm_1_state_0": ["batch", 8],
        "lstm_1_state_1": ["batch", 8],
        "outputs": ["batch", 60],
        "lstm_1_state_0_after": ["batch", 8],
        "lstm_1_state_1_after": ["batch", 8],
    }


def odd(op: Any, x: Any, state: Any, vectors: Any) -> Any:
    (h,) = state
    return (op.tanh(x[0] + op.product(h)[0]) + tf.math.lgamma(x[0]),)


def test_what_cant_be_held_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = keras.Input((None, 3), name="frames")
    register("odd", Recurrence(Cell(odd, gates=1, products=(1,))))
    for layer, said in (
        (make_layer("odd", 4, name="mine", return_sequences=True), "The cell of the layer mine computes Lgamma"),
        (
            keras.layers.RNN(keras.layers.StackedRNNCells([keras.layers.LSTMCell(3)]), name="stacked"),
            "the layer stacked",
        ),
        (keras.layers.GRU(3, go_backwards=True, name="back"), "the layer back"),
    ):
        with pytest.raises(InputError, match=said):
            onnx_model(model_graph(keras.Model(frames, layer(frames))))
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(InputError, match=r"pip install 'seqkit\[onnx\]'"):
        onnx_model(model_graph(language_model(8)))
