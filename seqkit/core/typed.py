"""Whether what a user gives in Python is of the type that is written down; a command line's words are converted before."""

import numbers
import types
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from seqkit.core.errors import InputError

WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    Path: "a path",
    types.NoneType: "None",
}


def check_fields(settings: Any, name: str) -> None:
    """Raise InputError where a field of a settings class is of another type than it declares; make it of that very type.

    Args:
        name: Under which a recipe takes the class: "stack".
    """
    checked = check_types(get_type_hints(type(settings), include_extras=True), vars(settings), f"{name}.")
    for field, value in checked.items():
        object.__setattr__(settings, field, value)  # of a frozen class, as it is made


def check_types(hints: Mapping[str, Any], values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Raise InputError where a value is of another type than its hint says.

    Args:
        prefix: Before its name in the sentence.
    Returns:
        The values, each of the very type: numbers of NumPy's are Python's, as JSON takes them, a whole number for a float is
        one, and a list for a tuple is a tuple; what may be anything is left as it is.
    """
    checked = {}
    for name, value in values.items():
        if not fits(value, hint := hints.get(name, Any)):
            raise InputError(f"{prefix}{name} is {value!r:.60}: expected {said(hint)}.")
        checked[name] = _as_typed(value, hint)
    return checked


def _as_typed(value: Any, hint: Any) -> Any:
    """A value that fits, as the very type that is written down; of several types the first that it fits."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return _as_typed(value, inner[0])
    if kind in (Union, types.UnionType):
        return _as_typed(value, next(one for one in inner if fits(value, one)))
    if kind is tuple:
        return tuple(map(_as_typed, value, inner[:1] * len(value) if Ellipsis in inner else inner))
    if kind is not None and type(value) in (list, tuple):
        return type(value)(_as_typed(one, inner[0]) for one in value)
    return hint(value) if hint in (int, float, bool) else value


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; which of a Literal's words it is `one_of` asks, which knows the most similar one."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return fits(value, inner[0])
    if kind in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if kind is Literal:
        return isinstance(value, tuple({type(one) for one in inner}))
    if kind is not None:
        return _fits_many(value, kind, inner)
    if hint in (int, float):
        number = numbers.Integral if hint is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    if hint is bool:
        return type(value).__name__ in ("bool", "bool_")  # NumPy's too
    return hint is Any or not isinstance(hint, type) or isinstance(value, hint)


def _fits_many(value: Any, kind: Any, inner: tuple[Any, ...]) -> bool:
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping)
    if not issubclass(kind, Collection):
        return True
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return False
    if kind is tuple and Ellipsis not in inner:
        return len(value) == len(inner) and all(map(fits, value, inner))
    return all(fits(one, inner[0]) for one in value)


def said(hint: Any) -> str:
    """A type in words."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return said(inner[0])
    if kind in (Union, types.UnionType):
        told = [one for one in inner if str not in inner or get_origin(one) is not Literal]
        return " or ".join(dict.fromkeys(map(said, told)))
    if kind is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if kind is tuple and Ellipsis in inner:
        return f"a tuple with {said(inner[0])} for each, such as ({'64, 64' if inner[0] is int else '...'})"
    if kind is tuple:
        return f"a tuple ({', '.join(map(said, inner))})"
    return WORDS.get(hint) or f"a {getattr(hint, '__name__', hint)}"
