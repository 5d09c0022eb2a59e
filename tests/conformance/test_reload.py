"""Reload: a saved run, and each of its artefacts, answers in a new process as it did in the old one."""

import functools
import importlib
import json
import pkgutil
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import seqkit
from seqkit import load
from seqkit.testing.exporters import check_exporter
from seqkit.testing.models import inputs_of
from seqkit.testing.runs import ASK, check_reload
from tests.cases import CASES
from tests.interpreter import PROVE_APART
from tests.kinds import OF_EACH_KIND

ASK_NAMES = """
import json
import keras, seqkit.runs.run
print(json.dumps(sorted(name for name in keras.saving.get_custom_objects() if name.startswith("seqkit>"))))
"""

ASK_SAVEDMODEL = """
import json, sys
import tensorflow as tf
signatures, answers = tf.saved_model.load(sys.argv[1]).signatures, []
def plain(values):
    return [plain(value) for value in values] if hasattr(values, "ndim") and values.ndim else (
        values.decode() if isinstance(values, bytes) else values.item())
for request in json.loads(sys.argv[2]):  # as TensorFlow Serving takes it
    signature = signatures[request["signature_name"]]
    specs = signature.structured_input_signature[1]
    found = signature(**{name: tf.constant(value, specs[name].dtype) for name, value in request["inputs"].items()})
    answers.append({"outputs": {name: plain(value.numpy()) for name, value in found.items()}})
assert not any(name.startswith("seqkit") for name in sys.modules)
print(json.dumps(answers))
"""
PAGE = Path(__file__).parents[2] / "docs" / "savedmodel.md"
SERVED = {"captioning": "image", "video_frames": "frames"} | dict.fromkeys(
    ("sentiment", "tagging", "intents_and_slots", "language_model", "translation", "programs"), "text"
)
PROMPTS = ["", "for", "a "]
EXAMPLE = r"^(\w+):\n```json\n(.*)\n```\n```json\n(.*)\n```$"


@pytest.fixture
def ask(interpreter):
    return interpreter.ask


@pytest.fixture(scope="module")
def artefact(run, case):
    """format -> the run's artefact, which is made once; the first recipe's SavedModel is proven in a process that is started
    anew.
    """

    @functools.cache
    def exported(format):
        with pytest.MonkeyPatch.context() as patch:
            if case is CASES[0] and format == "savedmodel":
                patch.setattr("seqkit_runner.prove._apart", PROVE_APART)
            return check_exporter(run, format)

    return exported


def test_run_answers_the_same_in_a_new_process(run, case, ask):
    if case is CASES[0]:
        check_reload(run, case.inputs)  # the same question, as anybody asks it
        return
    assert ask(ASK, run.path, json.dumps(case.inputs), "[]") == run.predict(case.inputs)


def test_no_text_that_is_asked_is_kept(run, case, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path))
    run.predict(case.inputs)
    assert not list(tmp_path.glob("tokens-*"))


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


def requests_of(case, run):
    """What `case` is asked: by the signature of every SavedModel, by that for tokens, and by the one that is steered."""
    inputs = case.serving_inputs(case.inputs)
    asked = inputs if isinstance(inputs, dict) else {SERVED[case.name]: inputs}
    requests = [{"signature_name": "serving_default", "inputs": asked}]
    if case.name == "tagging":
        tokens = [["a\tb", "cat"], ["the", ""]]
        requests.append({"signature_name": "serve_tokens", "inputs": {"tokens": tokens}})
    if case.writes:
        search = run.task.search
        steered = {"beam": search.beam, "temperature": 0.0, "length": search.longest, "seed": 0}
        requests.append({"signature_name": "generate", "inputs": asked | steered})
    if case.name == "language_model":
        steered = {"beam": 1, "temperature": 0.0, "length": 30, "seed": 0}
        requests.append({"signature_name": "generate", "inputs": {"prompt": PROMPTS} | steered})
    return requests


def test_savedmodel_answers_without_seqkit(run, case, ask, artefact):
    folder, requests = artefact("savedmodel") / "savedmodel", requests_of(case, run)
    examples = {name: texts for name, *texts in re.findall(EXAMPLE, PAGE.read_text(encoding="utf-8"), re.MULTILINE)}
    shown = [json.loads(text) for text in examples.get(case.name, ())]
    served, *more = (answer["outputs"] for answer in ask(ASK_SAVEDMODEL, folder, json.dumps([*requests, *shown[:1]])))
    for name, rows in case.serving_outputs(run.predict(case.inputs)).items():
        for got, row in zip(served[name], rows, strict=True):
            check_served(got, row)
    if shown:
        assert more.pop().keys() == shown[1]["outputs"].keys()
    if case.writes:
        assert more[0] == served
    if case.name == "tagging":
        given = [["a\tb", "cat"], ["the"]]
        expected = [answer["tags"] for answer in run.predict(given)]
        assert [row[: len(tags)] for row, tags in zip(more[0]["tags"], expected, strict=True)] == expected
        assert more[0]["tags"][1][1:] == [""]
    if case.name == "language_model":
        assert more[0]["text"] == ["".join(run.generate(prompt, length=30, temperature=0)) for prompt in PROMPTS]


def test_keras_files_are_proven_where_seqkit_is_not(run, case, artefact):
    """Of a recipe each of one graph, of frames, and of an encoder; others' are written by the same lines."""
    if case.name not in OF_EACH_KIND:
        return
    parity = json.loads((artefact("keras") / "manifest.json").read_text(encoding="utf-8"))["parity"]
    assert parity["rows"] > 0
    assert parity["outputs"] < 1e-5


def test_the_model_is_an_ordinary_keras_model(run, case, rng):
    """As graphs of Keras's making a recipe each of one graph, of frames, and of an encoder; others' layers are asked op by
    op, without the tracing.
    """
    model, batch = load(run.path).model, case.batch(rng, (4, 4))
    model.run_eagerly = case.name not in OF_EACH_KIND
    inputs, targets = inputs_of(model, batch), batch["targets"]
    before = model.evaluate(inputs, targets, verbose=0)
    logits = np.asarray(model(inputs), np.float64)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_probabilities, targets[..., None], axis=-1)
    assert before[0] == pytest.approx(-picked.mean(), rel=1e-4)
    model.fit(inputs, targets, epochs=3, verbose=0)  # whose own losses are of what dropout leaves
    assert model.evaluate(inputs, targets, verbose=0)[0] < before[0]
