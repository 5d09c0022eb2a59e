"""The artefact's folder: whole or not there, in its place and in no other, and what it says of itself is so."""

import base64
import dataclasses
import json
import os
import zipfile

import keras
import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.core.files import digest_of
from seqkit.export.artefact import write_artefact
from seqkit.export.card import _proof, model_card
from seqkit.export.description import Description
from seqkit.export.graphs import Written
from seqkit.export.subject import Case, Subject, unquantised


@pytest.fixture
def subject(tmp_path):
    ids = keras.Input((None,), dtype="int32", name="ids")
    pooled = keras.layers.GlobalMaxPooling1D()(keras.layers.Embedding(9, 3)(ids))
    model = keras.Model(ids, keras.layers.Dense(2)(pooled))
    cases = [Case(text, {"ids": np.array([4, 5, 3], np.int32)}, {"label": "a"}) for text in ("one two", "\x1b[2J")]
    return Subject(
        name="runs/mine",
        recipe="sentiment",
        folder=tmp_path,
        step=False,
        quantize="none",
        in_step=False,
        description=Description("classify_text", {"max_length": 9}, labels={"labels": ["a", "b"]}),
        cases=cases,
        load=lambda: model,
        serve=lambda model: pytest.fail("nobody asked"),
    )


def exporter(subject):
    path = subject.folder / "model.txt"
    path.write_text("a model", encoding="utf-8")
    return [Written("model", path, ("Add",), {"opset": 1})]


def failing(subject):
    exporter(subject)
    raise InputError("It can't be held.")


def card(manifest):
    return f"# {manifest['name']}\n"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_and_its_zip_have_what_the_manifest_says(subject, tmp_path):
    folder = write_artefact(subject, "text", exporter, tmp_path / "out" / "text", card)
    manifest = json.loads((folder / "manifest.json").read_text())
    held = contents(folder)
    with zipfile.ZipFile(folder.with_name("text.zip")) as archive:
        assert {name: archive.read(f"text/{name}") for name in held} == held
    del held["manifest.json"]
    assert {name: facts["sha256"] for name, facts in manifest["files"].items()} == {
        name: digest_of(folder / name) for name in held
    }
    assert manifest["bytes"] == sum(map(len, held.values()))
    assert manifest["graphs"]["model"]["inputs"] == [{"name": "ids", "dtype": "int32", "shape": ["batch", "steps"]}]
    assert manifest["graphs"]["model"]["outputs"] == [{"name": "outputs", "dtype": "float32", "shape": ["batch", 2]}]
    assert manifest["task"] == {"kind": "classify_text", "labels": "labels.json", "max_length": 9}
    vectors = json.loads((folder / "test_vectors.json").read_text())
    assert [vector["inputs"] for vector in vectors] == [case.inputs for case in subject.cases]
    outputs = vectors[0]["graph_outputs"]["model"]["outputs"]
    expected = subject.model(np.array([[4, 5, 3]], np.int32)).numpy()[0]
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(outputs["data"]), "<f4"), expected)
    assert "\x1b" not in (folder / "test_vectors.json").read_text()


@pytest.mark.parametrize(("given", "name"), [(".", "mine"), ("..", "runs"), ("../mine/", "mine"), ("/", "model")])
def test_an_artefact_has_the_name_of_its_run_wherever_that_is_given_from(subject, tmp_path, monkeypatch, given, name):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "runs" / "mine")
    folder = write_artefact(dataclasses.replace(subject, name=given), "text", exporter, tmp_path / "text", card)
    assert json.loads((folder / "manifest.json").read_text())["name"] == name


def test_what_failed_leaves_what_was_there(subject, tmp_path):
    folder = write_artefact(subject, "text", exporter, tmp_path / "text", card)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="held"):
        write_artefact(subject, "text", failing, folder, card)
    with pytest.raises(InputError, match="export another"):
        unquantised(dataclasses.replace(subject, quantize="int8"), "text", "export another.")
    assert contents(tmp_path) == before


def test_nothing_but_an_artefact_is_replaced_and_no_link_is_followed(subject, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_text("mine")
    (tmp_path / "link").symlink_to(mine)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest" / "manifest.json").write_text('{"name": "of something else"}')
    (tmp_path / "report.zip").write_bytes(b"mine")
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "folder.zip" / "precious").write_text("mine")
    (tmp_path / "linked.zip").symlink_to(tmp_path / "report.zip")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("packed/manifest.json", '{"name": "of something else"}')
    before = contents(tmp_path)
    for name, complaint in {
        "mine": "no artefact",
        "link": "a link",
        "file": "no artefact",
        "manifest": "no artefact",
        "report": "no zip of an artefact",
        "folder": "no zip of an artefact",
        "linked": "no zip of an artefact",
        "packed": "no zip of an artefact",
        "mine/..": "no name of its own",
    }.items():
        with pytest.raises(InputError, match=complaint):
            write_artefact(subject, "text", exporter, tmp_path / name, card)
    assert contents(tmp_path) == before
    assert all(os.path.islink(tmp_path / name) for name in ("link", "linked.zip"))
    (tmp_path / "empty").mkdir()
    assert write_artefact(subject, "text", exporter, tmp_path / "empty", card).is_dir()


def test_an_artefact_and_its_zip_are_replaced_whatever_the_time_of_their_files(subject, tmp_path):
    def old(subject):
        (written,) = exporter(subject)
        os.utime(written.path, (0, 0))
        return [written]

    for _ in range(2):
        folder = write_artefact(subject, "text", old, tmp_path / "text", card)
    with zipfile.ZipFile(tmp_path / "text.zip") as archive:
        assert archive.read("text/model.txt") == (folder / "model.txt").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"text", "text.zip"}


@pytest.mark.parametrize(
    ("scored", "search", "said"),
    [
        ({}, None, ""),
        ({"search": {"beam": 4}}, {"beam": 4, "n_best": 1}, ""),
        ({}, {"beam": 4}, ""),  # of before there were any to choose
        ({"search": {"beam": 1, "top_k": 0}}, {"beam": 4, "top_k": 0}, "artefact's: search.beam 1, and 4 here."),
    ],
)
def test_a_card_says_where_its_scores_are_of_another_search(scored, search, said):
    info = {"data": {}}
    report = scored | {"metrics": {"exact_match": {"value": 0.5, "low": 0.4, "high": 0.6}}}
    manifest = dict.fromkeys(("name", "recipe", "format", "step", "task", "parity", "licence")) | {"graphs": {}}
    text = model_card(info, report, search, manifest | {"quantize": "none"})
    assert ("another search" in text) == bool(said)
    assert said in text


@pytest.mark.parametrize(
    ("parity", "said"),
    [
        ({}, "It was not compared with the run."),
        ({"rows": 5, "answers": 1.0, "tolerance": 1e-5}, "5 real rows: answers agree on 100.0%."),
        ({"rows": 5, "outputs": 0.0, "tolerance": 1e-5}, "outputs differ by at most 0, answers were not compared."),
        ({"rows": 5, "outputs": 0.0, "answers": 0.5, "tolerance": 1e-5}, "at most 0, answers agree on 50.0%."),
        ({"rows": 5, "outputs": 0.0, "probabilities": 0.1, "answers": 0.5}, "probabilities differ by at most 0.1."),
    ],
)
def test_a_card_says_what_was_compared(parity, said):
    assert _proof(parity).endswith(said)
