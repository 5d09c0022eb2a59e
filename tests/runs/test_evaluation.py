"""Evaluations lie by name, and none over another's."""

import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from seqkit import load
from seqkit.baselines.classifiers import LinearTfidf
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.runs.evaluation import check_name, evaluation_name
from seqkit.runs.lock import FolderLock
from seqkit.runs.parts import add_baseline
from tests.cases import ROWS, write_small_table


@pytest.fixture
def run(small, tmp_path):
    """A run in a folder of its own, and two tables of the same name beside it."""
    shutil.copytree(small, tmp_path / "run")
    for folder, rows in {"one": ROWS[:30], "two": ROWS[10:]}.items():
        (tmp_path / folder).mkdir()
        text = "label\ttext\n" + "".join("\t".join(row) + "\n" for row in rows)
        (tmp_path / folder / "test.tsv").write_text(text)
    return load(tmp_path / "run")


def held(run):
    return sorted(path.name for path in (run.path / "evaluations").iterdir())


def test_none_is_over_anothers(run, tmp_path):
    own, before = (run.path / "evaluations" / "training" / "report.json").read_bytes(), set(held(run))
    first = run.evaluate(tmp_path / "one" / "test.tsv")
    assert first["name"] == "test"
    assert first["metrics"]["accuracy"]["value"] == pytest.approx(
        accuracy_score(
            [label for label, _ in ROWS[:30]], [row["label"] for row in run.predict([t for _, t in ROWS[:30]])]
        )
    )
    assert run.evaluate(tmp_path / "one" / "test.tsv")["metrics"] == first["metrics"]  # its own of before
    with pytest.raises(
        InputError, match=r"evaluations/test holds the figures of other rows \(.*one/test.tsv\) than these"
    ):
        run.evaluate(tmp_path / "two" / "test.tsv")
    stands = json.loads((run.path / "evaluations" / "test" / "report.json").read_text())
    assert stands["data"] == first["data"]
    run.evaluate(tmp_path / "two" / "test.tsv", name="second")
    run.evaluate(tmp_path / "two" / "test.tsv", overwrite=True)
    assert set(held(run)) == before | {"second", "test"}
    for name in ("training", "../run", "a/b", ".hidden", "", "a" * 101):
        with pytest.raises(InputError, match="give"):
            run.evaluate(tmp_path / "one" / "test.tsv", name=name, overwrite=True)
    assert (run.path / "evaluations" / "training" / "report.json").read_bytes() == own
    assert load(run.path).report == json.loads(own)
    assert not list(tmp_path.glob(".*"))


def test_two_that_opened_a_run_at_once_lose_nothing_of_each_other(run, tmp_path):
    other = load(run.path)
    run.evaluate(tmp_path / "one" / "test.tsv", name="one")
    other.evaluate(tmp_path / "two" / "test.tsv", name="two")
    files = load(run.path).info["files"]
    assert {f"evaluations/{name}/report.json" for name in ("one", "two", "training")} <= files.keys()
    with FolderLock(run.path), pytest.raises(InputError, match="is being written by process"):
        run.evaluate(tmp_path / "one" / "test.tsv")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("held_out.tsv.gz", "held_out"),
        ("test.intent.tsv", "test.intent"),
        ("a b*[1-7].npz", "a_b_1-7_.npz"),  # a pattern, no file
        ("test.2016", "test.2016"),  # the beginning of two
        ("tfds:imdb_reviews/plain_text:test", "imdb_reviews_plain_text_test"),
        ("../..", "data-01234567"),
        ("...tsv", "data-01234567"),
        ("naïve ☃.csv", "naïve"),
        ("\x1b[2J.csv", "2J"),
        ((["a"], ["b"]), "data-01234567"),
    ],
)
def test_an_evaluation_is_called_as_its_data(tmp_path, monkeypatch, data, name):
    monkeypatch.chdir(tmp_path)
    if isinstance(data, str) and data.endswith((".gz", ".tsv", ".csv")):
        (tmp_path / data).write_text("")
    assert evaluation_name(data, "0123456789") == name
    check_name(name)


def test_rows_that_training_has_seen_are_said_to_be(small, tmp_path, capsys):
    table = str(write_small_table(tmp_path))
    run = tmp_path / "run"
    shutil.copytree(small, run)
    for asked in (["evaluate", str(run), "--data", table], ["compare", str(run), str(small), "--data", table]):
        capsys.readouterr()
        assert main(asked) == 0
        told = capsys.readouterr().err
        assert told.count("rows stand in the training or validation data") == asked.count(str(small)) + 1


def test_what_is_new_is_scored_as_data_of_its_own(run, tmp_path):
    """All of one class, and right: that rows which training has seen have another one is no matter."""
    texts = [f"a good film number {number}" for number in range(90, 95)]
    labels = [answer["label"] for answer in run.predict(texts)]
    new = [(label, text) for label, text in zip(labels, texts, strict=True) if label == labels[0]]
    data = tuple(zip(*((text, label) for label, text in (*ROWS[15:25], *new)), strict=True))
    report = run.evaluate(data, name="partly_new")
    assert report["rest"] == {
        "rows": len(new),
        "metrics": {**report["rest"]["metrics"], "accuracy": {"value": 1.0}, "macro_f1": {"value": 1.0}},
    }


def test_the_comparison_is_printed_beside_the_scores(run, tmp_path, capsys):
    table = str(tmp_path / "one" / "test.tsv")
    capsys.readouterr()
    assert main(["evaluate", str(run.path), "--data", table, "--against", str(run.path), "--name", "twice"]) == 0
    out = capsys.readouterr().out
    assert f"Against{run.path}" in "".join(out.split())  # wherever a line ends
    assert out.count("│ macro F1") == 2
    assert out.splitlines()[-1] == str(run.path / "evaluations" / "twice" / "report.html")
    against = load(run.path).evaluate(table, name="twice", against=run)["against"]["metrics"]["accuracy"]
    assert {name: against[name] for name in ("difference", "p_value")} == {"difference": 0.0, "p_value": 1.0}


def test_a_run_that_is_scored_otherwise_gets_a_sentence(run, tmp_path):
    table, other, before = tmp_path / "one" / "test.tsv", load(run.path), held(run)
    object.__setattr__(other.task, "classes", ("good", "strange"))
    with pytest.raises(InputError, match=r"has other classes than .* \(good, strange, not bad, good\): compare"):
        run.evaluate(table, against=other)
    object.__setattr__(other.task, "classes", ("bad", "good"))
    object.__setattr__(other.task, "columns", {"source": "source"})
    with pytest.raises(InputError, match="has other columns"):
        run.evaluate(table, against=other)
    object.__setattr__(other.task, "columns", run.task.columns)
    object.__setattr__(other.task, "scorer", lambda examples, outputs: lambda rows: {"bleu": float(np.size(rows))})
    with pytest.raises(InputError, match="has other metrics"):
        run.evaluate(table, against=other)
    assert held(run) == before


def test_what_a_baseline_left_out_is_told(run, tmp_path):
    assert "bounds" not in run.info
    labels, texts = zip(*ROWS, strict=True)
    baseline = LinearTfidf.fit(texts, labels, ("bad", "good"), most=100)
    add_baseline(run, "linear", baseline)
    report = load(run.path).evaluate(tmp_path / "one" / "test.tsv", name="bounded")
    assert report["bounds"] == {"linear": baseline.bounds}
    page = (run.path / "evaluations" / "bounded" / "report.html").read_text()
    assert f"Baseline linear: {baseline.bounds}." in page
