"""Whoever hands a setting of another type gets a sentence, whichever setting it is."""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

import seqkit
from seqkit.core.registry import recipes
from seqkit.core.typed import fits, said
from seqkit.recipes import sentiment

FITS = [
    (int, [3, np.int32(3)], [3.0, True, "3", None, [3]]),
    (float, [3, 2.5, np.float32(1)], [True, "2.5", None, [2.5]]),
    (bool, [True, np.bool_(False)], [1, "yes", None]),
    (str | None, ["a", None], [b"a", 3, Path("a")]),
    (Path | str, [Path("a"), "a"], [3, None]),
    (tuple[int, ...], [(3, 4), [3], ()], [3, (3.0,), "34", {3: 4}, {4, 3}, None]),
    (tuple[int, int], [(3, 4)], [(3,), (3, "4"), 3]),
    (Sequence[Any], [(), [3]], ["a", 3]),
    (Mapping[str, Any], [{}], [[], 3]),
    (Literal["lstm", "gru"], ["lstm", "lsm"], [3, None, ["lstm"]]),
    (Annotated[bool | Literal["auto"], "mark"], [True, "auto"], [3, None]),
    (Any, [3, None], []),
]


@pytest.mark.parametrize(("hint", "right", "wrong"), FITS, ids=[str(hint) for hint, *_ in FITS])
def test_values_fit_as_their_type_says(hint, right, wrong):
    assert [value for value in right if not fits(value, hint)] == []
    assert [value for value in wrong if fits(value, hint)] == []
    assert said(hint)


def settings_classes():
    """Every public class that a recipe takes as an argument."""
    found = {}
    for name in recipes.names():
        for parameter in inspect.signature(recipes.find(name).function).parameters.values():
            if dataclasses.is_dataclass(parameter.default):
                found[type(parameter.default).__name__] = type(parameter.default)
    return [*found.values(), seqkit.Adaptation]


@pytest.mark.parametrize("settings", settings_classes(), ids=lambda settings: settings.__name__)
def test_no_field_of_another_type_is_taken_or_ends_in_a_traceback(settings):
    for field in dataclasses.fields(settings):
        with pytest.raises(seqkit.InputError, match=rf"\.{field.name} is <object .*: expected "):
            settings(**{field.name: object()})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"seed": "a"}, "seed is 'a': expected a whole number"),
        ({"stack": "gru"}, "stack is 'gru': expected a Stack"),
        ({"out": 1}, "out is 1: expected a path or a text"),
        ({"pooling": 3}, "pooling is 3: expected one of last, mean, max, attention"),
        ({"overwrite": 1}, "overwrite is 1: expected True or False"),
    ],
)
def test_nor_is_an_argument_of_a_recipe(given, complaint):
    with pytest.raises(seqkit.InputError, match=complaint):
        sentiment(**given)
