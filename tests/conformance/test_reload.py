"""Reload: a saved run, and each of its artefacts, answers in a new process as it did in the old one."""

import functools
import importlib
import json
import pkgutil

import keras
import numpy as np
import pytest

import seqkit
from seqkit import load
from seqkit.export.graphs import graphs_of
from seqkit.testing.exporters import check_exporter
from seqkit.testing.models import inputs_of
from seqkit.testing.runs import ASK, check_reload
from tests.cases import CASES
from tests.interpreter import Interpreter

ASK_NAMES = """
import json
import keras, seqkit.runs.run
print(json.dumps(sorted(name for name in keras.saving.get_custom_objects() if name.startswith("seqkit>"))))
"""

ASK_SAVEDMODEL = """
import json, sys
import tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
specs, asked = serve.structured_input_signature[1], json.loads(sys.argv[2])
asked = asked if isinstance(asked, dict) else dict.fromkeys(specs, asked)
answer = serve(**{name: tf.constant(asked[name], spec.dtype) for name, spec in specs.items()})
assert not any(name.startswith("seqkit") for name in sys.modules)
def plain(values):
    return [plain(value) for value in values] if hasattr(values, "ndim") and values.ndim else (
        values.decode() if isinstance(values, bytes) else values.item())
print(json.dumps({name: plain(value.numpy()) for name, value in answer.items()}))
"""

ASK_KERAS = """
import json, sys
import keras, numpy
model, batch = keras.saving.load_model(sys.argv[1]), json.loads(sys.argv[2])
answers = model({tensor.name: numpy.array(batch[tensor.name], tensor.dtype) for tensor in model.inputs})
assert not any(name.startswith("seqkit") for name in sys.modules)
print(json.dumps({name: numpy.asarray(answer, float).tolist() for name, answer in answers.items()}))
"""


@pytest.fixture(scope="module")
def ask():
    with Interpreter() as interpreter:
        yield interpreter.ask


@pytest.fixture(scope="module")
def artefact(run):
    """format -> the run's artefact, which is made once."""
    return functools.cache(functools.partial(check_exporter, run))


def test_run_answers_the_same_in_a_new_process(run, case, ask):
    if case is CASES[0]:
        check_reload(run, case.inputs)  # the same question, as anybody asks it
    assert ask(ASK, run.path, json.dumps(case.inputs), "[]") == run.predict(case.inputs)


def test_a_new_process_knows_every_class_that_a_model_file_may_name(ask):
    for module in pkgutil.walk_packages(seqkit.__path__, "seqkit."):
        importlib.import_module(module.name)
    named = sorted(name for name in keras.saving.get_custom_objects() if name.startswith("seqkit>"))
    assert "seqkit>Attentive" in named
    assert ask(ASK_NAMES) == named


def check_served(served, row):
    """A row of the SavedModel's output, which may be padded, against what the run answered."""
    got = served[: len(row)] if isinstance(row, list) else served
    if got != row:  # words are the same, numbers nearly
        np.testing.assert_allclose(got, row, rtol=1e-5, atol=2e-6)


def test_savedmodel_answers_without_seqkit(run, case, ask, artefact):
    served = ask(ASK_SAVEDMODEL, artefact("savedmodel") / "savedmodel", json.dumps(case.serving_inputs(case.inputs)))
    for name, rows in case.serving_outputs(run.predict(case.inputs)).items():
        for got, row in zip(served[name], rows, strict=True):
            check_served(got, row)


def test_keras_file_opens_without_seqkit(run, case, rng, ask, artefact):
    """Of a recipe each of one graph, of frames, and of an encoder; that the others' are alike each export proves."""
    if case.name not in ("sentiment", "video_frames", "translation"):
        return
    folder, batch = artefact("keras"), case.batch(rng, (6, 2))
    (name, graph), *_ = graphs_of(run.model, in_step=False, step=False).items()
    given = {key: np.asarray(batch[key]) for key in graph.inputs}
    answers = ask(
        ASK_KERAS, folder / f"{name}.keras", json.dumps({key: array.tolist() for key, array in given.items()})
    )
    for key, expected in graph(**given).items():
        np.testing.assert_allclose(answers[key], np.asarray(expected, float), rtol=1e-5, atol=1e-5, err_msg=key)


def test_the_model_is_an_ordinary_keras_model(run, case, rng):
    model, batch = load(run.path).model, case.batch(rng, (4, 4))
    inputs, targets = inputs_of(model, batch), batch["targets"]
    before = model.evaluate(inputs, targets, verbose=0)
    logits = np.asarray(model(inputs), np.float64)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_probabilities, targets[..., None], axis=-1)
    assert before[0] == pytest.approx(-picked.mean(), rel=1e-4)
    assert model.fit(inputs, targets, epochs=3, verbose=0).history["loss"][-1] < before[0]
