"""The book's pages: every cell runs, and every page is the notebook that another library reads."""

import json
import re

import jupytext
import matplotlib.pyplot as plt
import nbformat
import pytest

from seqkit.cli.main import main
from seqkit.core.registry import import_path
from seqkit.learn.book import pages

SLOW = ()  # pages of more than ten seconds
SHORTER = {  # what pages that train for long do here less of; the site runs them whole
    "captions": ("scenes=4000", "scenes=800"),
    "questions": ("scenes=4000", "scenes=800"),
    "executing": ("epochs=12", "epochs=2"),
}
PAGES = [pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name in SLOW)) for page in pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_cell_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    names = {"__name__": "__main__"}
    whole, shorter = SHORTER.get(page.name, ("", ""))
    assert whole in page.text
    try:
        with plt.rc_context():
            for number, cell in enumerate(page.cells()):
                if cell.kind == "code":
                    exec(
                        compile(cell.source.replace(whole or "\0", shorter), f"{page.name}, cell {number}", "exec"),
                        names,
                    )
    finally:
        plt.close("all")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_has_what_a_page_has(page):
    """An equation, code, and three exercises by the names that are checked, with their arguments."""
    assert "$$\n" in page.text
    exercises = page.text.partition("## Exercises")[2]
    assert len(import_path(page.exercises)) == len(re.findall(r"^\d\. ", exercises, re.MULTILINE)) == 3
    for exercise in import_path(page.exercises):
        assert f"`{exercise.signature}`" in exercises


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_the_notebook_is_what_jupytext_makes_of_a_page(page):
    notebook = page.notebook()
    nbformat.validate(nbformat.from_dict(notebook))
    theirs = jupytext.reads(page.text, fmt="md:myst")
    read = [(cell["cell_type"], cell["source"].strip("\n")) for cell in notebook["cells"]]
    assert read == [(cell.cell_type, cell.source.strip("\n")) for cell in theirs.cells]


def test_pages_have_places_of_their_own():
    numbers, names = zip(*((page.number, page.name) for page in pages()), strict=True)
    assert len(set(numbers)) == len(set(names)) == len(numbers)


def test_the_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["learn"]) == 0
    assert "1 recurrence: The recurrence by hand" in capsys.readouterr().out
    assert main(["learn", "open", "1", "--to", "there"]) == 0
    assert json.loads((tmp_path / "there/recurrence.ipynb").read_text())["nbformat"] == 4
    assert main(["learn", "check", "recurrence", "there/recurrence_answers.py"]) == 1  # as it was written
    assert "step: not written yet." in capsys.readouterr().out
    assert main(["learn", "open", "1", "--to", "there"]) == 2
    assert main(["learn", "check", "recurrence"]) == 2
    assert "seqkit learn open recurrence writes one" in capsys.readouterr().err
    assert main(["learn", "open", "nothing"]) == 2
    assert "no page 'nothing': there are recurrence" in capsys.readouterr().err
