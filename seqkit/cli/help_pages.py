"""How a recipe's settings stand in help: in four groups, and at first only those that matter most."""

import dataclasses
import inspect
from collections.abc import Collection
from typing import Annotated, Any

from cyclopts import Group, Parameter

from seqkit.core.arguments import parts_of
from seqkit.core.registry import Recipe

DATA, MODEL, TRAINING, OUTPUT = (
    Group(name, sort_key=place) for place, name in enumerate(("Data", "Model", "Training", "Output"))
)
WHICH = {  # of what neither its part nor its type tells
    DATA: ("unit", "lowercase", "vocabulary_size", "shared_vocabulary", "min_count", "max_length", "max_word_length",
           "contiguous", "backward", "window", "random_windows", "background", "image_size", "frame_size", "on_error",
           "turned_copies", "task", "length", "nesting", "rows", "scheme", "strict", "suspects", "config"),
    TRAINING: ("training", "pretraining", "fine_tuning", "curriculum", "seed", "workers", "worker", "preset",
               "grid", "seeds", "trials", "jobs"),
    OUTPUT: ("search", "json", "engine", "address"),
}  # fmt: skip
STARTS = ("start_from", "contextual")  # models that a model is made of
ALWAYS = ("config", "preset", "suspects", "json")


def group_of(recipe: Recipe, argument: str, hint: Any) -> Group:
    """The group of an argument: by its name, by the part that it plays, or by its type."""
    for group, names in WHICH.items():
        if argument in names:
            return group
    part = parts_of(recipe.function).get(argument)
    if part == "source":
        return MODEL if argument in STARTS else DATA
    if part == "place":
        return OUTPUT
    return DATA if hint is str else MODEL


def in_help(
    parameter: inspect.Parameter, recipe: Recipe, *, whole: bool, more: Collection[str] = ()
) -> inspect.Parameter:
    """An argument as help shows it; a settings class has the recipe's own defaults, so that one flag of it leaves the others
    as the recipe has them.

    Args:
        parameter: Its annotation is its type; the default of a settings class is of that class, which pydantic, where a
            process has it, looks at.
        whole: Whether help is to show all, and not only what matters most.
        more: What matters too.
    """
    hint, default = parameter.annotation, parameter.default
    group, first = group_of(recipe, parameter.name, hint), (*recipe.first, *ALWAYS, *more)
    if not (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
        shown = Parameter(group=group, show=whole or parameter.name in first)
        hidden = any(isinstance(mark, Parameter) and mark.parse is False for mark in getattr(hint, "__metadata__", ()))
        return parameter if hidden else parameter.replace(annotation=Annotated[hint, shown])
    fields = []
    for field in dataclasses.fields(hint):
        shown = Parameter(group=group, show=whole or f"{parameter.name}.{field.name}" in first)
        fields.append((field.name, Annotated[field.type, shown], getattr(default, field.name)))
    namespace = {"__doc__": hint.__doc__, "__module__": hint.__module__}
    own: Any = dataclasses.make_dataclass(hint.__name__, fields, bases=(hint,), namespace=namespace, frozen=True)
    return parameter.replace(annotation=own, default=own())
