"""What a setting may be: each raises InputError with one sentence."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from seqkit.core.errors import InputError


def check_sampling(temperature: float, top_k: int, top_p: float, *, prefix: str = "") -> None:
    """Raise InputError where a setting of draws is out of its range."""
    if not 0 <= temperature < float("inf"):
        raise InputError(
            f"{prefix}temperature is {temperature}: give a number of at least 0, where 0 takes the likeliest."
        )
    if top_k < 0:
        raise InputError(f"{prefix}top_k is {top_k}: give a number of at least 0, where 0 keeps all symbols.")
    if not 0 < top_p <= 1:
        raise InputError(f"{prefix}top_p is {top_p}: give a share above 0 and up to 1, which keeps all symbols.")


def at_least(name: str, value: float, bound: float) -> None:
    """Raise InputError where `value` is below `bound`."""
    if not value >= bound:
        raise InputError(f"{name} is {value}: give a number of at least {bound}.")


def check_seed(name: str, value: int) -> None:
    """Raise InputError where `value` is no seed to NumPy's global generator."""
    if not 0 <= value < 2**32:
        raise InputError(f"{name} is {value}: give a whole number from 0 up to, but not including, 2^32 ({2**32}).")


def share(name: str, value: float) -> None:
    """Raise InputError where `value` is no share of less than all."""
    if not 0 <= value < 1:
        raise InputError(f"{name} is {value}: give a share from 0 up to, but not including, 1.")


def one_of(name: str, value: str, choices: Any, *more: str) -> None:
    """Raise InputError where `value` is none of a Literal's, nor of `more`."""
    known = (*get_args(choices), *more)
    if value not in known:
        raise InputError(f"{name} is {value!r}{nearest(value, known)}")


def nearest(name: str, known: Iterable[str], *, most: int | None = None) -> str:
    """How a sentence ends that says that a name is none of those known: with these, and the most similar one.

    Args:
        most: Names beyond which the most similar one, where there is one, is told alone.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near and most is not None and len(names) > most:
        return f": did you mean {near[0]}?"
    return f": choose one of {', '.join(names)}" + (f"; did you mean {near[0]}?" if near else ".")
