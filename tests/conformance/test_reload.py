"""Reload: a saved run, and each of its artefacts, answers in a new process as it did in the old one."""

import importlib
import json
import pkgutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import seqkit
from seqkit import load
from seqkit.core.errors import ExportError
from seqkit.core.ragged import Ragged
from seqkit.export.parity import compare_outputs
from tests.cases import CASES, inputs_of

ASK_RUN = """
import json, sys
import seqkit
print(json.dumps(seqkit.recipes.load(sys.argv[1]).predict(json.loads(sys.argv[2]))))
"""

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
inputs = [numpy.array(batch[tensor.name], tensor.dtype) for tensor in model.inputs]
answer = model(inputs if len(inputs) > 1 else inputs[0])
assert not any(name.startswith("seqkit") for name in sys.modules)
print(json.dumps(numpy.asarray(answer).tolist()))
"""


def ask(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_run_answers_the_same_in_a_new_process(run, case):
    assert ask(ASK_RUN, run.path, json.dumps(case.inputs)) == run.predict(case.inputs)


def test_a_new_process_knows_every_class_that_a_model_file_may_name():
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


def test_savedmodel_answers_without_seqkit(run, case):
    served = ask(ASK_SAVEDMODEL, run.export("savedmodel"), json.dumps(case.serving_inputs(case.inputs)))
    for name, rows in case.serving_outputs(run.predict(case.inputs)).items():
        for got, row in zip(served[name], rows, strict=True):
            check_served(got, row)


def test_keras_file_opens_without_seqkit(run, case, rng):
    batch = case.batch(rng, (6, 2))
    asked = json.dumps({name: values.tolist() for name, values in batch.items()})
    expected = run.model(inputs_of(run.model, batch))
    np.testing.assert_allclose(ask(ASK_KERAS, run.export("keras"), asked), expected, atol=1e-6)


def other_than(expected):
    """Answers that no artefact gives."""
    if isinstance(expected, list):
        return [f"{text}!" for text in expected]
    return Ragged(expected.values + 1, expected.offsets) if isinstance(expected, Ragged) else expected + 1


def test_an_artefact_that_answers_otherwise_is_not_kept(run, case, monkeypatch):
    """What a SavedModel answers is of several kinds; a Keras file's outputs are alike for all, and asked of one recipe."""
    formats = ["keras", "savedmodel"] if case is CASES[0] else ["savedmodel"]
    for format in formats:
        run.export(format)
    manifest = (run.path / "export" / "manifest.json").read_text()
    compare = compare_outputs
    monkeypatch.setattr(
        "seqkit.export.parity.compare_outputs", lambda got, expected, *rest: compare(got, other_than(expected), *rest)
    )
    before = sorted(path for path in (run.path / "export").rglob("*"))
    for format in formats:
        with pytest.raises(ExportError, match="than the run|from the run"):
            run.export(format)
        assert (run.path / "export" / "manifest.json").read_text() == manifest
        assert sorted(path for path in (run.path / "export").rglob("*")) == before


def test_the_model_is_an_ordinary_keras_model(run, case, rng):
    model, batch = load(run.path).model, case.batch(rng, (4, 4))
    inputs, targets = inputs_of(model, batch), batch["targets"]
    before = model.evaluate(inputs, targets, verbose=0)
    logits = np.asarray(model(inputs), np.float64)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_probabilities, targets[..., None], axis=-1)
    assert before[0] == pytest.approx(-picked.mean(), rel=1e-4)
    assert model.fit(inputs, targets, epochs=5, verbose=0).history["loss"][-1] < before[0]
