"""Sentiment on files as strangers write them: labels written otherwise, texts in another normal form."""

import json
import unicodedata

import pytest
import tensorflow as tf

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.export.portable import portable
from seqkit.runs.parts import without_report

ROWS = [(f"un café {word} {n} <unk>", label) for n in range(20) for word, label in (("bon", "1"), ("mauvais", "0"))]
QUICK = [
    "--training.epochs",
    "5",
    "--training.epoch-steps",
    "0",
    "--training.batch-size",
    "4",
    "--training.learning-rate",
    "0.03",
    "--embedding.units",
    "4",
    "--stack.units",
    "4",
]


def table(path, *, form="NFC", labels=None):
    rows = [(unicodedata.normalize(form, text), (labels or {}).get(label, label)) for text, label in ROWS]
    path.write_text("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sentiment")
    table(path / "rows.tsv")
    table(path / "floats.tsv", form="NFD", labels={"0": "0.0", "1": "1.0"})
    table(path / "words.tsv", labels={"0": "bad", "1": "good"})
    return path


@pytest.fixture(scope="module")
def run(folder):
    flags = ["--data", str(folder / "rows.tsv"), "--test", str(folder / "floats.tsv"), "--unit", "whitespace"]
    assert main(["train", "sentiment", *flags, "--out", str(folder / "run"), *QUICK]) == 0
    return load(folder / "run")


def test_labels_and_texts_of_another_writing_are_the_same(run, folder):
    first = run.report
    assert first["metrics"]["accuracy"]["value"] > 0.9
    assert first["data"]["unseen_labels"] == 0
    again = run.evaluate(folder / "rows.tsv")
    assert again["data"]["unknown_token_share"] == first["data"]["unknown_token_share"] < 0.1  # numbers held out
    assert again["metrics"] == first["metrics"]
    assert [row["support"] for row in again["per_class"]] == [20, 20]
    noticed = run.task.examined(run.task.read(folder / "floats.tsv", run.columns())).findings
    assert [finding.kind for finding in noticed] == ["renamed_labels"]


def test_labels_that_are_no_class_are_refused_before_scoring_and_before_training(run, folder, tmp_path, capsys):
    before = (run.path / "evaluations" / "training" / "report.json").read_bytes()
    with pytest.raises(InputError, match="has the labels 'bad', 'good', and none of them is a class .* '0', '1'"):
        run.evaluate(folder / "words.tsv")
    assert (run.path / "evaluations" / "training" / "report.json").read_bytes() == before
    flags = ["--data", str(folder / "rows.tsv"), "--test", str(folder / "words.tsv"), *QUICK]
    assert main(["train", "sentiment", "--out", str(tmp_path / "run"), *flags]) == 2
    assert "none of them is a class" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_answers_do_not_depend_on_the_normal_form_here_or_as_it_is_served(run, folder, capsys):
    forms = [[unicodedata.normalize(form, text) for text, _ in ROWS[:4]] for form in ("NFC", "NFD")]
    answers = [run.predict(texts) for texts in forms]
    assert answers[0] == answers[1]
    module = run.task.serving(portable(run.model))
    for texts in forms:
        assert [label.decode() for label in module.serve(tf.constant(texts))["label"].numpy()] == [
            answer["label"] for answer in answers[0]
        ]
    printed = []
    for name in ("rows.tsv", "floats.tsv"):
        assert main(["predict", str(run.path), str(folder / name)]) == 0
        printed.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert len(printed[0]) == len(ROWS)
    assert printed[0] == printed[1]


def test_tokens_stay_whole(run):
    assert {"<unk>", "café"} <= set(run.task.vocabulary.tokens)


def test_batches_are_bounded_by_tokens(folder, tmp_path, capsys):
    flags = ["--data", str(folder / "rows.tsv"), "--out", str(tmp_path / "run"), "--training.batch-tokens", "40"]
    with without_report():
        assert main(["train", "sentiment", *flags, "--training.epochs", "1", *QUICK[2:]]) == 0
    shapes = load(tmp_path / "run").info["training_facts"]["shapes"]
    assert max(rows for rows, _ in shapes) > 4  # not training.batch_size
    assert all(rows * width <= 40 for rows, width in shapes)


@pytest.mark.parametrize("recipe", ["language_model", "video_frames"])
def test_tokens_do_not_bound_windows(recipe, tmp_path, capsys):
    assert main(["train", recipe, "--training.batch-tokens", "40", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert (
        "training.batch_tokens is 40, but training on windows (window times training.batch_size steps a batch)" in said
    )
