"""Settings of a training in a file: seqkit.toml, or the run.json of a run.

A file's values take the place of a recipe's defaults, as a preset's do, so that flags come on top and help shows them.
"""

import dataclasses
import inspect
import json
import os
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from seqkit.core.arguments import hints_of, parts_of, preset
from seqkit.core.bounds import nearest
from seqkit.core.errors import InputError
from seqkit.core.registry import Recipe, recipe_holding

CONFIG, RUN = "seqkit.toml", "run.json"
FEW = 8  # names that a sentence lists beside the nearest one
_NAMED = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What a file says of a training.

    Attributes:
        path: The file.
        recipe: The recipe that it names, where it names one.
        settings: Argument -> value, or of a settings class field -> value, as the file has them.
        folder: Where its relative paths begin; nothing for the current folder, as in a run.json.
    """

    path: Path
    recipe: str | None
    settings: Mapping[str, Any]
    folder: Path | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a seqkit.toml, a run.json, or the one of a folder.

        Raises:
            InputError: There is none, or it is damaged.
        """
        if path.is_dir():
            found = [path / name for name in (CONFIG, RUN) if (path / name).is_file()]
            if not found:
                raise InputError(f"{path} has no {CONFIG} and no {RUN}: seqkit new {path} --data FILE writes one.")
            path = found[0]
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise InputError(f"{path} does not exist: check the path, or let seqkit new write one.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} can't be read ({error}): give a {CONFIG} in UTF-8, or a {RUN}.") from None
        try:
            said: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except ValueError as error:
            raise InputError(f"{path} is no {'JSON' if path.suffix == '.json' else 'TOML'} ({error}).") from None
        if path.suffix != ".json":
            recipe = said.pop("recipe", None)
            if not isinstance(recipe, str | None):
                raise InputError(f"{path}: recipe is {recipe!r}, where a name is expected.")
            return cls(path, recipe, said, path.parent)
        if not isinstance(said, dict) or not isinstance(said.get("settings"), dict) or "recipe" not in said:
            raise InputError(f"{path} has no recipe with settings: give the {RUN} of a run, or a {CONFIG}.")
        try:
            recipe = recipe_holding(said["recipe"]).name
        except InputError:
            raise InputError(
                f"{path} is of the recipe {said['recipe']!r}, which is not known here: install the package that "
                f"declares it, or name it by its path (my_module:name --config {path})."
            ) from None
        return cls(path, recipe, said["settings"])

    @property
    def of_run(self) -> bool:
        """Whether it is a run.json, which no user wrote."""
        return self.path.suffix == ".json"

    @property
    def preset(self) -> str | None:
        """Whose settings it changes."""
        named = self.settings.get("preset")
        return named if isinstance(named, str) else None

    def arguments(self, recipe: Recipe, *, under: str | None = None) -> dict[str, Any]:
        """The recipe's arguments that the file sets.

        Args:
            under: The preset whose settings are the defaults; nothing for the file's own, if it has one.
        Raises:
            InputError: It sets what isn't there, or to something else than it can be; with the nearest right name.
        """
        name = under or self.preset
        base = {} if name is None else preset(recipe.function, name)
        hints, parameters = hints_of(recipe.function), inspect.signature(recipe.function).parameters
        known = [name for name in parameters if name != "callbacks"]
        arguments = dict(base)
        for argument, value in self.settings.items():
            if argument == "preset":
                continue
            if argument not in known:
                raise InputError(
                    f"{self.path}: {recipe.name} has no setting {argument!r}{nearest(argument, known, most=FEW)}"
                )
            default = arguments.get(argument, parameters[argument].default)
            if dataclasses.is_dataclass(default) and not isinstance(default, type):
                arguments[argument] = self._changed(argument, value, default)
            elif not self.lost(value):
                arguments[argument] = self._placed(
                    self._taken(argument, value, hints[argument]), _is_path(recipe, argument)
                )
        return arguments

    def missing(self, given: Mapping[str, Any]) -> None:
        """Raise InputError where data was something that no file holds, and isn't given now."""
        for argument, value in self.settings.items():
            if self.lost(value) and argument not in given:
                raise InputError(
                    f"{self.path}: {argument} was given in Python ({value}), which no file holds: give --{argument}."
                )

    @staticmethod
    def lost(value: Any) -> bool:
        """Whether a run.json tells of a value by its type alone."""
        return isinstance(value, str) and value.startswith("<") and value.endswith(">")

    def _changed(self, argument: str, values: Any, default: Any) -> Any:
        """A settings class with some fields as the file has them."""
        if not isinstance(values, dict):
            raise InputError(f"{self.path}: {argument} is {values!r}, where its settings are expected: [{argument}].")
        hints = get_type_hints(type(default), include_extras=True)
        types_ = {field.name: hints[field.name] for field in dataclasses.fields(default)}
        changes = {}
        for field, value in values.items():
            if field not in types_:
                near = nearest(field, types_, most=FEW)
                raise InputError(f"{self.path}: {argument} has no setting {field!r}{near}")
            known = field in getattr(default, "files", ())
            changes[field] = self._placed(self._taken(f"{argument}.{field}", value, types_[field]), known, there=True)
        try:
            return dataclasses.replace(default, **changes)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None

    def _taken(self, name: str, value: Any, hint: Any) -> Any:
        fits, taken = _as(value, hint)
        if not fits:
            choices = [str(one) for one in get_args(hint)] if get_origin(hint) is Literal else []
            near = nearest(str(value), choices) if choices else f", where {_words(hint)} is expected."
            raise InputError(f"{self.path}: {name} is {json.dumps(value, default=str)}{near}")
        return taken

    def _placed(self, value: Any, is_path: bool, *, there: bool = False) -> Any:
        """A path, or several, from the file's folder on.

        Args:
            there: Whether only what lies there is a path, since it may be a name too.
        """
        if isinstance(value, tuple):
            return tuple(self._placed(one, is_path, there=there) for one in value)
        if self.folder is None or not is_path or not isinstance(value, str | Path) or str(value).startswith("tfds:"):
            return value
        placed = os.path.normpath(self.folder / value)
        return value if there and not os.path.exists(placed) else type(value)(placed)


def _is_path(recipe: Recipe, argument: str) -> bool:
    return argument == "out" or parts_of(recipe.function)[argument] == "source"


def _as(value: Any, hint: Any) -> tuple[bool, Any]:
    """Whether a value of JSON or TOML is of a type, and what it is then: a list is a tuple, a whole number a number."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _as(value, parts[0])
    if hint is Any:  # data
        return isinstance(value, str | None), value
    if origin in (Union, types.UnionType):
        return next((found for found in (_as(value, part) for part in parts) if found[0]), (False, value))
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts), value
    if origin is tuple:
        kinds = [parts[0]] * len(value) if isinstance(value, list) and parts[-1] is Ellipsis else list(parts)
        if not isinstance(value, list) or len(value) != len(kinds):
            return False, value
        items = [_as(item, kind) for item, kind in zip(value, kinds, strict=True)]
        return all(fits for fits, _ in items), tuple(item for _, item in items)
    if hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return fits, float(value) if fits else value
    if hint is Path:
        return isinstance(value, str), Path(value) if isinstance(value, str) else value
    return type(value) is hint, value


def _words(hint: Any) -> str:
    """What a type is called in a sentence."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _words(parts[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(part) for part in parts if part is not types.NoneType))
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin is tuple:
        return f"a list, each {_words(parts[0])},"
    return _NAMED.get(hint, "a path or a name" if hint is Any else str(getattr(hint, "__name__", hint)))
