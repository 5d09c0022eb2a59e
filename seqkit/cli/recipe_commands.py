"""Recipes as commands, of `train` and of `check`: flags come from their signatures."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

import seqkit
from seqkit.core.arguments import hints_of
from seqkit.core.arguments import preset as preset_of
from seqkit.core.errors import check_finished
from seqkit.core.files import json_text
from seqkit.core.findings import refuse
from seqkit.core.progress import notify
from seqkit.core.registry import Recipe, cells, recipes
from seqkit.core.settings import Stack
from seqkit.core.terminal import Terminal, shown
from seqkit.core.variations import parsed_grid, parsed_ranges

Texts = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]


def train_app(wanted: str | None, preset: str | None = None) -> App:
    """The command `train`.

    Args:
        wanted: The recipe that is to be trained, a name or a path (my_module:spam), which is imported; None for all names.
        preset: Whose settings are the defaults.
    """
    return _app("train", "Train a recipe: `seqkit train sentiment --help` lists its settings.", wanted, _train, preset)


def check_app(wanted: str | None, preset: str | None = None) -> App:
    """The command `check`, with the flags of `train`.

    Args:
        wanted, preset: As for `train_app`.
    """
    help_ = (
        "Check a recipe's data and settings, and train nothing: what is found, the most harmful first, where it is and what "
        "to do. `--strict` ends with status 2 where there is an error or a warning."
    )
    return _app("check", help_, wanted, _check, preset)


def prepare_app(wanted: str | None, preset: str | None = None) -> App:
    """The command `prepare`, with the flags of `train` that are about data.

    Args:
        wanted, preset: As for `train_app`.
    """
    help_ = (
        "Prepare a recipe's data, however much it is: text becomes token ids on disk, from which the recipe trains "
        "(`--data`) as from the data itself, with the same ids, batches and weights."
    )
    return _app("prepare", help_, wanted, _prepare, preset)


def _app(
    name: str,
    help_: str,
    wanted: str | None,
    command: Callable[[Recipe, str | None], Callable[..., None]],
    preset: str | None,
) -> App:
    app = App(name=name, help=help_, help_format="markdown")
    known = recipes.names()
    path = wanted is not None and ":" in wanted
    for one in [wanted] if wanted is not None and (path or wanted in known) else known:
        app.command(command(recipes.load(one), preset), name=one)
    return app


def _train(recipe: Recipe, preset: str | None) -> Callable[..., None]:
    """The recipe as a command: with the same arguments, it prints the scores and the folder at its end."""

    def train(*args: Any, **kwargs: Any) -> None:
        _load_cells((*args, *kwargs.values()))
        run = recipe.function(*args, **_settled(recipe, kwargs))
        if "worker" in run.info:
            notify(f"Worker {run.info['worker']} is done; worker 0 makes the run of what they have learned.")
            return
        if run.report:
            Terminal().print(*run.tables())
        print(shown(str(run.path)))
        check_finished(str(run.path), run.failed)

    return _command(train, recipe, list(_parameters(recipe, preset).values()))


def _check(recipe: Recipe, preset: str | None) -> Callable[..., None]:
    """The check of the recipe as a command: with the same arguments, it prints what is found."""

    def check(
        *args: Any,
        suspects: bool = False,
        json: bool = False,
        strict: bool = False,
        **kwargs: Any,
    ) -> None:
        _load_cells((*args, *kwargs.values()))
        findings = seqkit.check(recipe.function, *args, suspects=suspects, **_settled(recipe, kwargs))
        if json:
            print(json_text([dataclasses.asdict(finding) for finding in findings]))
        else:
            for finding in findings:
                Terminal().print(f"{finding.harm} ({finding.kind}): {finding.what}. {finding.advice}")
                Terminal(soft_wrap=True).print(*(f"    {line}" for line in finding.listed()), sep="\n")
            count = len(findings)
            print(f"{count} {'finding' if count == 1 else 'findings'}" if findings else "Nothing was found.")
        if strict:
            refuse(findings)

    left_out = ("out", "overwrite", "resume", "extend_epochs", "workers", "worker", "callbacks")
    kept = [parameter for name, parameter in _parameters(recipe, preset).items() if name not in left_out]
    own = [parameter for parameter in inspect.signature(check).parameters.values() if parameter.name in CHECKS]
    return _command(check, recipe, [*kept, *own])


def _prepare(recipe: Recipe, preset: str | None) -> Callable[..., None]:
    """The preparation of the recipe's data as a command: with the arguments that are no settings of the model."""

    def prepare(*args: Any, **kwargs: Any) -> None:
        print(shown(str(seqkit.prepare(recipe.function, *args, **_settled(recipe, kwargs)))))

    hints = hints_of(recipe.function)
    kept = [
        parameter.replace(default=Path("prepared") / recipe.name) if name == "out" else parameter
        for name, parameter in _parameters(recipe, preset).items()
        if name not in ("callbacks", "extend_epochs", "workers", "worker") and not dataclasses.is_dataclass(hints[name])
    ]
    command = _command(prepare, recipe, kept)
    for said, here in PREPARED.items():
        command.__doc__ = (command.__doc__ or "").replace(said, here)
    return command


PREPARED = {  # of what a training takes, as a preparation takes it
    "The run folder; nothing for saved_models/ and the recipe's name.": "The folder of the prepared data.",
    "Go on with the interrupted run of `out`; where that stands, add what failed or was interrupted then.": (
        "Go on with the interrupted preparation of `out`."
    ),
}


def study_app(wanted: str | None, preset: str | None = None) -> App:
    """The command `study`, with the flags of `train`.

    Args:
        wanted, preset: As for `train_app`.
    """
    help_ = (
        "Train a recipe with several settings and seeds, each combination a run, and compare them; after any stop the same "
        "command goes on, and trains nothing twice."
    )
    return _app("study", help_, wanted, _study, preset)


def _study(recipe: Recipe, preset: str | None) -> Callable[..., None]:
    """The study of the recipe as a command."""

    def study(
        *args: Any,
        grid: tuple[str, ...] = (),
        search: tuple[str, ...] = (),
        seeds: int = 1,
        trials: int = 20,
        jobs: int = 1,
        **kwargs: Any,
    ) -> None:
        _load_cells((*args, *kwargs.values()))
        given = _settled(recipe, kwargs)
        made = seqkit.Study(
            recipe.function,
            *args,
            grid=parsed_grid(recipe.function, grid),
            search=parsed_ranges(recipe.function, search),
            seeds=seeds,
            trials=trials,
            jobs=jobs,
            **given,
        )
        found = made.run()
        if found is not None:
            Terminal().print(*found.tables(), sep="\n")
        print(shown(str(made.out)))

    kept = [
        parameter.replace(default=Path("saved_models") / "study") if name == "out" else parameter
        for name, parameter in _parameters(recipe, preset).items()
        if name not in ("overwrite", "resume", "extend_epochs", "workers", "worker", "callbacks", "search")
    ]
    own = [parameter for parameter in inspect.signature(study).parameters.values() if parameter.name in STUDIES]
    command = _command(study, recipe, [*kept, *own])
    command.__doc__ = (command.__doc__ or "").replace(
        "The run folder; nothing for saved_models/ and the recipe's name.", "The folder of the study."
    )
    return command


STUDIES = {"grid": Texts, "search": Texts, "seeds": int, "trials": int, "jobs": int}
STUDY_HELP = """    grid: A setting and its values, stack.cell=lstm,gru; once a setting. 64+32 are units of two layers.
    search: A setting and its range, training.learning_rate=1e-4..1e-2, searched by Optuna; the best is trained with all
        seeds.
    seeds: How many seeds, from --seed on.
    trials: Of a search.
    jobs: Trainings side by side, each with its share of the cores.
"""
CHECKS = ("suspects", "json")
CHECK_HELP = """    suspects: Look for training rows whose label a linear model fitted on the other rows contradicts.
    json: Print a JSON list instead of sentences.
"""


def _parameters(recipe: Recipe, preset: str | None) -> Mapping[str, inspect.Parameter]:
    """Those of its function, with the defaults of a preset."""
    given = {} if preset is None else preset_of(recipe.function, preset)
    parameters = inspect.signature(recipe.function).parameters
    return {
        name: parameter.replace(default=given.get(name, parameter.default)) for name, parameter in parameters.items()
    }


PRESET_HELP = "    preset: Named settings, which are then the defaults of all others: {}.\n"


def _settled(recipe: Recipe, given: dict[str, Any]) -> dict[str, Any]:
    """What was given, over what a preset says."""
    rest = dict(given)
    name = rest.pop("preset", None)
    return rest if name is None else preset_of(recipe.function, name) | rest


def asked_preset(arguments: Sequence[str]) -> str | None:
    """The preset that a command line asks for, which decides what the other flags' defaults are."""
    for place, argument in enumerate(arguments):
        if argument.startswith("--preset="):
            return argument.partition("=")[2]
        if argument == "--preset" and place + 1 < len(arguments):
            return arguments[place + 1]
    return None


def _load_cells(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, Stack) and ":" in value.cell:
            cells.load(value.cell)


def _command(
    function: Callable[..., None], recipe: Recipe, parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """A function with a recipe's arguments, as a command line reads them."""
    hints = hints_of(recipe.function) | dict.fromkeys(CHECKS, bool) | {"preset": str | None}
    hints |= STUDIES if "jobs" in [parameter.name for parameter in parameters] else {}
    if recipe.presets:
        named = inspect.Parameter("preset", inspect.Parameter.KEYWORD_ONLY, default=None)
        parameters = [*parameters, named]
    own = [_with_defaults(parameter.replace(annotation=hints[parameter.name])) for parameter in parameters]
    names = [parameter.name for parameter in own]
    vars(function)["__signature__"] = inspect.Signature(own)
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in own}
    doc = inspect.getdoc(recipe.function) or ""
    more = (CHECK_HELP if "json" in names else STUDY_HELP if "jobs" in names else "") + (
        PRESET_HELP.format(", ".join(recipe.presets)) if recipe.presets else ""
    )
    function.__doc__ = doc.replace("\nReturns:", f"\n{more}\nReturns:") if more else doc
    return function


def _with_defaults(parameter: inspect.Parameter) -> inspect.Parameter:
    """One whose settings class has the recipe's own defaults, so that one flag of it leaves the others as the recipe has
    them; its default is of that class, which pydantic, where a process has it, looks at.
    """
    hint, default = parameter.annotation, parameter.default
    if not (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
        return parameter
    fields = [(field.name, field.type, getattr(default, field.name)) for field in dataclasses.fields(hint)]
    namespace = {"__doc__": hint.__doc__, "__module__": hint.__module__}
    own: Any = dataclasses.make_dataclass(hint.__name__, fields, bases=(hint,), namespace=namespace, frozen=True)
    return parameter.replace(annotation=own, default=own())
