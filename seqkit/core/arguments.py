"""What every recipe's arguments share: the common ones, said once; their bounds; and what is refused as it does nothing."""

import dataclasses
import functools
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, TypedDict, TypeVar, cast, get_type_hints

from cyclopts import Parameter

from seqkit.core.bounds import at_least, check_seed
from seqkit.core.errors import InputError
from seqkit.core.registry import Recipe, recipe_of, recipes
from seqkit.core.settings import SPECIAL
from seqkit.core.typed import check_types

Part = Literal["training", "source", "answers", "place"]


@dataclasses.dataclass(frozen=True)
class Plays:
    """What an argument plays a part in, as a mark of its type, or of its settings class (`plays`).

    It is in "training" where nothing says otherwise; a "source" by what is read from it; in "answers" and scores alone; or
    it is the "place" and the way in which a run is made. An interrupted run can be resumed with other answers and places,
    and with other sources of the same rows.
    """

    part: Part


Source = Annotated[Any, Parameter(converter=lambda type_, tokens: tokens[0].value, n_tokens=1), Plays("source")]
RunFolder = Annotated[Path | str | None, Plays("source")]
RunFolders = Annotated[tuple[Path | str, ...], Parameter(negative="", consume_multiple=True), Plays("source")]
Callbacks = Annotated[Sequence[Any], Parameter(parse=False), Plays("place")]
Arguments = Mapping[str, Any]

# Of a run, not of what it learns.
PLACES = ("out", "overwrite", "resume", "extend_epochs", "workers", "worker", "callbacks")
FIRST = ("test", "out", "training.epochs", "training.batch_size", "training.learning_rate")
MOST = 9  # settings that matter most, beside the data

# whether settings are those of a run, for its rows alone: an older version may have trained it with what is refused now
as_recorded: ContextVar[bool] = ContextVar("as_recorded", default=False)

P = ParamSpec("P")
R = TypeVar("R")


def beside_start(given: Arguments) -> dict[str, str]:
    """Settings that count for nothing beside `start_from`, or without it -> what makes it so."""
    alone = {} if given.get("unlabelled") is not None else {"pretraining": "a training without unlabelled texts"}
    if given["start_from"] is None and alone:
        return alone | {"fine_tuning": "a model that starts from no language model (start_from)"}
    if given["start_from"] is None:
        return {"embedding.vectors": "a model that starts from a language model (unlabelled)"}
    brought = ("unit", "lowercase", "vocabulary_size", "min_count", "embedding.vectors")
    return alone | dict.fromkeys(brought, "start_from, whose language model brings its own,")


def without_attention(given: Arguments) -> dict[str, str]:
    """What a decoder that looks at one vector alone has no use for -> what makes it so."""
    looks = given["attention"].kind != "none"
    of_looks = ("training.attention_penalty", "search.coverage_penalty")
    return {} if looks else dict.fromkeys(of_looks, "a model without attention")


class RunOptions(TypedDict, total=False):
    """What every recipe takes beside its own arguments, as `**run: Unpack[RunOptions]`.

    Attributes:
        valid: Validation data of the same kind; nothing for a tenth of the training data: a seeded one, of a running text
            the last, of built-in data what it has.
        test: Test data of the same kind, for the report; nothing for a report on the validation data, which says so.
        out: The run folder; nothing for saved_models/ and the recipe's name.
        data_dir: Where TFDS keeps prepared data sets.
        seed: Seed of everything random.
        overwrite: Replace `out` if it exists.
        resume: Go on with the interrupted run of `out`; where that stands, add what failed or was interrupted then. "auto"
            for that where there is one, and otherwise anew: so that a job that is sent again goes on.
        extend_epochs: Go on from the end of the finished run of `out`, whose schedule has to be constant, for so many
            epochs, and replace it.
        strict: Refuse data in which the check finds an error or a warning, which are otherwise said.
        workers: Processes that train together, "host:port,host:port"; nothing for what TF_CONFIG or SLURM's step says.
        worker: Which of them this one is, from 0 on; nothing for what an Indexed Job of Kubernetes, or SLURM, says.
        callbacks: Keras callbacks.
    Example:
        >>> from seqkit.recipes import sentiment
        >>> options: seqkit.RunOptions = {"valid": "others.tsv", "out": "reviews", "seed": 3, "strict": True}
        >>> seqkit.check(sentiment, "rows.tsv", **options)  # nothing is wrong with these rows
        []
    """

    valid: Source
    test: Source
    out: Annotated[Path | str, Plays("place")]
    data_dir: Annotated[str | None, Plays("source")]
    seed: int
    overwrite: Annotated[bool, Plays("place")]
    resume: Annotated[bool | Literal["auto"], Plays("place")]
    extend_epochs: Annotated[int, Plays("place")]
    strict: Annotated[bool, Plays("place")]
    workers: Annotated[str | None, Plays("place")]
    worker: Annotated[int | None, Plays("place")]
    callbacks: Callbacks


_DEFAULTS: dict[str, Any] = {
    "valid": None,
    "test": None,
    "out": None,
    "data_dir": None,
    "seed": 0,
    "overwrite": False,
    "resume": False,
    "extend_epochs": 0,
    "strict": False,
    "workers": None,
    "worker": None,
    "callbacks": (),
}


def recipe(
    *,
    task: Any,
    tasks: Arguments | None = None,
    least: Mapping[str, float] | None = None,
    reads: Collection[str] | Callable[[Arguments], Collection[str]] = (),
    unread: Callable[[Arguments], Mapping[str, str]] = lambda arguments: {},
    presets: Mapping[str, Arguments] | None = None,
    first: Sequence[str] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a recipe of a function: with the arguments of `RunOptions` in its signature and help, known by its name.

    Args:
        task: A class as in `seqkit.runs.task`, or the path of one ("module:Class"), so that the command line can read the
            signature before TensorFlow is there.
        tasks: Further ones by their names, where one recipe makes runs of several kinds.
        least: Argument -> the least that it may be; `seed` and `extend_epochs` are looked at anyway.
        reads: Which of `seqkit.core.settings.SPECIAL` the recipe reads, such as "training.ar"; or a function that says so
            from all arguments. Any other that is not left at its default is refused.
        unread: From all arguments to those that count for nothing beside the others: setting -> what makes it so.
        presets: Named settings: name -> arguments in place of the defaults (`preset`; on the command line --preset NAME).
        first: The settings that matter most, ten at most, which help shows first: "data", "training.epochs"; nothing for
            the recipe's own, the data, the place and the epochs.
    Example:
        >>> @seqkit.recipe(task="spam:Spam", reads=seqkit.CLASSES)
        ... def spam(data: seqkit.Source, *, stack: Stack = Stack(), **run: Unpack[seqkit.RunOptions]):
        ...     "Tell spam from other mail."
        >>> spam.recipe.name, spam.recipe.description
        ('spam', 'Tell spam from other mail.')
    """

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__name__
        hints = get_type_hints(RunOptions, include_extras=True)
        defaults = _DEFAULTS | {"out": Path("saved_models") / name}
        made: Callable[..., R] = function  # called with all that the signature holds, by name
        signature = _signature(function, defaults, hints)

        def settle(*args: Any, **kwargs: Any) -> dict[str, Any]:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = check_types(hints_of(run), bound.arguments)
            if not as_recorded.get():
                _check_least(given, least or {})
                special = _special(name, reads(given) if callable(reads) else reads)
                _refuse_unread(signature, given, special | dict(unread(given)))
            return given

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            return made(**settle(*args, **kwargs))

        run.__annotations__ = {
            **{key: hint for key, hint in function.__annotations__.items() if key != _rest_of(function)},
            **{option: hints[option] for option in defaults},
        }
        run.__doc__ = _with_common(inspect.getdoc(function) or "")
        line = (run.__doc__.strip().splitlines() or [""])[0]
        known = Recipe(
            name, run, {name: task, **(tasks or {})}, line, presets or {}, first or _first(signature), settle
        )
        vars(run).update(__signature__=signature, recipe=known)
        recipes.add(name, known, path=f"{function.__module__}:{name}")
        return run

    return declare


def as_in(known: Callable[P, R]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function the arguments of a recipe, with what is said of them, so that it is that recipe by another name."""
    inner: Any = inspect.unwrap(known)

    def give(function: Callable[..., R]) -> Callable[P, R]:
        made: Any = function
        made.__signature__, made.__annotations__ = inspect.signature(inner), dict(inner.__annotations__)
        made.__wrapped__ = inner  # in whose module the types are
        (said, own), (doc, _) = (_apart(inspect.getdoc(one) or "") for one in (function, inner))
        made.__doc__ = f"{said}\n\n{doc.partition(chr(10))[2].lstrip()}\n{own}"
        return cast(Callable[P, R], made)

    return give


def _apart(doc: str) -> tuple[str, str]:
    """A docstring, and its example."""
    said, title, example = doc.partition("\nExample:\n")
    return said.rstrip(), title.lstrip() + example


def _signature(function: Callable[..., Any], defaults: Arguments, hints: Arguments) -> inspect.Signature:
    """A recipe's own arguments and the common ones."""
    bare = inspect.signature(function)
    own = [parameter for parameter in bare.parameters.values() if parameter.kind != _REST]
    common = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=hints[option])
        for option, value in defaults.items()
    ]
    return inspect.Signature([*own, *common], return_annotation=bare.return_annotation)


def _check_least(given: Arguments, least: Mapping[str, float]) -> None:
    check_seed("seed", given["seed"])
    for argument, bound in {"extend_epochs": 0, **least}.items():
        at_least(argument, given[argument], bound)


def _special(name: str, read: Collection[str]) -> dict[str, str]:
    """The settings that only some recipes read, and this one doesn't -> that it doesn't."""
    return {setting: f"the recipe {name}" for setting in SPECIAL if setting not in read}


def preset(recipe: Callable[..., Any], name: str) -> dict[str, Any]:
    """Named settings of a recipe, as arguments: `language_model(data, **preset(language_model, "awd-lstm"))`.

    Raises:
        InputError: The recipe has none of that name.
    Example:
        >>> from seqkit.recipes import language_model
        >>> settings = seqkit.preset(language_model, "awd-lstm")
        >>> settings["stack"].units, settings["training"].weight_drop
        ((1150, 1150, 400), 0.5)
    """
    known = recipe_of(recipe)
    if name not in known.presets:
        listed = ", ".join(known.presets) or "none"
        raise InputError(f"{known.name} has no preset {name!r}: there are {listed}.")
    return dict(known.presets[name])


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a recipe's arguments; to look at what it returns TensorFlow would have to be imported."""
    annotations = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    bare = types.SimpleNamespace(__annotations__=annotations, __wrapped__=function)
    return get_type_hints(bare, include_extras=True)


def parts_of(function: Callable[..., Any]) -> dict[str, Part]:
    """Argument of a recipe -> what it plays a part in."""
    parts: dict[str, Part] = {}
    for name, hint in hints_of(function).items():
        marks = [mark.part for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Plays)]
        parts[name] = marks[0] if marks else getattr(hint, "plays", "training")
    return parts


_REST = inspect.Parameter.VAR_KEYWORD


def _first(signature: inspect.Signature) -> tuple[str, ...]:
    """Of a recipe that doesn't say which matter most: its own that are no class, the data, the place, the epochs."""
    plain = [name for name, one in signature.parameters.items() if not dataclasses.is_dataclass(one.default)]
    own = [name for name in plain if name not in RunOptions.__annotations__ and name != "data"]
    wanted = ("data", *own[: MOST - len(FIRST)], *FIRST)
    return tuple(dict.fromkeys(name for name in wanted if name.partition(".")[0] in signature.parameters))


def _rest_of(function: Callable[..., Any]) -> str | None:
    return next((p.name for p in inspect.signature(function).parameters.values() if p.kind == _REST), None)


def _with_common(doc: str) -> str:
    """The docstring with the common arguments behind the recipe's own."""
    common = re.search(r"Attributes:\n(.*?)\n\s*(?:Example:|\Z)", (RunOptions.__doc__ or ""), re.DOTALL)
    assert common, "RunOptions says what its items are"
    lines = textwrap.indent(textwrap.dedent(common[1]), "    ")
    said, example = _apart(doc)
    before, args, after = said.partition("\nReturns:")
    whole = f"{before.rstrip()}\n{lines}\n{args.lstrip()}{after}" if args else f"{said}\n{lines}"
    return f"{whole}\n{example}"


def _refuse_unread(signature: inspect.Signature, given: Arguments, unread: Mapping[str, str]) -> None:
    """Refuse what somebody has set and would do nothing: what is neither the recipe's default nor that of its class.

    Args:
        unread: Setting, such as "attention" or "training.ar" -> what makes it count for nothing. What the settings say of
            themselves (their `unread`) comes on top.
    """
    reasons = dict(unread)
    for argument, value in given.items():
        if hasattr(value, "unread"):
            reasons |= {f"{argument}.{field}": why for field, why in value.unread().items()}
    for setting, why in reasons.items():
        argument, _, field = setting.partition(".")
        if argument not in given:
            continue
        value, default = given[argument], signature.parameters[argument].default
        if not dataclasses.is_dataclass(value):
            left = {argument: (value, default)}
        else:
            left = {
                f"{argument}.{one.name}": (getattr(value, one.name), getattr(default, one.name))
                for one in dataclasses.fields(value)
                if field in ("", one.name) and getattr(value, one.name) != one.default
            }
        for name, (set_to, meant) in left.items():
            if set_to != meant:
                raise InputError(f"{name} is {set_to!r}, but {why} doesn't read it: leave it at {meant!r}.")
