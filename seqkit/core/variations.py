"""Settings of a recipe by their names, "stack.cell": which there are, and arguments with others of them."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cyclopts import CycloptsError, convert

from seqkit.core.arguments import hints_of
from seqkit.core.bounds import nearest
from seqkit.core.errors import InputError
from seqkit.core.registry import cells
from seqkit.core.settings import Stack
from seqkit.core.typed import fits, said

FEW = 8  # settings that a sentence lists
LOGARITHMIC = 10.0  # a range is searched by its logarithm where its end is so many times its beginning
TOGETHER = "+"  # between the parts of one value, such as the units of two layers: 64+64


@dataclasses.dataclass(frozen=True)
class Range:
    """What a setting may be: any number from `low` to `high`, whole where both are and the setting takes no others.

    Example:
        >>> search = {"training.learning_rate": seqkit.Range(1e-4, 1e-2), "embedding.units": seqkit.Range(16, 128)}
        >>> search["embedding.units"]
        Range(low=16, high=128)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(
                f"A range goes from {self.low} to {self.high}: give the lower end first, as in 1e-4..1e-2."
            )

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def logarithmic(self) -> bool:
        return self.low > 0 and self.high / self.low >= LOGARITHMIC


def settings_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Setting of a recipe -> its type: of arguments, and of the fields of those that are settings classes."""
    found: dict[str, Any] = {}
    for name, hint in hints_of(function).items():
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            hints = inspect.get_annotations(hint, eval_str=True)
            found |= {f"{name}.{field.name}": hints[field.name] for field in dataclasses.fields(hint)}
        else:
            found[name] = hint
    return found


def check_setting(function: Callable[..., Any], name: str) -> None:
    """Raise InputError where a recipe has no setting of that name."""
    known = settings_of(function)
    if name not in known:
        raise InputError(f"There is no setting {name!r}{nearest(name, known, most=FEW)} --help lists them.")


def changed(function: Callable[..., Any], arguments: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with other settings.

    Args:
        arguments: By name; what isn't there is the recipe's default.
        changes: Setting -> value.
    Raises:
        InputError: There is no such setting, or it can't be that.
    """
    made = dict(arguments)
    fields: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        check_setting(function, name)
        argument, _, field = name.partition(".")
        if field:
            fields.setdefault(argument, {})[field] = value
        else:
            made[argument] = value
    for argument, values in fields.items():
        own = made.get(argument, inspect.signature(function).parameters[argument].default)
        made[argument] = dataclasses.replace(own, **values)
    return made


def range_of(function: Callable[..., Any], name: str, span: Range) -> Range:
    """A range in the numbers of its setting: from 1 to 10 is every number in between where that is a float.

    Raises:
        InputError: There is no such setting.
    """
    check_setting(function, name)
    return Range(float(span.low), float(span.high)) if fits(0.5, settings_of(function)[name]) else span


def load_cells(arguments: Mapping[str, Any]) -> None:
    """Import the cells at paths, my_module:leaky, that stacks among a recipe's arguments name.

    Raises:
        InputError: There is no such module, or no such cell in it.
    """
    for value in arguments.values():
        if isinstance(value, Stack) and ":" in value.cell:
            cells.load(value.cell)


def plain(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments whose settings are of the classes that the recipe names, and not of classes made of these."""
    made = dict(arguments)
    for name, hint in hints_of(function).items():
        if name in made and isinstance(hint, type) and dataclasses.is_dataclass(hint) and type(made[name]) is not hint:
            made[name] = hint(**{field.name: getattr(made[name], field.name) for field in dataclasses.fields(hint)})
    return made


def parsed(function: Callable[..., Any], name: str, text: str) -> Any:
    """The value of a setting as a command line has it; parts of one value have a + between them.

    Raises:
        InputError: The setting can't be that.
    """
    check_setting(function, name)
    try:
        return convert(settings_of(function)[name], text.split(TOGETHER))
    except (CycloptsError, ValueError):
        raise InputError(f"{name} can't be {text!r}: expected {said(settings_of(function)[name])}.") from None


def parsed_grid(function: Callable[..., Any], texts: Sequence[str]) -> dict[str, list[Any]]:
    """Settings and their values, of "stack.cell=lstm,gru" each.

    Raises:
        InputError: One is written otherwise or given twice, or there is no such setting or value.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not values:
            raise InputError(f"A grid is written as stack.cell=lstm,gru, not as {text!r}.")
        if name in grid:
            before = next(one for one in texts if one.startswith(f"{name}="))
            raise InputError(f"{name} is given twice: give all of its values at once, {before},{values}.")
        grid[name] = [parsed(function, name, value) for value in values.split(",")]
    return grid


def parsed_ranges(function: Callable[..., Any], texts: Sequence[str]) -> dict[str, Range]:
    """Settings and their ranges, of "training.learning_rate=1e-4..1e-2" each.

    Raises:
        InputError: One is written otherwise or given twice, or there is no such setting, or it is no number.
    """
    ranges = {}
    for text in texts:
        name, _, span = text.partition("=")
        check_setting(function, name)
        if name in ranges:
            raise InputError(f"{name} has two ranges: give one.")
        ends = span.split("..")
        if len(ends) != 2:
            raise InputError(f"A range is written as training.learning_rate=1e-4..1e-2, not as {text!r}.")
        try:
            low, high = [int(end) for end in ends] if all(end.strip().isdigit() for end in ends) else map(float, ends)
        except ValueError:
            raise InputError(f"{name} is searched from {ends[0]!r} to {ends[1]!r}: give numbers.") from None
        ranges[name] = Range(low, high)
    return ranges
