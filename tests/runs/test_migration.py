"""Run folders made by version 0.4 open, answer and are scored as before."""

import json
import shutil
import zipfile

import pytest

import seqkit
from seqkit.runs.migration import migrate_model
from tests.cases import CASES

OLD = {"image": "picture", "attention_hop_1": "attention_look_1", "attention_hop_2": "attention_look_2"}
OF_IMAGES = [case for case in CASES if case.name in ("question_answering", "written_answers", "captioning")]


def renamed(value):
    if isinstance(value, dict):
        return {key: renamed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner) for inner in value]
    return OLD.get(value, value) if isinstance(value, str) else value


def as_05(folder, path):
    """A run's folder as 0.5 left it: no digests, and the last report at its top."""
    shutil.copytree(folder, path)
    for name in ("report.json", "report.html"):
        (path / "evaluations" / "training" / name).rename(path / name)
    shutil.rmtree(path / "evaluations")
    info = json.loads((path / "run.json").read_text())
    for name in ("digest", "files", "failed"):
        del info[name]
    info["versions"]["seqkit"] = "0.5.0"
    (path / "run.json").write_text(json.dumps(info))
    return path


def as_04(run, path):
    """The run's folder with the names that 0.4 gave."""
    as_05(run.path, path)
    with zipfile.ZipFile(run.path / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = json.dumps(renamed(json.loads(parts["config.json"]))).encode()
    with zipfile.ZipFile(path / "model.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    known = json.loads((path / "vocabulary.json").read_text())
    (path / "vocabulary.json").write_text(json.dumps({OLD.get(name, name): value for name, value in known.items()}))
    for file in (path / "baselines").glob("image_alone.npz"):
        file.rename(file.with_name("picture_alone.npz"))
    return path


@pytest.mark.parametrize("case", OF_IMAGES, indirect=True, ids=lambda case: case.name)
def test_a_run_of_images_made_by_0_4_opens(run, case, tmp_path):
    old = seqkit.load(as_04(run, tmp_path / "old"))
    assert old.predict(case.inputs) == run.predict(case.inputs)
    fresh = case.fresh()
    rows = fresh.take(range(len(fresh) // 4), "a quarter")
    report, expected = old.evaluate(rows), run.evaluate(rows)
    assert report["baselines"] == expected["baselines"]
    assert report["metrics"] == expected["metrics"]


def test_a_run_made_by_0_5_opens_and_keeps_what_it_has(small, tmp_path):
    old, new = seqkit.load(as_05(small, tmp_path / "old")), seqkit.load(small)
    assert old.report == new.report
    assert old.failed == {}
    assert old.history == new.history
    before = {path: path.read_bytes() for path in old.path.rglob("*") if path.is_file()}
    rows = small.parent / "rows.tsv"
    report = old.evaluate(rows, name="later")
    assert report["metrics"] == new.evaluate(rows, name="later")["metrics"]
    assert report["baselines"].keys() == new.report["baselines"].keys()
    assert old.export("keras").exists()
    assert {path: path.read_bytes() for path in before} == before
    assert json.loads((old.path / "evaluations" / "later" / "report.json").read_text()) == report


def test_a_model_of_today_is_left_as_it_is(tmp_path):
    source = tmp_path / "model.keras"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("config.json", json.dumps({"name": "image", "layers": ["attention_hop_1"]}))
    assert not migrate_model(source, tmp_path / "other.keras")
    assert not (tmp_path / "other.keras").exists()
