"""What others add: recipes, cells and exporters, each by a name.

A name is known when its module was imported, or when an installed package declares it as an entry point. A path such as
`my_module:leaky` names what lies next to one's data; it is imported only where somebody has asked for it (`load`), never
because a run folder mentions it.
"""

import functools
import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from seqkit.core.bounds import nearest
from seqkit.core.errors import InputError

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by their names.

    Args:
        kind: What one of them is called, for complaints.
        group: The group of entry points.
        accept: Makes one of them of what a path or an entry point names.
    """

    def __init__(self, kind: str, group: str, accept: Callable[[Any], T]):
        self.kind, self.group, self._accept = kind, group, accept
        self._added: dict[str, T] = {}

    def add(self, name: str, thing: T, *, path: str = "") -> None:
        """Make a thing known.

        Args:
            path: Where it is, as an entry point has it: what a package declares may be added as it is imported.
        Raises:
            ValueError: The name is taken.
        """
        if name in self._added or (name in self._declared and self._declared[name].value != path):
            raise ValueError(f"A {self.kind} {name!r} is there already: choose another name.")
        self._added[name] = thing

    def discard(self, name: str) -> None:
        """Forget what was added under a name, if anything was."""
        self._added.pop(name, None)

    def names(self) -> dict[str, str]:
        """Each known name and where it comes from: a package with its version, or a module."""
        declared = {
            name: f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            for name, point in self._declared.items()
        }
        added = {name: getattr(thing, "__module__", "") for name, thing in self._added.items()}
        return added | declared

    def declares(self, name: str) -> bool:
        """Whether an installed package declares it, so that every process knows it by its name."""
        return name in self._declared

    def __contains__(self, name: object) -> bool:
        return name in self._added or name in self._declared or _imported(str(name)) is not None

    def find(self, name: str) -> T:
        """The thing of that name, where it is known.

        Raises:
            InputError: It isn't.
        """
        if name in self._added:
            return self._added[name]
        if name in self._declared:
            return self._accept(self._declared[name].load())
        if (thing := _imported(name)) is not None:
            return self._accept(thing)
        module = name.partition(":")[0] if ":" in name else "the module that has it"
        raise InputError(
            f"The {self.kind} {name!r} is not known here{nearest(name, self.names())} Or install the package that "
            f"declares it, or import {module} first (on the command line --import {module})."
        )

    def load(self, name: str) -> T:
        """As `find`; what a path names is imported first."""
        if ":" in name and name not in self:
            import_path(name)
        return self.find(name)

    @functools.cached_property
    def _declared(self) -> dict[str, importlib.metadata.EntryPoint]:
        return {point.name: point for point in importlib.metadata.entry_points(group=self.group)}


def import_path(path: str) -> Any:
    """What `module:name` names, or the module where there is no name; a module in the current folder is found too.

    Raises:
        InputError: There is no such module, or nothing of that name in it.
    """
    module, _, name = path.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.split(".")[0] == error.name.split(".")[0]:
            raise InputError(f"There is no module {module!r} to import: check the name, or install it.") from None
        raise InputError(f"{module} can't be imported ({error}): install what it needs.") from None
    if name and not hasattr(found, name):
        raise InputError(f"The module {module} has no {name!r}: check the name behind the colon.")
    return getattr(found, name) if name else found


def _imported(path: str) -> Any:
    """What `module:name` names, if the module was imported already."""
    module, colon, name = path.partition(":")
    return getattr(sys.modules.get(module), name, None) if colon else None


@dataclass(frozen=True)
class Recipe:
    """A recipe as a value.

    Attributes:
        name: By which the command line knows it.
        function: Trains; its signature has all its settings, with their defaults.
        tasks: What knows its runs: name in run.json -> a class as in `seqkit.runs.task`, or the path of one, so that nothing
            has to be imported to read the recipe's signature.
        description: One line.
        presets: Named settings: name -> arguments that take the place of the signature's defaults.
        first: The settings that matter most, such as "data" or "training.epochs": help shows these, a new project has them.
        settle: From the function's arguments to all of them by name, once they are checked as at its call.
    """

    name: str
    function: Callable[..., Any]
    tasks: Mapping[str, Any]
    description: str
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    first: Sequence[str] = ()
    settle: Callable[..., dict[str, Any]] = lambda **given: given

    @property
    def path(self) -> str:
        """Where it is, as `import_path` finds it."""
        return f"{self.function.__module__}:{self.function.__name__}"


def recipe_of(function: Any) -> Recipe:
    """The recipe that a function is.

    Raises:
        InputError: It is none.
    """
    found = getattr(function, "recipe", None)
    if not isinstance(found, Recipe):
        raise InputError(f"{function!r} is no recipe: write @seqkit.recipe(...) over it.")
    return found


def asked_as(recipe: Recipe) -> str:
    """What a command line or a file calls a recipe: its name where a package declares it, or else its path."""
    return recipe.name if recipes.declares(recipe.name) else recipe.path


def recipe_holding(name: str) -> Recipe:
    """The recipe that makes runs of a task, by the task's name in run.json.

    Raises:
        InputError: No known recipe does.
    """
    holders = [recipes.find(known) for known in ([name] if name in recipes else recipes.names())]
    holder = next((holder for holder in holders if name in holder.tasks), None)
    return recipes.find(name) if holder is None else holder  # which says that it isn't known


def task_class(name: str) -> Any:
    """The class of a task by its name in run.json.

    Raises:
        InputError: No known recipe has it.
    """
    task = recipe_holding(name).tasks[name]
    return import_path(task) if isinstance(task, str) else task


recipes: Registry[Recipe] = Registry("recipe", "seqkit.recipes", recipe_of)
cells: Registry[Any] = Registry("cell", "seqkit.cells", lambda cell: cell)
exporters: Registry[Callable[[Any], Sequence[Any]]] = Registry(
    "exporter", "seqkit.exporters", lambda exporter: exporter
)
