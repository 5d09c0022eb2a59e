"""What the command line does with a run."""

import dataclasses
import itertools
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from cyclopts import Parameter

import seqkit
from seqkit.cli.telling import next_steps, steps_with_a_run
from seqkit.core.adaptation import BEAMS, LENGTH_PENALTIES, Adaptation
from seqkit.core.arguments import Source
from seqkit.core.errors import InputError, check_finished
from seqkit.core.files import json_text
from seqkit.core.registry import import_path
from seqkit.core.settings import Search
from seqkit.core.terminal import Terminal, shown
from seqkit_runner.formats import FORMATS

if TYPE_CHECKING:
    from seqkit.runs.run import Run

    SearchChanges = Any
else:  # the fields of Search, each of which may be left as the run has it
    SearchChanges = dataclasses.make_dataclass(
        "SearchChanges",
        [(field.name, field.type | None, None) for field in dataclasses.fields(Search)],
        namespace={"__doc__": Search.__doc__, "__module__": Search.__module__},
        frozen=True,
    )

Imports = Annotated[tuple[str, ...], Parameter(name="--import", negative="")]
Number = TypeVar("Number", int, float)
Names = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)]
Many = Annotated[tuple[Number, ...], Parameter(negative="", consume_multiple=True)]


def evaluate(
    run: Path,
    /,
    *,
    data: Source,
    name: str | None = None,
    against: Path | None = None,
    overwrite: bool = False,
    column: dict[str, str] | None = None,
    data_dir: str | None = None,
    on_error: Literal["stop", "skip"] | None = None,
    json: bool = False,
    adapt: Adaptation | None = None,
    search: SearchChanges | None = None,
    import_: Imports = (),
) -> None:
    """Score a run and its baselines on data; write report.json and report.html into its folder, under evaluations/.

    Parameters
    ----------
    run
        The run folder.
    data
        Data of the kind that the run was trained on.
    name
        What to call the evaluation; nothing for the name of the file, the folder or the data set.
    against
        Another run folder, compared on the same rows by a paired bootstrap test.
    overwrite
        Replace an evaluation of that name that is of other data.
    column
        Where a field is, if not where the training data had it: --column.text review.
    data_dir
        Where TFDS keeps prepared data sets.
    json
        Print report.json instead of a table.
    on_error
        What to do about a file of images or frames that can't be read: stop, or skip it, name it and answer the others; as
        in training where it isn't given.
    adapt
        What a language model takes in from a running text as it is scored, for figures beside its own: --adapt.cache 500.
    search
        What is looked for otherwise than the run does, for a run that writes its answers: --search.beam 1.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    loaded = _load(run, import_, on_error, search)
    other = None if against is None else _load(against, import_, on_error)
    report = loaded.evaluate(
        data, name=name, against=other, columns=column, data_dir=data_dir, overwrite=overwrite, adapt=adapt
    )
    place = loaded.path / "evaluations" / report["name"]
    if json:
        print(json_text(report, indent=2))
    else:
        Terminal().print(*loaded.tables(report))
        print(shown(str(place / "report.html")))
        next_steps("open that page", "compare another run on these rows: --against RUN")
    check_finished(str(place), report["failed"])


def predict(
    run: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] | None = None,
    /,
    *,
    input: str | None = None,
    out: Path | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    column: dict[str, str] | None = None,
    id: str | None = None,
    on_error: Literal["stop", "skip"] | None = None,
    search: SearchChanges | None = None,
    with_inputs: bool = False,
    import_: Imports = (),
) -> None:
    """Answer texts or recordings, one JSON object a line, in order, as they come; or many files, each into one of its own.

    Parameters
    ----------
    run
        The run folder.
    file
        A table with the column of the training texts, or a file of tokens, as training reads it, or else a text a line; -
        or nothing for standard input. For recordings a file, a folder or a quoted pattern.
    input
        In place of one file a quoted pattern of many, such as "texts/**/*.txt", with --out. Those that were answered before
        are left as they are; one that can't be is named, and the others are.
    out
        The folder of their answers, NAME.jsonl for each NAME.
    engine
        What answers many files: this process, one after the other (local), or the workers of ray.
    address
        Of a cluster of Ray; nothing for this machine's cores.
    column
        Where a field is, if not where the training data had it: --column.text review.
    id
        The column of a table that says what a row is called, of labels and tags: each answer has it as "id".
    on_error
        What to do about a file of images or frames that can't be read: stop, or skip it, name it and answer the others; as
        in training where it isn't given.
    search
        What is looked for otherwise than the run does, for a run that writes its answers: --search.beam 1.
    with_inputs
        Put each text before its answer, as its field ("text"): what a student reads as --teacher.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    if (input is None) != (out is None) or (input is not None and file is not None):
        raise InputError("Many files take --input and --out and no other file: give both, or one file alone.")
    if with_inputs and input is not None:
        raise InputError("--with-inputs is for one file: leave it out, or give the files one by one.")
    if input is not None and out is not None:
        how: dict[str, Any] = {"engine": engine, "address": address, "search": _given(search), "id": id}
        kept = seqkit.predict_files(run, input, out, columns=column, on_error=on_error, modules=import_, **how)
        print(shown(str(kept)))
        next_steps(f"more files with the same command: those answered stay in {kept}")
        return
    if engine != "local" or address is not None:
        raise InputError("--engine and --address are for many files: give --input and --out, or leave them out.")
    loaded = _load(run, import_, on_error, search)
    for answer in seqkit.predict_file(loaded, file or "-", columns=column, id=id, with_inputs=with_inputs):
        print(json_text(answer), flush=True)
    next_steps("keep the answers: > answers.jsonl", f"where labels are known, seqkit evaluate {run} --data FILE")


def generate(
    run: Path,
    /,
    *,
    prompt: str = "",
    prompts: str | None = None,
    samples: int = 1,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    repetition_penalty: float = 1.0,
    length: int = 200,
    stop: str | None = None,
    seed: int = 0,
    column: dict[str, str] | None = None,
    import_: Imports = (),
) -> None:
    """Write text with a language model, as it is drawn; or, of several samples or prompts, a JSON object a text.

    Parameters
    ----------
    run
        The run folder of a language model.
    prompt
        What the text goes on from. What the vocabulary doesn't hold is read as unknown, if training text had such symbols.
    prompts
        In its place a file of prompts, as predict reads one: a prompt a line, or a table; - for standard input.
    samples
        Texts to draw for each prompt, side by side; number k, from 0 on, is the one that the seed plus k gives by itself.
    temperature
        What logits are divided by: below 1 for likelier text, 0 for the most likely symbol each time.
    top_k
        Draw from so many of the most likely symbols; 0 for all.
    top_p
        Draw from the fewest symbols that have this share of the probability.
    repetition_penalty
        Above 1 what was drawn before is less likely (Keskar et al. 2019, for whom 1.2 did well).
    length
        Symbols to draw at most.
    stop
        Text before which to stop.
    seed
        Of the draws.
    column
        Where a table has its prompts, if not where the training data had its texts: --column.text prompt.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    if prompt and prompts is not None:
        raise InputError("--prompt and --prompts were both given: give one of them.")
    loaded = _load(run, import_)
    how: dict[str, Any] = {
        "length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "repetition_penalty": repetition_penalty, "stop": stop, "seed": seed,
    }  # fmt: skip
    if prompts is None and samples == 1:
        for piece in itertools.chain([prompt], loaded.generate(prompt, **how)):
            print(shown(piece) if sys.stdout.isatty() else piece, end="", flush=True)  # a file gets what was drawn
        print()
        next_steps("other texts by --seed, --temperature, --top-p", "several at once: --samples 5")
        return
    for given in [[prompt]] if prompts is None else loaded.inputs_of(prompts, column):
        for one, texts in zip(given, loaded.samples(given, samples, **how), strict=True):
            for number, text in enumerate(texts):
                print(json_text({"prompt": one, "sample": number, "text": text}), flush=True)
    next_steps("keep the texts: > texts.jsonl", "other texts by --seed, --temperature, --top-p")


def score(
    run: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-",
    /,
    *,
    column: dict[str, str] | None = None,
    import_: Imports = (),
) -> None:
    """Print how likely a language model finds each line: log-probability in nats, symbols, and those unknown among these.

    There is a JSON object a line. An unknown symbol costs what any unknown symbol costs, whatever it is.

    Parameters
    ----------
    run
        The run folder of a language model.
    file
        A text a line, or a table with the column of the training texts; - for standard input.
    column
        Where a field is, if not where the training data had it: --column.text review.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    loaded = _load(run, import_)
    if not hasattr(loaded.task, "generate"):
        raise InputError(f"{run} was made by {loaded.task.recipe}, which gives no text a probability: use predict.")
    predict(run, file, column=column, import_=import_)


def export(
    run: Path,
    /,
    *,
    format: str,
    step: bool = False,
    quantize: Literal["none", "float16", "dynamic", "int8"] = "none",
    to: Path | None = None,
    search: SearchChanges | None = None,
    import_: Imports = (),
) -> None:
    """Write an artefact, a folder and a zip of it, that runs without seqkit, once it has answered real rows as the run does.

    Parameters
    ----------
    run
        The run folder.
    format
        onnx or litert for a small runtime on any device; savedmodel for TensorFlow, raw inputs in and answers out; keras for
        a file that plain Keras opens; c for a header; or the exporter of an installed package.
    step
        The streaming step alone: one input in, its answer and the state out.
    quantize
        What becomes of the weights: float16; dynamic, int8 multiplied in integers; int8 (docs/artefacts.md).
    to
        Where the artefact goes, instead of the run's folder export/.
    search
        What is looked for otherwise than the run does, for a run that writes its answers: --search.beam 1.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    place = _load(run, import_, search=search).export(format, step=step, quantize=quantize, to=to)
    print(shown(str(place)))
    if format in FORMATS:
        next_steps(f"seqkit verify {shlex.quote(str(place))}", f"seqkit serve {shlex.quote(str(place))}")
    for header in sorted(place.glob("*.h")):
        next_steps(f"include {header} in a program, and ask its {header.stem}_self_test()", "see docs/c.md")


def tune_search(
    run: Path,
    /,
    *,
    data: Source = None,
    beams: Many[int] = BEAMS,
    length_penalties: Many[float] = LENGTH_PENALTIES,
    coverage_penalties: Many[float] = (),
    no_repeats: Many[int] = (),
    metric: str | None = None,
    store: bool = False,
    column: dict[str, str] | None = None,
    data_dir: str | None = None,
    json: bool = False,
    search: SearchChanges | None = None,
    import_: Imports = (),
) -> None:
    """Score the validation rows by many searches and print what each scores; with --store the best becomes the run's.

    Each width of the beam is searched once: what ends in it depends on no penalty, so that all penalties are free. Test rows
    are never looked at.

    Parameters
    ----------
    run
        The run folder of a model that writes its answers.
    data
        The validation rows; nothing for those that the training was given, or held out, which are read again.
    beams
        Widths of the beam.
    length_penalties
        Of Wu et al. 2016.
    coverage_penalties
        The same; nothing for the run's own.
    no_repeats
        Symbols of a run that comes once at most; nothing for the run's own.
    metric
        What chooses; nothing for the recipe's first.
    store
        Make the best the run's search: predict, evaluate and export use it from then on. Otherwise nothing is changed.
    column
        Where a field is, if not where the training data had it: --column.source en.
    data_dir
        Where TFDS keeps prepared data sets.
    json
        Print a JSON object instead of a table.
    search
        What is looked for otherwise than the run does while the others are tried: --search.longest 50.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    loaded = _load(run, import_, search=search)
    tuning = seqkit.tune_search(
        loaded,
        data=data,
        beams=beams,
        length_penalties=length_penalties,
        coverage_penalties=coverage_penalties,
        no_repeats=no_repeats,
        metric=metric,
        store=store,
        columns=column,
        data_dir=data_dir,
    )
    if json:
        print(json_text(dataclasses.asdict(tuning), indent=2))
        return
    Terminal().print(tuning.table())
    own, best = (dataclasses.asdict(one.search) for one in (tuning.tried[0], tuning.best))
    told = {name: value for name, value in best.items() if value != own[name] or name in _given(search)}
    flags = " ".join(f"--search.{name.replace('_', '-')} {value}" for name, value in told.items())
    if not flags:
        print("The run's own search is the best of these.")
        next_steps("other searches: --beams 8 12, --coverage-penalties 0 0.2")
    elif store:
        print(shown(f"The run's search is now {flags}; its evaluations so far were made by the one before."))
        next_steps(f"seqkit evaluate {shlex.quote(str(run))} --data FILE")
    else:
        print(shown(f"The best: {flags}. Give that to predict, evaluate and export, or store it with --store."))
        next_steps(f"seqkit evaluate {shlex.quote(str(run))} --data FILE {flags}")


def ensemble(
    *runs: Path,
    out: Path,
    test: Source = None,
    overwrite: bool = False,
    column: dict[str, str] | None = None,
    data_dir: str | None = None,
    import_: Imports = (),
) -> None:
    """Make one run of several with the mean of their probabilities, such as those of three seeds; it is exported like any.

    Parameters
    ----------
    runs
        Folders of runs that were trained on the same rows: train each seed with the same --valid.
    out
        The folder of the ensemble.
    test
        Rows for its report; nothing for none until it is evaluated.
    overwrite
        Replace the folder if it exists.
    column
        Where a field of these rows is, if not where the training data had it.
    data_dir
        Where TFDS keeps prepared data sets.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    for module in import_:
        import_path(module)
    made = seqkit.ensemble(runs, out=out, test=test, columns=column, data_dir=data_dir, overwrite=overwrite)
    if made.report:
        Terminal().print(*made.tables())
    print(shown(str(made.path)))
    steps_with_a_run(made.path, generates=False, report=bool(made.report))


def _given(search: "SearchChanges | None") -> dict[str, Any]:
    """What was asked for of a search."""
    return {} if search is None else {name: value for name, value in vars(search).items() if value is not None}


def _load(
    run: Path,
    modules: tuple[str, ...],
    on_error: Literal["stop", "skip"] | None = None,
    search: "SearchChanges | None" = None,
) -> "Run":
    for module in modules:
        import_path(module)
    loaded, changes = seqkit.load(run, on_error=on_error), _given(search)
    return loaded.searching(**changes) if changes else loaded
