"""Every public name has an example that can be copied: docs/examples.md makes what all of them assume, and they run here."""

import contextlib
import copy
import doctest
import importlib
import inspect
import re
import shutil
import textwrap
from pathlib import Path
from typing import get_origin

import pytest

from seqkit.core.registry import cells, exporters, recipes
from seqkit.metrics import metric
from seqkit.runs.parts import without_report
from tests.test_api import paths

PAGE = Path(__file__).parents[1] / "docs" / "examples.md"
HOW = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
pytestmark = pytest.mark.xdist_group("examples")  # one process makes what they assume, once


def thing_of(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def has_docstring(path):
    """Of its own: a constant's and an alias's are those of their types."""
    return callable(thing_of(path)) and not get_origin(thing_of(path))


def examples_of(doc, path, names):
    """What stands in the last section of a docstring."""
    _, _, said = inspect.cleandoc(doc).partition("\nExample:\n")
    assert not re.search(r"^\S", said, re.MULTILINE), f"{path} says more behind its example, which stands last"
    examples = doctest.DocTestParser().get_doctest(textwrap.dedent(said), dict(names), path, None, 0)
    assert examples.examples, (
        f"{path} has no example: end its docstring with a section Example, such as those beside it"
    )
    return examples


def check_examples(doc, path, names):
    said = []
    examples = examples_of(doc, path, names)
    failed, _ = doctest.DocTestRunner(optionflags=HOW).run(examples, out=said.append)
    assert not failed, "".join(said)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The folder in which the page's code ran, and the names that it made."""
    folder, names = tmp_path_factory.mktemp("examples"), {"__name__": "__main__"}
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with contextlib.chdir(folder):
        exec(code, names)
    return folder, names


@pytest.fixture
def _apart(monkeypatch):
    """What an example registers is forgotten after it."""
    for registry in (cells, exporters, recipes):
        monkeypatch.setattr(registry, "_added", dict(registry._added))
    monkeypatch.setattr(metric, "_DECLARED", dict(metric._DECLARED))


@pytest.mark.parametrize("path", [path for path in paths() if has_docstring(path)])
@pytest.mark.usefixtures("_apart")
def test_a_public_name_has_an_example_that_runs(path, session, tmp_path, monkeypatch):
    folder, names = session
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "here"))
    with without_report():  # what takes the longest of a training; that of the page's runs is made
        check_examples(thing_of(path).__doc__, path, {**names, "rng": copy.deepcopy(names["rng"])})


@pytest.mark.parametrize(
    ("doc", "complaint"),
    [
        ("Add.\n\nArgs:\n    one: A number.", "no example"),
        ("Add.\n\nExample:\n    It adds.", "no example"),
        ("Add.\n\nExample:\n    >>> 1 + 1\n    3", r"Got:\s+2"),
        ("Add.\n\nExample:\n    >>> 1 + 1\n    2\nReturns:\n    The sum.", "stands last"),
    ],
)
def test_the_check_catches_a_docstring_that_shows_nothing_or_something_wrong(doc, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_examples(doc, "seqkit.add", {})
