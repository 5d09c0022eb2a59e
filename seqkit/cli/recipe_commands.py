"""Recipes as commands, of `train` and of `check`: flags come from their signatures."""

import dataclasses
import inspect
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

import seqkit
from seqkit.cli.asked import Asked
from seqkit.cli.help_pages import in_help
from seqkit.cli.telling import next_steps, print_findings, steps_with_a_run
from seqkit.core.arguments import hints_of
from seqkit.core.errors import check_finished
from seqkit.core.files import json_text
from seqkit.core.findings import refuse
from seqkit.core.progress import notify
from seqkit.core.registry import Recipe, cells, recipes
from seqkit.core.settings import Stack
from seqkit.core.terminal import Terminal, shown
from seqkit.core.variations import parsed_grid, parsed_ranges

Texts = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]

MORE = "These are the settings that matter most. All of them:"
Command = Callable[[Recipe, Asked], Callable[..., None]]


def train_app(asked: Asked) -> App:
    """The command `train`."""
    help_ = (
        "Train a recipe: `seqkit train sentiment --help` lists its settings. `seqkit train DIR`, or `--config FILE`, trains "
        "by the settings of a seqkit.toml, which `seqkit new` writes, or of a run.json."
    )
    return _app("train", help_, asked, _train)


def check_app(asked: Asked) -> App:
    """The command `check`, with the flags of `train`."""
    help_ = (
        "Check a recipe's data and settings, and train nothing: what is found, the most harmful first, where it is and what "
        "to do. `--strict` ends with status 2 where there is an error or a warning."
    )
    return _app("check", help_, asked, _check)


def prepare_app(asked: Asked) -> App:
    """The command `prepare`, with the flags of `train` that are about data."""
    help_ = (
        "Prepare a recipe's data, however much it is: text becomes token ids on disk, from which the recipe trains "
        "(`--data`) as from the data itself, with the same ids, batches and weights."
    )
    return _app("prepare", help_, asked, _prepare)


def _app(name: str, help_: str, asked: Asked, command: Command) -> App:
    app = App(name=name, help=help_, help_format="markdown")
    for one in recipes.names() if asked.recipe is None else [asked.recipe]:
        made = command(recipes.load(one), asked)
        app.command(made, name=one, help_epilogue=None if asked.whole else f"{MORE} seqkit {name} {one} --help all")
    return app


def _train(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The recipe as a command: with the same arguments, it prints the scores and the folder at its end."""

    def train(*args: Any, budget: str | None = None, **kwargs: Any) -> None:
        _load_cells((*args, *kwargs.values()))
        given = _settled(recipe, asked, args, kwargs, but=())
        run = recipe.function(**given) if budget is None else seqkit.train_within(recipe.function, budget, **given)
        if "worker" in run.info:
            notify(f"Worker {run.info['worker']} is done; worker 0 makes the run of what they have learned.")
            return
        if run.report:
            Terminal().print(*run.tables())
        print(shown(str(run.path)))
        steps_with_a_run(run.path, generates=hasattr(run.task, "generate"), report=bool(run.report))
        check_finished(str(run.path), run.failed)

    own = inspect.signature(train).parameters["budget"]
    return _command(train, recipe, asked, [*_parameters(recipe, asked).values(), own], ("budget",))


def _check(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The check of the recipe as a command: with the same arguments, it prints what is found."""

    def check(
        *args: Any,
        suspects: bool = False,
        json: bool = False,
        strict: bool = False,
        **kwargs: Any,
    ) -> None:
        _load_cells((*args, *kwargs.values()))
        given = _settled(recipe, asked, args, kwargs, but=UNCHECKED)
        findings = seqkit.check(recipe.function, suspects=suspects, **given)
        if json:
            print(json_text([dataclasses.asdict(finding) for finding in findings]))
        else:
            print_findings(findings)
            count = len(findings)
            print(f"{count} {'finding' if count == 1 else 'findings'}" if findings else "Nothing was found.")
            next_steps("the same with seqkit train in place of seqkit check")
        if strict:
            refuse(findings)

    kept = [parameter for name, parameter in _parameters(recipe, asked).items() if name not in UNCHECKED]
    own = [parameter for parameter in inspect.signature(check).parameters.values() if parameter.name in CHECKS]
    return _command(check, recipe, asked, [*kept, *own], ("strict",))


def _prepare(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The preparation of the recipe's data as a command: with the arguments that are no settings of the model."""

    def prepare(*args: Any, **kwargs: Any) -> None:
        given = _settled(recipe, asked, args, kwargs, but=("out", *left_out))
        made = seqkit.prepare(recipe.function, **given)
        print(shown(str(made)))
        next_steps(f"seqkit train {recipe.name} --data {shlex.quote(str(made))}")

    settings = [name for name, hint in hints_of(recipe.function).items() if dataclasses.is_dataclass(hint)]
    left_out = ("callbacks", "extend_epochs", "workers", "worker", *settings)
    kept = [
        parameter.replace(default=Path("prepared") / recipe.name) if name == "out" else parameter
        for name, parameter in _parameters(recipe, asked).items()
        if name not in left_out
    ]
    command = _command(prepare, recipe, asked, kept)
    for said, here in PREPARED.items():
        command.__doc__ = (command.__doc__ or "").replace(said, here)
    return command


PREPARED = {  # of what a training takes, as a preparation takes it
    "The run folder; nothing for saved_models/ and the recipe's name.": "The folder of the prepared data.",
    "Go on with the interrupted run of `out`; where that stands, add what failed or was interrupted then.": (
        "Go on with the interrupted preparation of `out`."
    ),
}


def study_app(asked: Asked) -> App:
    """The command `study`, with the flags of `train`."""
    help_ = (
        "Train a recipe with several settings and seeds, each combination a run, and compare them; after any stop the same "
        "command goes on, and trains nothing twice."
    )
    return _app("study", help_, asked, _study)


def _study(recipe: Recipe, asked: Asked) -> Callable[..., None]:
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
        made = seqkit.Study(
            recipe.function,
            grid=parsed_grid(recipe.function, grid),
            search=parsed_ranges(recipe.function, search),
            seeds=seeds,
            trials=trials,
            jobs=jobs,
            **_settled(recipe, asked, args, kwargs, but=("out", *UNSTUDIED)),
        )
        found = made.run()
        if found is not None:
            Terminal().print(*found.tables(), sep="\n")
        print(shown(str(made.out)))

    kept = [
        parameter.replace(default=Path("saved_models") / "study") if name == "out" else parameter
        for name, parameter in _parameters(recipe, asked).items()
        if name not in UNSTUDIED
    ]
    own = [parameter for parameter in inspect.signature(study).parameters.values() if parameter.name in STUDIES]
    command = _command(study, recipe, asked, [*kept, *own], tuple(STUDIES))
    command.__doc__ = (command.__doc__ or "").replace(
        "The run folder; nothing for saved_models/ and the recipe's name.", "The folder of the study."
    )
    return command


UNSTUDIED = ("overwrite", "resume", "extend_epochs", "workers", "worker", "callbacks", "search")
STUDIES = {"grid": Texts, "search": Texts, "seeds": int, "trials": int, "jobs": int}
STUDY_HELP = """    grid: A setting and its values, stack.cell=lstm,gru; once a setting. 64+32 are units of two layers.
    search: A setting and its range, training.learning_rate=1e-4..1e-2, searched by Optuna; the best is trained with all
        seeds.
    seeds: How many seeds, from --seed on.
    trials: Of a search.
    jobs: Trainings side by side, each with its share of the cores.
"""


UNCHECKED = (
    "out",
    "overwrite",
    "resume",
    "extend_epochs",
    "workers",
    "worker",
    "callbacks",
)  # what a check does without
CHECKS = ("suspects", "json")
CHECK_HELP = """    suspects: Look for training rows whose label a linear model fitted on the other rows contradicts.
    json: Print a JSON list instead of sentences.
"""


def _parameters(recipe: Recipe, asked: Asked) -> Mapping[str, inspect.Parameter]:
    """Those of its function, with the defaults of a preset or of a file."""
    given = asked.defaults(recipe)
    parameters = inspect.signature(recipe.function).parameters
    return {
        name: parameter.replace(default=given.get(name, parameter.default)) for name, parameter in parameters.items()
    }


BUDGET_HELP = """    budget: A time, 90s, 10m or 1.5h, that sets how many epochs there are; in what is left other sizes and
        batches are tried. Settings that are given stay.
"""
PRESET_HELP = "    preset: Named settings, which are then the defaults of all others: {}.\n"
CONFIG_HELP = "    config: A seqkit.toml or a run.json, or the folder of one, whose settings are then the defaults.\n"


def _settled(
    recipe: Recipe, asked: Asked, args: Sequence[Any], flags: Mapping[str, Any], *, but: Collection[str]
) -> dict[str, Any]:
    """The recipe's arguments: what was given, over what a preset or a file says.

    Args:
        but: Arguments of which a preset or a file is not asked.
    """
    given = dict(zip(inspect.signature(recipe.function).parameters, args, strict=False)) | dict(flags)
    if asked.configuration is not None:
        asked.configuration.missing(given)
    said = {name: value for name, value in asked.defaults(recipe).items() if name not in but}
    return said | {name: value for name, value in given.items() if name not in ("preset", "config")}


def _load_cells(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, Stack) and ":" in value.cell:
            cells.load(value.cell)


def _command(
    function: Callable[..., None],
    recipe: Recipe,
    asked: Asked,
    parameters: Sequence[inspect.Parameter],
    more: Collection[str] = (),
) -> Callable[..., None]:
    """A function with a recipe's arguments, as a command line reads them.

    Args:
        more: Arguments that help shows at first beside those that the recipe names.
    """
    hints = hints_of(recipe.function) | dict.fromkeys(CHECKS, bool) | {"preset": str | None, "config": Path | None}
    hints |= {"budget": str | None}
    hints |= STUDIES if "jobs" in [parameter.name for parameter in parameters] else {}
    for name in ("preset", "config") if recipe.presets else ("config",):
        parameters = [*parameters, inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)]
    typed = [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters]
    own = [in_help(parameter, recipe, whole=asked.whole, more=more) for parameter in typed]
    names = [parameter.name for parameter in own]
    vars(function)["__signature__"] = inspect.Signature(own)
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in own}
    doc = inspect.getdoc(recipe.function) or ""
    own_help = {"json": CHECK_HELP, "jobs": STUDY_HELP, "budget": BUDGET_HELP}
    said = "".join(text for name, text in own_help.items() if name in names) + CONFIG_HELP
    said += PRESET_HELP.format(", ".join(recipe.presets)) if recipe.presets else ""
    function.__doc__ = doc.replace("\nReturns:", f"\n{said}\nReturns:")
    return function
