"""docs/api.md is what is public: every line is in the code as it stands there, and nothing of the front door is missing."""

import importlib
import importlib.metadata
import inspect
import re
from pathlib import Path
from typing import get_origin

import pytest

import seqkit

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
LINES = [
    line
    for block in re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]


def line_of(path):
    """What the page has to say of a name: with its arguments, where it takes any."""
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    if not callable(thing) or get_origin(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return path
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return path
    parts, named = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not named:
            named = True
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        named = named or parameter.kind is parameter.VAR_POSITIONAL
        parts.append(stars + parameter.name)
    return f"{path}({', '.join(parts)})"


def paths():
    return [line.partition("(")[0] for line in LINES]


@pytest.mark.parametrize("line", LINES, ids=paths())
def test_the_page_says_what_the_code_has(line):
    assert line == line_of(line.partition("(")[0])


def test_the_front_door_and_the_recipes_are_all_there():
    listed = set(paths())
    assert {f"seqkit.{name}" for name in seqkit.__all__} <= listed
    points = importlib.metadata.entry_points(group="seqkit.recipes")
    ours = {f"seqkit.recipes.{point.name}" for point in points if point.value.startswith("seqkit.recipes.")}
    assert ours == {path for path in listed if path.startswith("seqkit.recipes.")}


def test_the_check_catches_an_argument_that_is_gone():
    assert line_of("seqkit.load") == "seqkit.load(path, *, on_error)"
    assert line_of("seqkit.load") != "seqkit.load(path, tasks)"
