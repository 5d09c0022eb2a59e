"""Recipes as commands, of `train` and of `check`: flags come from their signatures."""

import dataclasses
import inspect
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import App, Parameter

import seqkit
from seqkit.cli.asked import Asked
from seqkit.cli.help_pages import in_help
from seqkit.cli.telling import next_steps, print_findings, steps_with_a_run
from seqkit.core.arguments import PLACES, hints_of
from seqkit.core.errors import InputError, check_finished
from seqkit.core.files import json_text
from seqkit.core.findings import refuse
from seqkit.core.progress import notify
from seqkit.core.registry import Recipe, asked_as, cells, recipes
from seqkit.core.settings import Stack
from seqkit.core.terminal import Terminal, shown
from seqkit.core.variations import load_cells, parsed_grid, parsed_ranges

Texts = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]

OUT = "The run folder; nothing for saved_models/ and the recipe's name."
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


def study_app(asked: Asked) -> App:
    """The command `study`, with the flags of `train`."""
    help_ = (
        "Train a recipe with several settings and seeds, each combination a run, and compare them; after any stop the same "
        "command goes on, and trains nothing twice."
    )
    return _app("study", help_, asked, _study)


def _app(name: str, help_: str, asked: Asked, command: Command) -> App:
    app = App(name=name, help=help_, help_format="markdown")
    for one in recipes.names() if asked.recipe is None else [asked.recipe]:
        made = command(recipes.load(one), asked)
        app.command(made, name=one, help_epilogue=None if asked.whole else f"{MORE} seqkit {name} {one} --help all")
    return app


def _train(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The recipe as a command: with the same arguments, it prints the scores and the folder at its end."""

    def train(*args: Any, budget: str | None = None, **kwargs: Any) -> None:
        """Train the recipe.

        Args:
            budget: A time, 90s, 10m or 1.5h, that sets how many epochs there are; in what is left other sizes and
                batches are tried. Settings that are given otherwise than the recipe has them stay.
        """
        given = _settled(recipe, asked, args, kwargs)
        _load_cells(asked, given)
        run = recipe.function(**given) if budget is None else seqkit.train_within(recipe.function, budget, **given)
        if "worker" in run.info:
            notify(f"Worker {run.info['worker']} is done; worker 0 makes the run of what they have learned.")
            return
        if run.report:
            Terminal().print(*run.tables())
        print(shown(str(run.path)))
        steps_with_a_run(run.path, generates=hasattr(run.task, "generate"), report=bool(run.report))
        check_finished(str(run.path), run.failed)

    return _command(train, recipe, asked, first=("budget",))


def _check(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The check of the recipe as a command: with the same arguments, it prints what is found."""

    def check(
        *args: Any,
        suspects: bool = False,
        json: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Check the recipe's data and settings.

        Args:
            suspects: Look for training rows whose label a linear model fitted on the other rows contradicts.
            json: Print a JSON list instead of sentences.
        """
        given = _settled(recipe, asked, args, kwargs, but=PLACES)
        _load_cells(asked, given)
        findings = seqkit.check(recipe.function, suspects=suspects, **given)
        if json:
            print(json_text([dataclasses.asdict(finding) for finding in findings]))
        else:
            print_findings(findings)
            count = len(findings)
            print(f"{count} {'finding' if count == 1 else 'findings'}" if findings else "Nothing was found.")
            next_steps("the same with seqkit train in place of seqkit check")
        if given.get("strict", False) if strict is None else strict:
            refuse(findings)

    return _command(check, recipe, asked, without=PLACES, first=("strict",))


def _prepare(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The preparation of the recipe's data as a command: with the arguments that are no settings of the model."""

    def prepare(
        *args: Any, engine: Literal["local", "ray"] = "local", address: str | None = None, **kwargs: Any
    ) -> None:
        """Prepare the recipe's data.

        Args:
            engine: Who makes ids of the texts: this process (local), or workers of ray, which all see the folder.
            address: Of a cluster of Ray; nothing for this machine's cores.
        """
        given = {"out": out} | _settled(recipe, asked, args, kwargs, but=("out", *without))
        made = seqkit.prepare(recipe.function, engine=engine, address=address, **given)
        print(shown(str(made)))
        next_steps(f"seqkit train {asked_as(recipe)} --data {shlex.quote(str(made))}")

    settings = [name for name, hint in hints_of(recipe.function).items() if dataclasses.is_dataclass(hint)]
    without = (*settings, *(name for name in PLACES if name not in ("out", "overwrite", "resume")))
    other_words = {
        OUT: "The folder of the prepared data.",
        "Go on with the interrupted run of `out`; where that stands, add what failed or was interrupted then.": (
            "Go on with the interrupted preparation of `out`."
        ),
    }
    out = Path("prepared") / recipe.name
    return _command(prepare, recipe, asked, without=without, first=("engine",), out=out, other_words=other_words)


def _study(recipe: Recipe, asked: Asked) -> Callable[..., None]:
    """The study of the recipe as a command."""

    def study(
        *args: Any,
        grid: Texts = (),
        ranges: Texts = (),
        seeds: int = 1,
        trials: int = 20,
        jobs: int = 1,
        **kwargs: Any,
    ) -> None:
        """Train the recipe with several settings and seeds.

        Args:
            grid: A setting and its values, stack.cell=lstm,gru; once a setting. 64+32 are units of two layers.
            ranges: A setting and its range, training.learning_rate=1e-4..1e-2, searched by Optuna; the best is trained with
                all seeds.
            seeds: How many seeds, from --seed on.
            trials: Of a search.
            jobs: Trainings side by side, each with its share of the cores.
        """
        given = {"out": out} | _settled(recipe, asked, args, kwargs, but=PLACES)
        _load_cells(asked, given)
        made = seqkit.Study(
            recipe.function,
            grid=parsed_grid(recipe.function, grid),
            ranges=parsed_ranges(recipe.function, ranges),
            seeds=seeds,
            trials=trials,
            jobs=jobs,
            **given,
        )
        found = made.run()
        if found is not None:
            Terminal().print(*found.tables(), sep="\n")
        print(shown(str(made.out)))
        page = ["open its comparison.html"] if found is not None else []
        next_steps(*page, "more values or seeds with the same command: trained runs stay")

    out = Path("saved_models") / "study"
    return _command(
        study,
        recipe,
        asked,
        without=[name for name in PLACES if name != "out"],
        first=("grid", "ranges", "seeds", "trials", "jobs"),
        out=out,
        other_words={OUT: "The folder of the study."},
    )


def _parameters(recipe: Recipe, asked: Asked) -> Mapping[str, inspect.Parameter]:
    """Those of its function, with the defaults of a preset or of a file."""
    given = asked.defaults(recipe)
    parameters = inspect.signature(recipe.function).parameters
    return {
        name: parameter.replace(default=given.get(name, parameter.default)) for name, parameter in parameters.items()
    }


def _settled(
    recipe: Recipe, asked: Asked, args: Sequence[Any], flags: Mapping[str, Any], *, but: Collection[str] = ()
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


def _load_cells(asked: Asked, given: Mapping[str, Any]) -> None:
    """Import the cells at paths that the command line or a seqkit.toml names; because a run mentions one nothing is."""
    file, said = asked.configuration, {word.rpartition("=")[2] for word in asked.arguments}
    if file is not None and file.of_run:
        for name, value in given.items():
            if isinstance(value, Stack) and ":" in value.cell and value.cell not in said and value.cell not in cells:
                raise InputError(
                    f"{file.path} names the cell {value.cell}, which no package declares: give --{name}.cell {value.cell} "
                    "too, so that its module is imported."
                )
    load_cells(given)


def _command(
    function: Callable[..., None],
    recipe: Recipe,
    asked: Asked,
    *,
    without: Collection[str] = (),
    first: Collection[str] = (),
    out: Path | None = None,
    other_words: Mapping[str, str] | None = None,
) -> Callable[..., None]:
    """A function with a recipe's arguments beside its own ones, which its docstring describes, as a command line reads them.

    Args:
        without: Arguments of the recipe that it hasn't.
        first: Arguments that help shows at first beside those that the recipe names.
        out: Where what it makes lies if nothing is said, which the function sees to; nothing for the recipe's own place.
        other_words: Words of the recipe's docstring, and those that stand in their place.
    """
    only, told = inspect.Parameter.KEYWORD_ONLY, get_type_hints(function, include_extras=True)
    taken = {name: one for name, one in _parameters(recipe, asked).items() if name not in without}
    if out is not None:
        taken["out"] = taken["out"].replace(default=out)
    own = {name: one for name, one in inspect.signature(function).parameters.items() if one.kind is only}
    own = {name: one.replace(annotation=told[name]) for name, one in own.items() if name not in taken}
    for name, hint in {"preset": str | None, "config": Path | None}.items():
        if name == "config" or recipe.presets:
            own[name] = inspect.Parameter(name, only, default=None, annotation=hint)
    hints = hints_of(recipe.function)
    typed = [*(one.replace(annotation=hints[name]) for name, one in taken.items()), *own.values()]
    listed = [in_help(one, recipe, whole=asked.whole, more=first) for one in typed]
    vars(function)["__signature__"] = inspect.Signature(listed)
    doc, said = inspect.getdoc(recipe.function) or "", _arguments_told(function) + CONFIG_HELP
    said += PRESET_HELP.format(", ".join(recipe.presets)) if recipe.presets else ""
    for words, others in (other_words or {}).items():
        doc = doc.replace(words, others)
    function.__annotations__ = {one.name: one.annotation for one in listed}
    function.__doc__ = doc.replace("\nReturns:", f"\n{said}\nReturns:")
    return function


def _arguments_told(function: Callable[..., None]) -> str:
    """Of its docstring what stands under Args, a line or more each."""
    return (inspect.getdoc(function) or "").partition("Args:\n")[2] + "\n"


PRESET_HELP = "    preset: Named settings, which are then the defaults of all others: {}.\n"
CONFIG_HELP = "    config: A seqkit.toml or a run.json, or the folder of one, whose settings are then the defaults.\n"
