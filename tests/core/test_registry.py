"""Recipes, cells and exporters by name: declared, imported, or at a path that somebody gave; never for a run folder."""

import sys
from pathlib import Path

import pytest

import seqkit
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.registry import Registry, cells, exporters, import_path, recipes
from seqkit.recurrence.cells import make_layer

MODULE = '''
from typing import Unpack

from seqkit import CLASSES, Embedding, Run, RunBuilder, RunOptions, Source, Stack, Training, recipe
from seqkit.layers.embedding import embed_tokens
from seqkit.recurrence.cells import Recurrence
from seqkit.recurrence.step import Cell
from seqkit.tasks.text_classification import TextClassification
from seqkit.topologies.many_to_one import many_to_one


class Spam(TextClassification):
    recipe = "spam"


@recipe(task=Spam, reads=CLASSES)
def spam(data: Source = None, *, stack: Stack = Stack(units=(4,)), training: Training = Training(epochs=1),
         **run: Unpack[RunOptions]) -> Run:
    """Is it spam?

    Args:
        data: A table.
        stack: Layers.
        training: How.
    """
    with RunBuilder(spam, locals()) as making:
        splits = making.splits({"text": "text", "label": "label"}, stratify="label")
        task = Spam.learn(splits)
        inputs = embed_tokens(len(task.vocabulary), Embedding(units=4))
        return making.done(task, many_to_one(*inputs, outputs=2, stack=stack), splits)


def step(op, x, state, vectors):
    return (0.5 * state[0] + 0.5 * op.tanh(x[0] + op.product(state[0])[0]),)


leaky = Recurrence(Cell(step, gates=1, products=(1,)))
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module beside one's data, forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(MODULE)
    rows = "".join(f"ham\ta good letter {n}\nspam\tbuy now {n}\n" for n in range(20))
    (tmp_path / "rows.tsv").write_text("label\ttext\n" + rows)
    yield "mine"
    forget()


def forget():
    sys.modules.pop("mine", None)
    recipes.discard("spam")


def test_a_recipe_and_a_cell_beside_the_data(module, capsys):
    """Trained by their paths; the run is opened again only where the module is named."""
    assert main(["train", "mine:spam", "--data", "rows.tsv", "--out", "run", "--stack.cell", "mine:leaky"]) == 0
    expected = seqkit.load("run").predict(["buy now"])
    forget()
    capsys.readouterr()
    assert main(["evaluate", "run", "--data", "rows.tsv"]) == 2
    assert "The recipe 'spam' is not known here" in capsys.readouterr().err
    assert "mine" not in sys.modules  # a run folder imports nothing by itself
    assert main(["evaluate", "run", "--data", "rows.tsv", "--import", "mine", "--json"]) == 0
    assert seqkit.load("run").predict(["buy now"]) == expected


def test_a_cell_at_a_path_that_a_file_names(module, capsys):
    """A seqkit.toml is written by hand, and its cell imported; what a run mentions has to be named once more."""
    text = 'recipe = "sentiment"\ndata = "rows.tsv"\nout = "first"\n[stack]\ncell = "mine:leaky"\nunits = [4]\n'
    Path("seqkit.toml").write_text(text + "[training]\nepochs = 1\n")
    assert main(["train", "."]) == 0
    forget()
    again = ["train", "--config", "first/run.json", "--out", "second"]
    assert main(again) == 2
    assert "give --stack.cell mine:leaky too, so that its module is imported" in capsys.readouterr().err
    assert "mine" not in sys.modules
    assert main([*again, "--stack.cell", "mine:leaky"]) == 0


def test_a_project_of_a_recipe_beside_the_data_is_trained_by_its_files(module, capsys):
    """By its seqkit.toml and by the run.json of its run, each in a process that has imported nothing yet."""
    new = ["new", "mine:spam", "project", "--data", "rows.tsv"]
    by_path = [["check", "mine:spam", "--config", one] for one in ("project", "project/run/run.json")]
    for command in (new, ["train", "project"], *by_path):
        assert main(command) == 0
        forget()
    capsys.readouterr()
    assert main(["train", "--config", "project/run/run.json"]) == 2
    assert "name it by its path (my_module:name --config project/run/run.json)" in capsys.readouterr().err


def test_a_cell_that_is_not_there_is_named(module):
    import_path(module)
    with pytest.raises(ValueError, match=r"No cell is named 'mine:leeky'.* import mine first"):
        make_layer("mine:leeky", 3)
    forget()
    with pytest.raises(ValueError, match=r"No cell is named 'mine:leaky'.*--import"):
        make_layer("mine:leaky", 3)
    assert "mine" not in sys.modules


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("absent", "There is no module 'absent'"),
        ("absent:thing", "There is no module 'absent'"),
        ("json:thing", "The module json has no 'thing'"),
    ],
)
def test_a_wrong_path_is_one_sentence(path, complaint):
    with pytest.raises(InputError, match=complaint):
        import_path(path)


def test_names_are_taken_once(module):
    mine = import_path(module)
    assert "spam" in recipes
    with pytest.raises(ValueError, match="there already"):
        recipes.add("spam", mine.spam.recipe)
    with pytest.raises(ValueError, match="there already"):
        recipes.add("sentiment", mine.spam.recipe)


def test_what_is_declared_is_found_without_an_import(monkeypatch):
    """An entry point's module is imported when its name is asked for."""
    fresh = Registry("recipe", "seqkit.recipes", lambda thing: thing)
    assert {"sentiment", "tagging"} <= set(fresh.names())
    assert fresh.names()["sentiment"].startswith("seqkit ")
    monkeypatch.delitem(sys.modules, "seqkit.recipes.tagging")
    assert "tagging" in fresh
    assert "seqkit.recipes.tagging" not in sys.modules
    assert fresh.find("sentiment") is seqkit.recipes.sentiment


def test_unknown_names_are_told_with_those_there_are():
    with pytest.raises(
        InputError, match=r"exporter 'onxx' is not known here: choose one of .*savedmodel; did you mean onnx"
    ):
        exporters.find("onxx")
    assert "halving" not in cells
