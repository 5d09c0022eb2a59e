"""The command line."""

import dataclasses
import functools
import inspect
import json as json_format
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import App, CycloptsError, Parameter

import seqkit
from seqkit.errors import ExportError, InputError, TrainingError
from seqkit.recipes import RECIPES
from seqkit.recipes.flags import Source
from seqkit.recipes.quiet import quieten

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

app = App(
    name="seqkit",
    help="Train, evaluate and export recurrent sequence models.",
    version=seqkit.__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # the exit status and the sentence are ours
)
train = App(name="train", help="Train a recipe: `seqkit train sentiment --help` lists its settings.")
app.command(train)


def _train(recipe: Callable) -> Callable:
    """The recipe as a command: with the same arguments, it prints the scores and the folder at its end."""

    @functools.wraps(recipe)
    def command(*args, **kwargs):
        run = recipe(*args, **kwargs)
        if run.report:
            _print_scores(run.report)
        print(run.path)

    defaults = {name: parameter.default for name, parameter in inspect.signature(recipe).parameters.items()}
    # The return type would have to be imported to be looked at, and TensorFlow with it.
    command.__annotations__ = {name: hint for name, hint in recipe.__annotations__.items() if name != "return"}
    hints = get_type_hints(command, include_extras=True)
    command.__annotations__ = {name: _with_defaults(hint, defaults[name]) for name, hint in hints.items()}
    return command


def _with_defaults(hint: Any, default: Any) -> Any:
    """A settings class with the recipe's own defaults, so that one flag of it leaves the others as the recipe has them."""
    if not (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
        return hint
    fields = [(field.name, field.type, getattr(default, field.name)) for field in dataclasses.fields(hint)]
    namespace = {"__doc__": hint.__doc__, "__module__": hint.__module__}
    return dataclasses.make_dataclass(hint.__name__, fields, bases=(hint,), namespace=namespace, frozen=True)


for _name, _recipe in RECIPES.items():
    train.command(_train(_recipe), name=_name)


@app.command
def recipes() -> None:
    """List the recipes."""
    for name, recipe in RECIPES.items():
        print(f"{name}: {(recipe.__doc__ or '').strip().splitlines()[0]}")


@app.command
def evaluate(
    run: Path,
    /,
    *,
    data: Source,
    against: Path | None = None,
    column: dict[str, str] | None = None,
    data_dir: str | None = None,
    json: bool = False,
) -> None:
    """Score a run and its baselines on data; write report.json and report.html into its folder.

    Parameters
    ----------
    run
        The run folder.
    data
        Data of the kind that the run was trained on.
    against
        Another run folder, compared on the same rows by a paired bootstrap test.
    column
        Where a field is, if not where the training data had it: --column.text review.
    data_dir
        Where TFDS keeps prepared data sets.
    json
        Print report.json instead of a table.
    """
    loaded = seqkit.load(run)
    other = None if against is None else seqkit.load(against)
    report = loaded.evaluate(data, against=other, columns=column, data_dir=data_dir)
    if json:
        print((loaded.path / "report.json").read_text(encoding="utf-8"), end="")
    else:
        _print_scores(report)
        print(loaded.path / "report.html")


@app.command
def predict(
    run: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-",
    /,
    *,
    column: dict[str, str] | None = None,
) -> None:
    """Answer texts or recordings, one JSON object a line, in order, as they come.

    Parameters
    ----------
    run
        The run folder.
    file
        A text a line, or a table with the column of the training texts, or a .conllu or .conll file of tokens; - for
        standard input. For recordings a file, a folder or a quoted pattern.
    column
        Where a field is, if not where the training data had it: --column.text review.
    """
    loaded = seqkit.load(run)
    opened = getattr(loaded.task, "opened", _inputs)
    for answer in loaded.stream(opened(file, loaded.columns(column))):
        print(json_format.dumps(answer, ensure_ascii=False), flush=True)


@app.command
def generate(
    run: Path,
    /,
    *,
    prompt: str = "",
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    length: int = 200,
    stop: str | None = None,
    seed: int = 0,
) -> None:
    """Write text with a language model, as it is drawn.

    Parameters
    ----------
    run
        The run folder of a language model.
    prompt
        What the text goes on from.
    temperature
        What logits are divided by: below 1 for likelier text, 0 for the most likely symbol each time.
    top_k
        Draw from so many of the most likely symbols; 0 for all.
    top_p
        Draw from the fewest symbols that have this share of the probability.
    length
        Symbols to draw at most.
    stop
        Text before which to stop.
    seed
        Of the draws.
    """
    pieces = seqkit.load(run).generate(
        prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, stop=stop, seed=seed
    )
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


@app.command
def score(
    run: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-",
    /,
    *,
    column: dict[str, str] | None = None,
) -> None:
    """Print how likely a language model finds each line: log-probability in nats and symbols, a JSON object a line.

    Parameters
    ----------
    run
        The run folder of a language model.
    file
        A text a line, or a table with the column of the training texts; - for standard input.
    column
        Where a field is, if not where the training data had it: --column.text review.
    """
    loaded = seqkit.load(run)
    if not hasattr(loaded.task, "generate"):
        raise InputError(f"{run} was made by {loaded.task.recipe}, which gives no text a probability: use predict.")
    predict(run, file, column=column)


@app.command
def export(run: Path, /, *, format: Literal["keras", "savedmodel", "litert"]) -> None:
    """Write an artefact that runs without seqkit, once it has answered real rows as the run does.

    Parameters
    ----------
    run
        The run folder.
    format
        keras for a file that plain Keras opens; savedmodel for raw inputs in and labels out, and the streaming step where
        there is one; litert for the streaming step alone, on a device.
    """
    print(seqkit.load(run).export(format))


def _inputs(file: str, columns: dict[str, str]) -> Iterator[list[Any]]:
    from seqkit.data.sources import TABLES, lines_of, read, read_text, suffix_of

    field, column = next(iter(columns.items()))
    read_whole = (*TABLES, ".conllu", ".conll") if field == "tokens" else TABLES
    if file == "-":
        yield from _lines_as_they_come(sys.stdin.fileno())
    elif suffix_of(Path(file)) in read_whole:
        yield read(file, {field: column})[field]
    else:
        yield lines_of(read_text(Path(file)))


def _lines_as_they_come(descriptor: int) -> Iterator[list[str]]:
    """Lists of the lines that are there, without waiting for more than the first."""
    number, rest = 0, b""
    while block := os.read(descriptor, 1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        yield [_decoded(line, number := number + 1) for line in whole]
    if rest:
        yield [_decoded(rest, number + 1)]


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise InputError(
            f"standard input, line {number}: byte 0x{byte:02x} is not UTF-8. Convert the text first."
        ) from None


def _print_scores(report: dict[str, Any]) -> None:
    from rich.console import Console

    Console().print(seqkit.report.scores_table(report))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        app(arguments, exit_on_error=False, print_error=False)
        return DONE
    except (InputError, CycloptsError) as error:
        return _say(error, WRONG_INPUT)
    except (TrainingError, ExportError) as error:
        return _say(error, FAILED)
    except BrokenPipeError:  # the reader of our output has gone
        sys.stdout = None
        return DONE
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _say(f"{what}. What was saved before is as it was.", FAILED)
    except KeyboardInterrupt as error:
        return _say(str(error) or "interrupted.", INTERRUPTED)


def _say(error: object, status: int) -> int:
    print(f"seqkit: {' '.join(str(error).split())}", file=sys.stderr)
    return status


def console_script() -> int:
    """The installed command."""
    quieten()
    return main()


if __name__ == "__main__":
    sys.exit(console_script())
