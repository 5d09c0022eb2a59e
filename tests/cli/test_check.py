"""seqkit check, and what a training and an evaluation make of what it finds."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

import seqkit
from seqkit.cli.main import main

SMALL = ["--training.epochs", "1", "--training.epoch-steps", "0", "--embedding.units", "4", "--stack.units", "4"]


def table(path, texts, labels):
    rows = [f"{label}\t{text}\n" for label, text in zip(labels, texts, strict=True)]
    path.write_text("".join(["label\ttext\n", *rows]))
    return path


@pytest.fixture
def data(tmp_path):
    """A test file of which rows 0 to 4 stand in the training file."""
    words = {"up": "good", "down": "bad"}
    labels = ["up", "down"] * 30
    texts = [f"a {words[label]} film, number {number % 7} of {number}" for number, label in enumerate(labels)]
    parts = {"train": slice(0, 30), "valid": slice(30, 45), "test": slice(45, 60)}
    made = {name: table(tmp_path / f"{name}.tsv", texts[where], labels[where]) for name, where in parts.items()}
    table(made["test"], texts[:5] + texts[45:], labels[:5] + labels[45:])
    return [part for name, path in made.items() for part in (f"--{name if name != 'train' else 'data'}", str(path))]


def test_what_is_found_is_printed_with_its_place_and_nothing_is_made(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", "sentiment", *data, "--vocabulary-size", "100"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "error (leak): 5 of 20 test rows stand in the training or validation data" in printed
    assert "test.tsv, lines 2, 3, 4, 5, 6" in printed
    assert main(["check", "sentiment", *data, "--json", "--strict"]) == 2
    out = capsys.readouterr()
    kinds = {finding["kind"]: finding["count"] for finding in json.loads(out.out)}
    assert kinds["leak"] == 5
    assert out.err.startswith("seqkit: Refused, as strict asks: 5 of 20 test rows stand in")
    assert sorted(tmp_path.rglob("*")) == before


def test_strict_refuses_before_training_and_leaves_nothing(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "sentiment", *data, "--out", str(out), "--strict", *SMALL]) == 2
    assert "Refused, as strict asks" in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if "run" in path.name]


def test_a_report_has_what_was_found_and_the_score_on_rows_that_are_new(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "sentiment", *data, "--out", str(out), *SMALL]) == 0
    said = capsys.readouterr()
    assert "error: 5 of 20 test rows stand in the training or validation data" in said.err
    assert "On the 15 rows that are not in the training or validation data" in said.out
    run = seqkit.load(out)
    assert "leak" in {finding["kind"] for finding in run.report["findings"]}
    rows = [line.split("\t") for line in (tmp_path / "test.tsv").read_text().splitlines()[1:]]
    answers = [answer["label"] for answer in run.predict([text for _, text in rows])]
    truth = [label for label, _ in rows]
    assert run.report["metrics"]["accuracy"]["value"] == pytest.approx(accuracy_score(truth, answers))
    rest = run.report["rest"]
    assert rest["rows"] == 15
    assert rest["metrics"]["accuracy"]["value"] == pytest.approx(accuracy_score(truth[5:], answers[5:]))
    page = (out / "evaluations" / "training" / "report.html").read_text()
    assert "5 of 20 test rows stand in the training or validation data" in page
    foreign = table(tmp_path / "foreign.tsv", ["ein guter streifen", "ein schlechter streifen"] * 6, ["up", "down"] * 6)
    assert main(["evaluate", str(out), "--data", str(foreign)]) == 0
    report = json.loads((out / "evaluations" / "foreign" / "report.json").read_text())
    assert "foreign" in {finding["kind"] for finding in report["findings"]}
    assert "rest" not in report
    assert np.isfinite(report["metrics"]["log_loss"]["value"])


def test_rows_that_chose_the_epoch_are_said_to_be_so_and_are_no_leak(small):
    report = seqkit.load(small).report
    assert report["data"]["split"] == "validation"
    assert "leak" not in {finding["kind"] for finding in report["findings"]}
    assert "rest" not in report
