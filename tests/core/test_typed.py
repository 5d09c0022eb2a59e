"""Whoever hands a setting of another type gets a sentence, whichever setting it is."""

import dataclasses
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

import seqkit
from seqkit.core.registry import recipe_of, recipes
from seqkit.core.typed import check_types, fits, said
from seqkit.recipes import sentiment
from seqkit.runs.builder import recorded_settings

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


@pytest.mark.parametrize(
    ("given", "hint", "expected"),
    [
        (np.int64(3), int, 3),
        (np.int32(3), float, 3.0),
        (1, Annotated[float | None, "mark"], 1.0),
        (np.float32(0.5), float, 0.5),
        (np.float64(0.5), int | float, 0.5),
        (3, int | float, 3),
        (np.bool_(True), bool | Literal["auto"], True),
        ((np.int64(3), 4), Annotated[tuple[int, ...] | None, "mark"], (3, 4)),
        ([np.int64(3)], tuple[int, ...], (3,)),
        ([1, 2], tuple[int, float] | None, (1, 2.0)),
        ([np.int64(3)], Sequence[float], [3.0]),
        (("a", np.int64(3)), tuple[str, int], ("a", 3)),
        (np.int64(3), Any, np.int64(3)),
    ],
)
def test_values_become_of_the_very_type_that_is_written_down(given, hint, expected):
    got = check_types({"size": hint}, {"size": given})["size"]
    assert repr(got) == repr(expected)


def test_settings_and_arguments_with_numbers_of_numpy_are_json():
    training = seqkit.Training(epochs=np.int64(3), learning_rate=np.float32(0.5))
    given = recipe_of(sentiment).settle(training=training, min_count=np.int64(2), seed=np.arange(3)[2])
    stack = seqkit.Stack(units=[*np.array([4, 5])])
    assert stack == seqkit.Stack(units=(4, 5)), "as what compares them has it"
    settings = json.loads(json.dumps(recorded_settings(given | {"stack": stack})))
    assert (settings["training"]["epochs"], settings["min_count"], settings["seed"]) == (3, 2, 2)
    assert settings["stack"]["units"] == [4, 5]


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
