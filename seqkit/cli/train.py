"""Recipes as commands: flags come from their signatures."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

from cyclopts import App

from seqkit.core.arguments import hints_of
from seqkit.core.errors import check_finished
from seqkit.core.registry import Recipe, cells, recipes
from seqkit.core.settings import Stack
from seqkit.core.terminal import Terminal, shown


def train_app(wanted: str | None) -> App:
    """The command `train`.

    Args:
        wanted: The recipe that is to be trained, a name or a path (my_module:spam), which is imported; None for all names.
    """
    app = App(
        name="train", help="Train a recipe: `seqkit train sentiment --help` lists its settings.", help_format="markdown"
    )
    known = recipes.names()
    path = wanted is not None and ":" in wanted
    for name in [wanted] if wanted is not None and (path or wanted in known) else known:
        app.command(_command(recipes.load(name)), name=name)
    return app


def _command(recipe: Recipe) -> Callable[..., None]:
    """The recipe as a command: with the same arguments, it prints the scores and the folder at its end."""

    @functools.wraps(recipe.function)
    def command(*args: Any, **kwargs: Any) -> None:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Stack) and ":" in value.cell:
                cells.load(value.cell)
        run = recipe.function(*args, **kwargs)
        if run.report:
            Terminal().print(*run.tables())
        print(shown(str(run.path)))
        check_finished(str(run.path), run.failed)

    defaults = {name: parameter.default for name, parameter in inspect.signature(recipe.function).parameters.items()}
    hints = hints_of(recipe.function)
    command.__annotations__ = {name: _with_defaults(hint, defaults[name]) for name, hint in hints.items()}
    return command


def _with_defaults(hint: Any, default: Any) -> Any:
    """A settings class with the recipe's own defaults, so that one flag of it leaves the others as the recipe has them."""
    if not (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
        return hint
    fields = [(field.name, field.type, getattr(default, field.name)) for field in dataclasses.fields(hint)]
    namespace = {"__doc__": hint.__doc__, "__module__": hint.__module__}
    return dataclasses.make_dataclass(hint.__name__, fields, bases=(hint,), namespace=namespace, frozen=True)
