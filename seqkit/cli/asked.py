"""What a command line asks of a recipe before its flags are read: which recipe, and whose settings are the defaults."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqkit.core.arguments import preset as preset_of
from seqkit.core.bounds import nearest
from seqkit.core.configuration import Configuration
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.registry import Recipe, recipes

SETTINGS = (".toml", ".json")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `seqkit train ...` and its kin are about.

    Attributes:
        arguments: The command line, its recipe by name: in place of a folder's, or of none, what the file names.
        recipe: A name or a path (my_module:spam), which is imported; None for all names.
        preset: Whose settings are the defaults.
        configuration: The file whose settings are, over these.
        whole: Whether help is to show all settings.
    """

    arguments: Sequence[str]
    recipe: str | None = None
    preset: str | None = None
    configuration: Configuration | None = None
    whole: bool = False

    def defaults(self, recipe: Recipe) -> dict[str, Any]:
        """The recipe's arguments that take the place of its own defaults."""
        if self.configuration is not None:
            return self.configuration.arguments(recipe, under=self.preset)
        return {} if self.preset is None else preset_of(recipe.function, self.preset)


def asked(arguments: Sequence[str]) -> Asked:
    """Read what train, check or prepare is to be about.

    Raises:
        InputError: There is no such recipe, folder or file; or the file is of another recipe.
    """
    given = _without_all(arguments)
    whole = given != list(arguments)
    command, *rest = given
    config = _value_of("--config", rest)
    first = rest[0] if rest and not rest[0].startswith("-") else None
    known = recipes.names()
    if first is not None and first not in known and ":" not in first:
        if not Path(first).exists():
            raise InputError(f"There is no recipe {first!r}, and no folder or file of that name{nearest(first, known)}")
        if Path(first).is_file() and Path(first).suffix not in SETTINGS:
            raise InputError(
                f"{first} is no recipe and no file of settings: name the recipe first (seqkit {command} text_classification "
                f"{first}), or let seqkit new DIR --data {first} look at it."
            )
        if config is not None:
            raise InputError(f"{first} and --config {config} are both given: give one of them.")
        rest, config, first = ["--config", first, *rest[1:]], first, None
    elif first is not None and Path(first, "seqkit.toml").exists():
        notify(f"{first} is taken for the recipe: write ./{first} for the folder with its seqkit.toml.")
    preset = _value_of("--preset", rest)
    if config is None:
        return Asked(given, first, preset, whole=whole)
    name = None if first is None else recipes.load(first).name  # imports a path: a run.json has the name alone
    read = Configuration.read(Path(config))
    recipe = first or read.recipe
    if recipe is None:
        raise InputError(f'{read.path} names no recipe: write recipe = "tagging", or another one, into its first line.')
    if first is not None and read.recipe not in (None, first, name):
        raise InputError(f"{read.path} is of the recipe {read.recipe}, not of {recipe}: leave {recipe} out.")
    if recipe not in known and ":" not in recipe:
        raise InputError(f"{read.path}: there is no recipe {recipe!r}{nearest(recipe, known)}")
    return Asked([command, recipe, *rest[0 if first is None else 1 :]], recipe, preset, read, whole)


def _without_all(arguments: Sequence[str]) -> list[str]:
    """The arguments with --help in place of --help all, or --help-all."""
    words: list[str] = []
    for word in arguments:
        if word == "all" and words[-1:] == ["--help"]:
            continue
        words.append("--help" if word == "--help-all" else word)
    return words


def _value_of(flag: str, arguments: Sequence[str]) -> str | None:
    """What a command line gives a flag that decides what the other flags are, or what their defaults are."""
    for place, argument in enumerate(arguments):
        if argument.startswith(f"{flag}="):
            return argument.partition("=")[2]
        if argument == flag and place + 1 < len(arguments):
            return arguments[place + 1]
    return None
