"""The pages of the book: where they lie, what they are called, and the same page as a notebook.

A page is `pages/NN_name.md`, a text that MyST-NB and Jupytext read; its exercises, where it has some, are `EXERCISES` of
`seqkit.learn.NAME`. Nothing here needs NumPy or TensorFlow.
"""

import dataclasses
import importlib.resources
import re
from collections.abc import Iterator
from typing import Any, Literal

from seqkit.core.errors import InputError

NAME = re.compile(r"(\d\d)_(\w+)\.md")
FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
CODE = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.DOTALL | re.MULTILINE)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclasses.dataclass(frozen=True)
class Cell:
    """A part of a page: what a reader reads, or what Python runs."""

    kind: Literal["markdown", "code"]
    source: str


@dataclasses.dataclass(frozen=True)
class Page:
    """A page of the book.

    Attributes:
        number: Its place, from 1.
        name: By which the command line and its file of exercises know it.
        text: All of it, in MyST Markdown.
    """

    number: int
    name: str
    text: str

    @property
    def title(self) -> str:
        """Its first heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return found[1] if found else self.name

    @property
    def exercises(self) -> str:
        """Where the checks of its exercises are, as `seqkit.core.registry.import_path` takes it."""
        return f"seqkit.learn.{self.name}:EXERCISES"

    def cells(self) -> Iterator[Cell]:
        """Its text and its code, in turn."""
        text, end = FRONT.sub("", self.text), 0
        for code in CODE.finditer(text):
            yield from _markdown(text[end : code.start()])
            yield Cell("code", code[2].strip("\n"))
            end = code.end()
        yield from _markdown(text[end:])

    def notebook(self) -> dict[str, Any]:
        """The page as a notebook of Jupyter, without outputs (nbformat 4.5)."""
        cells: list[dict[str, Any]] = [
            {"id": f"{self.name}-{number}", "cell_type": cell.kind, "metadata": {}, "source": cell.source}
            | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})
            for number, cell in enumerate(self.cells())
        ]
        return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": KERNEL}, "cells": cells}


def _markdown(text: str) -> Iterator[Cell]:
    if text.strip():
        yield Cell("markdown", text.strip("\n"))


def pages() -> list[Page]:
    """All pages, in their order."""
    folder = importlib.resources.files("seqkit.learn") / "pages"
    named = [(name, file) for file in folder.iterdir() if (name := NAME.fullmatch(file.name))]
    return sorted(
        (Page(int(name[1]), name[2], file.read_text(encoding="utf-8")) for name, file in named),
        key=lambda page: page.number,
    )


def page(asked: str) -> Page:
    """The page of a name, such as recurrence, or of a number.

    Raises:
        InputError: There is none.
    """
    known = pages()
    for one in known:
        if asked in (one.name, str(one.number), f"{one.number:02}", f"{one.number:02}_{one.name}"):
            return one
    raise InputError(f"The book has no page {asked!r}: there are {', '.join(one.name for one in known)}.")
