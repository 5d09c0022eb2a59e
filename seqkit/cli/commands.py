"""What the command line does with a run."""

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

import seqkit
from seqkit.core.arguments import Source
from seqkit.core.errors import InputError
from seqkit.core.registry import import_path

if TYPE_CHECKING:
    from seqkit.runs.run import Run

Imports = Annotated[tuple[str, ...], Parameter(name="--import", negative="")]

console = Console()


def evaluate(
    run: Path,
    /,
    *,
    data: Source,
    against: Path | None = None,
    column: dict[str, str] | None = None,
    data_dir: str | None = None,
    json: bool = False,
    import_: Imports = (),
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
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    loaded = _load(run, import_)
    other = None if against is None else _load(against, import_)
    loaded.evaluate(data, against=other, columns=column, data_dir=data_dir)
    if json:
        print((loaded.path / "report.json").read_text(encoding="utf-8"), end="")
    else:
        console.print(loaded.scores_table())
        print(loaded.path / "report.html")


def predict(
    run: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-",
    /,
    *,
    column: dict[str, str] | None = None,
    import_: Imports = (),
) -> None:
    """Answer texts or recordings, one JSON object a line, in order, as they come.

    Parameters
    ----------
    run
        The run folder.
    file
        A table with the column of the training texts, or a file of tokens, as training reads it, or else a text a line; -
        for standard input. For recordings a file, a folder or a quoted pattern.
    column
        Where a field is, if not where the training data had it: --column.text review.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    loaded = _load(run, import_)
    for answer in loaded.stream(loaded.inputs_of(file, column)):
        print(json_format.dumps(answer, ensure_ascii=False), flush=True)


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
    import_: Imports = (),
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
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    pieces = _load(run, import_).generate(
        prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, stop=stop, seed=seed
    )
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def score(
    run: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-",
    /,
    *,
    column: dict[str, str] | None = None,
    import_: Imports = (),
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
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    loaded = _load(run, import_)
    if not hasattr(loaded.task, "generate"):
        raise InputError(f"{run} was made by {loaded.task.recipe}, which gives no text a probability: use predict.")
    predict(run, file, column=column, import_=import_)


def export(run: Path, /, *, format: str, import_: Imports = ()) -> None:
    """Write an artefact that runs without seqkit, once it has answered real rows as the run does.

    Parameters
    ----------
    run
        The run folder.
    format
        keras for a file that plain Keras opens; savedmodel for raw inputs in and labels out, and the streaming step where
        there is one; litert for the streaming step alone, on a device; or the exporter of an installed package.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    print(_load(run, import_).export(format))


def _load(run: Path, modules: tuple[str, ...]) -> "Run":
    for module in modules:
        import_path(module)
    return seqkit.load(run)
