"""Reload: a saved run, and each of its artefacts, answers in a new process as it did in the old one."""

import json
import subprocess
import sys

import numpy as np
import pytest

ASK_RUN = """
import json, sys
import seqkit
print(json.dumps(seqkit.load(sys.argv[1]).predict(json.loads(sys.argv[2]))))
"""

ASK_SAVEDMODEL = """
import json, sys
import tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
(name,) = serve.structured_input_signature[1]
answer = serve(**{name: tf.constant(json.loads(sys.argv[2]))})
assert not any(name.startswith("seqkit") for name in sys.modules)
plain = lambda values: [value.decode() for value in values] if values.dtype == object else values.tolist()
print(json.dumps({name: plain(value.numpy()) for name, value in answer.items()}))
"""

ASK_KERAS = """
import json, sys
import keras, numpy
answer = keras.saving.load_model(sys.argv[1])(numpy.array(json.loads(sys.argv[2])))
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


def test_savedmodel_answers_without_seqkit(run, case):
    served = ask(ASK_SAVEDMODEL, run.export("savedmodel"), json.dumps(case.inputs))
    expected = run.predict(case.inputs)
    for name, values in case.served(expected).items():
        if isinstance(values[0], str):
            assert served[name] == values
        else:
            np.testing.assert_allclose(served[name], values, atol=2e-6)


def test_keras_file_opens_without_seqkit(run):
    ids = [[5, 6, 7, 3, 0, 0], [9, 3, 0, 0, 0, 0]]
    np.testing.assert_allclose(
        ask(ASK_KERAS, run.export("keras"), json.dumps(ids)), run.model(np.array(ids)), atol=1e-6
    )


@pytest.mark.parametrize("format", ["keras", "savedmodel"])
def test_an_artefact_that_answers_otherwise_is_not_kept(run, format, monkeypatch):
    from seqkit import ExportError

    run.export(format)
    manifest = (run.path / "export" / "manifest.json").read_text()
    monkeypatch.setattr("seqkit.export.np.abs", lambda difference: np.absolute(difference) + 1.0)
    before = sorted(path for path in (run.path / "export").rglob("*"))
    with pytest.raises(ExportError, match="differs from the run"):
        run.export(format)
    assert (run.path / "export" / "manifest.json").read_text() == manifest
    assert sorted(path for path in (run.path / "export").rglob("*")) == before


def test_the_model_is_an_ordinary_keras_model(run):
    import seqkit

    ids, labels = np.array([[5, 6, 7, 3], [9, 3, 0, 0]]), np.array([0, 1])
    model = seqkit.load(run.path).model
    before = model.evaluate(ids, labels, verbose=0)
    logits = np.asarray(model(ids), np.float64)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert before[0] == pytest.approx(-log_probabilities[[0, 1], labels].mean(), rel=1e-4)
    assert model.fit(ids, labels, epochs=5, verbose=0).history["loss"][-1] < before[0]
