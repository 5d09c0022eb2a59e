"""LiteRT: each graph in a file of built-in operations, which answers as the graph does, at every length."""

import functools
import sys

import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated

from seqkit.core.errors import ExportError, InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.export import litert
from seqkit.export.graphs import graphs_of, model_graph, step_graph
from seqkit.export.litert import lite_graph, operations_of, write_graph
from seqkit.export.portable import portable
from seqkit.layers.embedding import embed_tokens
from seqkit.testing.models import as_batch, inputs_of
from seqkit.topologies.many_to_many import many_to_many
from seqkit_runner.backends import LiteGraph
from tests.cases import CASES

BY_NAME = {case.name: case for case in CASES}
BOTH_WAYS = Stack(cell="lstm", units=(5,), bidirectional=True)
WHOLE = {  # a recurrence, a way of pooling or reading, and what else goes in
    "sentiment": ("last", BOTH_WAYS),
    "tagging": ("rnn", Stack(cell="gru_reset_before", units=(5,), bidirectional=True)),
    "question_answering": ("max", Stack(cell="simple_rnn", units=(5,))),
    "programs": ("multiplicative, pyramid", Stack(cell="gru", units=(5,), bidirectional=True)),
}
STREAMS = {"tagging": "cnn", "video_frames": "changes", "language_model": "tied"}
EXACT = {"rtol": 0, "atol": 1e-5}
together = pytest.mark.xdist_group("litert")  # with `whole`, whose files are written once


@pytest.fixture(scope="module")
def put(tmp_path_factory):
    """Writes a graph; returns what was written and the file as a function."""

    def write(graph, quantize="none"):
        written = write_graph(graph, tmp_path_factory.mktemp("litert"), quantize)
        return written, lite_graph(written.path)

    return write


@pytest.fixture(scope="module")
def whole(put):
    """Case, reading graph, what was written and the file, each made once."""

    @functools.cache
    def make(name):
        variant, stack = WHOLE[name]
        graphs = graphs_of(portable(BY_NAME[name].build(stack, variant)), in_step=False, step=False)
        graph = graphs.get("model") or graphs["encoder"]
        return BY_NAME[name], graph, *put(graph)

    return make


def given(graph, batch, row=0):
    """One row of a batch as the graph takes it."""
    return {
        name: batch[name][row : row + 1].astype(spec.dtype.as_numpy_dtype)
        for name, spec in graph.inputs.items()
        if name in batch
    }


@together
@pytest.mark.parametrize("name", WHOLE)
def test_a_file_answers_as_keras_at_every_length_and_padding_changes_nothing(name, whole, rng):
    case, graph, written, ask = whole(name)
    for length in range(1, 10):
        columns = case.rows(rng, [length])
        row, padded = given(graph, as_batch(columns)), given(graph, as_batch(columns, more=3))
        expected = graph(**row)
        alone, together = ask(**row), ask(**padded)
        for output, values in alone.items():
            np.testing.assert_allclose(values, expected[output], **EXACT)
            places = values.shape[1] if values.ndim > 1 else None
            np.testing.assert_allclose(together[output][:, :places], values, **EXACT)
            if output == "real":
                assert values.all()
                assert not together[output][:, places:].any()
    assert written.facts == {"batch": 1, "signature": graph.name}


@together
def test_operations_are_built_in_and_read_out_of_loops_too(whole):
    for name in WHOLE:
        *_, written, _ = whole(name)
        assert all(operation.isupper() for operation in written.operations)
        assert {"WHILE", "TANH", "GATHER"} <= set(written.operations)
        assert written.operations == operations_of(written.path.read_bytes())


@together
def test_an_interpreter_is_asked_at_one_length_alone(whole):
    """One that is resized after it was asked now and then answers by what is left in its memory."""
    *_, written, _ = whole("sentiment")
    ask = LiteGraph(written.path.read_bytes())
    asked = []
    for length in (3, 3, 4):
        ask({"ids": np.full((1, length), 4, np.int32)})
        asked.append(ask.ask)
    assert asked[0] is asked[1] is not asked[2]


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_answers_as_the_whole_row(name, put, rng):
    case = BY_NAME[name]
    heads = 3 if name == "tagging" else 1
    model = portable(case.build(Stack(cell="gru", units=(6, 6), heads=heads), STREAMS[name]))
    graph = step_graph(model)
    written, ask = put(graph)
    assert "WHILE" not in written.operations
    batch = case.batch(rng, [9])
    whole = np.asarray(model(inputs_of(model, batch)))[0]
    np.testing.assert_allclose(streamed(graph, ask, batch, 9), whole, **EXACT)


def streamed(graph, ask, batch, steps):
    """A row step by step: (steps, classes)."""
    states = {
        name: np.zeros((1, *spec.shape[1:]), np.float32) for name, spec in graph.inputs.items() if name not in batch
    }
    outputs = []
    for step in range(steps):
        answer = ask(**{name: batch[name][:1, step] for name in graph.inputs if name in batch}, **states)
        states = {name: answer[name] for name in states}
        outputs.append(answer["outputs"][0])
    return np.stack(outputs)


def test_what_was_read_and_written_step_by_step_answers_as_the_model_that_was_trained(put, rng):
    case = BY_NAME["programs"]
    model = portable(case.build(Stack(cell="lstm", units=(5,)), "additive, fed, copying, coverage"))
    graphs = graphs_of(model, in_step=False, step=False)
    read, write = (put(graph)[1] for graph in graphs.values())
    batch = case.batch(rng, [6])
    expected = np.asarray(model(inputs_of(model, batch)))[0]
    handed = read(ids=batch["ids"])
    for step in range(5):
        answer = write(before=batch["before"][:, step], **handed)
        np.testing.assert_allclose(answer["logits"][0], expected[step], **EXACT)
        np.testing.assert_allclose(answer["weights"].sum(), 1, **EXACT)
        handed |= {name: answer[name] for name in handed if name.startswith("state_")}


@pytest.fixture
def characters(rng):
    """A language model of 128 units whose weights are as large as trained ones, and a text."""

    def make(cell):
        inputs = embed_tokens(40, Embedding(units=64))
        model = portable(many_to_many(*inputs, outputs=40, stack=Stack(cell=cell, units=(128,))))
        for weight in model.weights:
            weight.assign(weight + tf.random.normal(weight.shape, stddev=0.1, seed=1))
        return step_graph(model), {"ids": rng.integers(4, 40, (1, 600)).astype(np.int32)}

    return make


@pytest.mark.parametrize(("cell", "ways"), [("lstm", ("dynamic", "int8", "float16")), ("gru", ("int8",))])
def test_smaller_weights_are_as_small_as_they_say_and_do_not_drift(cell, ways, put, characters):
    graph, text = characters(cell)
    plain, ask = put(graph)
    expected = streamed(graph, ask, text, 600)
    size, spread = plain.path.stat().st_size, expected.std()
    for quantize in ways:
        written, ask = put(graph, quantize)
        share, apart, weights = {
            "float16": (0.52, 0.005, "float16"),
            "dynamic": (0.30, 0.05, "int8"),
            "int8": (0.28, 0.08, "int8"),
        }[quantize]
        assert written.facts["weights"] == weights
        assert all(operation.isupper() for operation in written.operations)
        assert written.path.stat().st_size <= share * size
        error = np.abs(streamed(graph, ask, text, 600) - expected) / spread
        assert 0 < error.mean() < apart
        assert error[300:].mean() < 2 * error[:300].mean()  # a state whose products are rounded does not go astray


def test_a_model_in_bfloat16_is_written_in_float32(put, rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = BY_NAME["language_model"].build(Stack(cell="lstm", units=(5,)), "embedded")
    finally:
        keras.config.set_dtype_policy("float32")
    graph = step_graph(portable(half))
    _, ask = put(graph)
    batch = BY_NAME["language_model"].batch(rng, [5])
    answers = streamed(graph, ask, batch, 5)
    np.testing.assert_allclose(answers, np.asarray(graph.model(batch["ids"]))[0], **EXACT)
    np.testing.assert_allclose(answers, np.asarray(half(batch["ids"]))[0], rtol=0, atol=2e-2)


class Odd(keras.layers.Layer):
    """Something that LiteRT has no operation for."""

    def call(self, values):
        return tf.math.erfinv(tf.tanh(values))


def test_what_is_not_built_in_is_refused_by_name(tmp_path):
    ids, features, _ = embed_tokens(9, Embedding(units=3))
    graph = model_graph(keras.Model(ids, Odd()(features)))
    with pytest.raises(InputError, match=r"graph model computes with Erfinv, which LiteRT hasn't built in: export"):
        write_graph(graph, tmp_path)


@together
def test_a_file_with_an_operation_that_is_not_built_in_is_refused(whole, tmp_path, monkeypatch):
    _, graph, written, _ = whole("sentiment")
    model = schema_py_generated.ModelT.InitFromPackedBuf(written.path.read_bytes(), 0)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema_py_generated.BuiltinOperator.CUSTOM
    code.customCode = b"FlexTanh"
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    monkeypatch.setattr(litert, "_converted", lambda graph, quantize: bytes(builder.Output()))
    with pytest.raises(InputError, match="computes with FlexTanh, which LiteRT hasn't built in"):
        write_graph(graph, tmp_path)


def test_a_file_that_answers_otherwise_is_refused(tmp_path, monkeypatch):
    graph = model_graph(BY_NAME["sentiment"].build(Stack(cell="gru", units=(4,)), "mean"))
    convert = litert._converted

    def of_other_weights(graph, quantize):
        weight = graph.model.weights[0]
        kept = weight.numpy()
        weight.assign(kept + 0.1)
        content = convert(graph, quantize)
        weight.assign(kept)
        return content

    monkeypatch.setattr(litert, "_converted", of_other_weights)
    with pytest.raises(ExportError, match=r"model\.tflite differs from the run by 0\.\d+ in outputs"):
        write_graph(graph, tmp_path)


def test_without_its_interpreter_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(InputError, match=r"pip install 'seqkit\[litert\]'"):
        litert.export_litert(None)
