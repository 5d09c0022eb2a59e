"""The book on the command line: its pages, each as a notebook, and what its exercises' answers are worth."""

from pathlib import Path

from cyclopts import App

from seqkit.cli.telling import next_steps
from seqkit.core.errors import InputError
from seqkit.core.files import write_json
from seqkit.core.registry import import_path
from seqkit.core.terminal import shown
from seqkit.learn.book import page, pages

learn = App(name="learn", help="Read the book, and check the answers to its exercises.", help_format="markdown")


@learn.default
def list_pages() -> None:
    """List the pages."""
    for one in pages():
        print(f"{one.number:2} {one.name}: {one.title}")
    next_steps("seqkit learn open PAGE", "seqkit learn check PAGE")


@learn.command(name="open")
def open_page(name: str, /, *, to: Path = Path()) -> None:
    """Write a page as a notebook, and beside it a file for the answers to its exercises.

    Parameters
    ----------
    name
        The page, by its name or number.
    to
        The folder. A file of answers that is there stays.
    """
    one = page(name)
    to.mkdir(parents=True, exist_ok=True)
    notebook, answers = to / f"{one.name}.ipynb", to / f"{one.name}_answers.py"
    if notebook.exists():
        raise InputError(f"{notebook} is there: move it away, or give another --to.")
    write_json(notebook, one.notebook())
    if not answers.exists():
        stubs = [exercise.stub for exercise in import_path(one.exercises)]
        answers.write_text("\n\n".join(["import numpy as np\n", *stubs]), encoding="utf-8")
    print(shown(str(notebook)), shown(str(answers)), sep="\n")
    next_steps(f"jupyter lab {notebook}", f"seqkit learn check {one.name} {answers}")


@learn.command
def check(name: str, answers: Path | None = None, /) -> int:
    """Check the answers to a page's exercises; the exit status is 1 while one of them is wrong.

    Parameters
    ----------
    name
        The page, by its name or number.
    answers
        A file of Python with the functions that the exercises ask for; PAGE_answers.py of this folder if not given.
    """
    one = page(name)
    file = answers or Path(f"{one.name}_answers.py")
    if not file.is_file():
        raise InputError(f"There is no file {file}: seqkit learn open {one.name} writes one to start from.")
    verdicts = import_path("seqkit.learn.exercise:judge")(import_path(one.exercises), file)
    print(*(shown(str(verdict)) for verdict in verdicts), sep="\n")
    return int(any(verdict.wrong for verdict in verdicts))
