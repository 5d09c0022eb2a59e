"""`seqkit train` by a file of settings: what reaches the recipe, and what is said of a line that is about nothing."""

import dataclasses
import functools
import json
from pathlib import Path

import pytest

import seqkit
from seqkit import InputError
from seqkit.cli.main import main
from seqkit.core.registry import recipes
from tests.cases import write_small_table

TOML = 'recipe = "sentiment"\ndata = "a.csv"\nout = "run"\n[stack]\nunits = [3]\ncell = "gru"\n[training]\nepochs = 4\n'


@pytest.fixture
def called(monkeypatch):
    """What a command line calls the recipe with; it ends there."""
    given = {}
    known = recipes.find("sentiment")

    def train(*args, **kwargs):
        assert not args
        given.update(kwargs)
        raise InputError("asked")

    functools.update_wrapper(train, known.function)
    monkeypatch.setitem(recipes._added, "sentiment", dataclasses.replace(known, function=train))
    return given


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "seqkit.toml").write_text(TOML)
    return folder


def said(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 2
    return capsys.readouterr().err


def test_flags_are_on_top_of_the_file(called, project, capsys):
    for way in ([project], ["--config", project], ["sentiment", f"--config={project / 'seqkit.toml'}"]):
        called.clear()
        assert "asked" in said(capsys, "train", *way, "--stack.cell", "lstm", "--seed", "3", "--data", "b.csv")
        assert (called["data"], called["seed"], called["out"]) == ("b.csv", 3, project / "run")  # a flag's path is ours
        assert (called["stack"].cell, called["stack"].units, called["training"].epochs) == ("lstm", (3,), 4)
        assert called["stack"].bidirectional  # as the recipe has it, and its class not
        assert "config" not in called
    assert "asked" in said(capsys, "train", project)
    assert called["data"] == str(project / "a.csv")


def test_data_may_stand_without_its_flag(called, project, capsys):
    assert "asked" in said(capsys, "train", "sentiment", "b.csv", "--config", project)
    assert called["data"] == "b.csv"


def test_a_runs_settings_train_another_run(small, called, capsys):
    assert "asked" in said(capsys, "train", "--config", small / "run.json", "--training.epochs", "9")
    settings = json.loads((small / "run.json").read_text())["settings"]
    got = {name: dataclasses.asdict(one) if dataclasses.is_dataclass(one) else one for name, one in called.items()}
    assert json.loads(json.dumps(got)) == settings | {"training": settings["training"] | {"epochs": 9}}


def test_help_shows_the_files_settings(project, capsys):
    assert main(["train", str(project), "--help"]) == 0
    assert "[default: (3,)]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sentimant"], "There is no recipe 'sentimant', and no folder or file of that name: .*did you mean sentiment"),
        (["tagging", "--config", "project"], "is of the recipe sentiment, not of tagging"),
        (["rows.csv"], "rows.csv is no recipe and no file of settings: name the recipe first"),
        (["project", "--config", "project"], "project and --config project are both given"),
        (["project", "--training.epoch", "3"], "no flag --training.epoch: did you mean --training.epochs"),
        (["project", "--unit", "wrd"], 'Did you mean "word"|word'),
    ],
)
def test_what_is_wrong_gets_the_nearest_right_one(project, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(project.parent)
    (project.parent / "rows.csv").touch()
    error = said(capsys, "train", *arguments)
    with pytest.raises(InputError, match=sentence):
        raise InputError(error)


def test_a_check_and_a_preparation_read_the_same_file(project, monkeypatch, capsys):
    rows = write_small_table(project)
    monkeypatch.chdir(project.parent)
    (project / "seqkit.toml").write_text(TOML.replace("a.csv", rows.name))
    assert main(["check", str(project)]) == 0
    for out, told in (("prepared/sentiment", []), ("elsewhere", ["--out", "elsewhere"])):
        assert main(["prepare", str(project), *told]) == 0
        assert (project.parent / out / "manifest.json").exists()
    assert not (project / "run").exists()


def test_a_check_is_as_strict_as_the_file_says(project, capsys):
    (project / "a.csv").write_text("label,text\n" + "a,x y\nb,z\n" * 20)
    for said_there, flag, status in (
        ("true", [], 2),
        ("true", ["--no-strict"], 0),
        ("false", [], 0),
        ("false", ["--strict"], 2),
    ):
        (project / "seqkit.toml").write_text(f"strict = {said_there}\n{TOML}")
        assert main(["check", str(project), *flag]) == status
        assert ("Refused, as strict asks" in capsys.readouterr().err) == (status == 2)


def test_a_study_lies_where_help_says(project, monkeypatch):
    made = []
    monkeypatch.setattr(seqkit.Study, "run", lambda study: made.append(study.out))
    assert main(["study", str(project)]) == 0
    assert main(["study", str(project), "--out", "elsewhere"]) == 0
    assert made == [Path("saved_models/study"), Path("elsewhere")]
