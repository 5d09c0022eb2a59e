"""What the command line looks at models with: their gradients, what is inside an answer, and a page to ask them on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import seqkit
from seqkit.cli.commands import Imports, Many, Names
from seqkit.cli.telling import next_steps
from seqkit.core.arguments import Source
from seqkit.core.errors import InputError
from seqkit.core.files import json_text
from seqkit.core.registry import import_path
from seqkit.core.terminal import shown

if TYPE_CHECKING:
    from seqkit.runs.run import Run

CELLS = ("simple_rnn", "lstm", "gru", "mut1", "mut2", "mut3", "mingru", "minlstm", "qrnn", "rg_lru", "lru")


def gradients(
    run: Path | None = None,
    /,
    *,
    data: Source = None,
    rows: int = 16,
    cell: Names = (),
    length: int = 200,
    units: int = 64,
    scale: Many[float] = (0.9, 1.0, 1.5),
    seed: int = 0,
    to: Path = Path("gradients.html"),
    import_: Imports = (),
) -> None:
    """Show what becomes of gradients on their way back through time, in fresh cells and in a run's model, on one page.

    Parameters
    ----------
    run
        A run folder, whose recurrent layers are looked at, with the loss on some rows of --data.
    data
        Data of the kind that the run was trained on.
    rows
        Of the data, at most: the first ones.
    cell
        Cells to start afresh; without a run, and where none is named, those of the lecture notes and linear ones.
    length
        Steps that a fresh cell runs for.
    units
        Width of its state.
    scale
        What its recurrent weights are multiplied by as they start.
    seed
        Of its weights and inputs.
    to
        The page.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    for module in import_:
        import_path(module)
    loaded = None if run is None else seqkit.load(run)
    cells = cell or (CELLS if run is None else ())
    seqkit.show_gradients(
        to, run=loaded, data=data, rows=rows, cells=cells, length=length, units=units, scales=scale, seed=seed
    )
    print(shown(str(to)))
    own = ["a run's own: seqkit gradients RUN --data FILE"] if run is None else []
    next_steps("open that page", *own, "other cells and lengths: --cell lstm --length 500")


def inspect(
    run: Path,
    /,
    *,
    text: str | None = None,
    image: Path | None = None,
    data: Source = None,
    row: int | None = None,
    id: str | None = None,
    id_column: str | None = None,
    column: dict[str, str] | None = None,
    of: str | None = None,
    at: int | None = None,
    answer: str | None = None,
    nearest: int = 5,
    among: int = 2000,
    to: Path = Path("inspection.html"),
    json: bool = False,
    import_: Imports = (),
) -> None:
    """Look inside while one row is answered: which words moved it, states, gates and attention at each step, on one page.

    Parameters
    ----------
    run
        The run folder.
    text
        What is asked: a text, a sentence, a prompt, a question.
    image
        A file, where an image is asked about.
    data
        In place of these a file, as predict reads it.
    row
        Which row of the file, from 0 on; nothing for the first.
    id
        In place of the row's number what it is called, in a table with texts.
    id_column
        The column that says so; nothing for the column "id".
    column
        Where a field is, if not where the training data had it: --column.text review.
    of
        The label, tag or symbol that is asked about; nothing for what is chosen.
    at
        Where there is a choice at each step, at which, from 0; nothing for the next symbol of a language model, and else for
        the choice that the model is least sure of.
    answer
        Of a run that writes, the text to go along; nothing for what it writes.
    nearest
        Training rows that are shown; 0 for none.
    among
        Training rows that are looked at, evenly over all of them; 0 for all.
    to
        The page.
    json
        Print a JSON object with all arrays instead of the page's place.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    for module in import_:
        import_path(module)
    loaded = seqkit.load(run)
    if data is not None and (text is not None or image is not None):
        raise InputError("--data was given beside --text or --image: give the one or the others.")
    found = seqkit.show_inspection(
        to,
        loaded,
        _asked(loaded, text, image) if data is None else None,
        file=data,
        row=row,
        id=id,
        id_column=id_column,
        columns=column,
        of=of,
        at=at,
        answer=answer,
        nearest=nearest,
        among=among,
    )
    print(json_text(found) if json else shown(str(to)))
    if not json:
        next_steps("open that page", "ask about another choice: --of LABEL, --at STEP", "all arrays: --json")


def _asked(run: "Run", text: str | None, image: Path | None) -> Any:
    """One input of a run, of what was given."""
    given = {"image": None if image is None else str(image), "frames": None}
    values = [given.get(field, text) for field in run.task.fields]
    for field, value in zip(run.task.fields, values, strict=True):
        if value is None:
            how = {"image": "--image, or --data", "frames": "--data"}.get(field, "--text, or --data")
            raise InputError(f"{run.path} is asked by its {field}: give {how}.")
    read = {"--image": "image" in run.task.fields, "--text": not given.keys() >= set(run.task.fields)}
    for flag, one in {"--image": image, "--text": text}.items():
        if one is not None and not read[flag]:
            raise InputError(f"{run.path} is asked by its {' and '.join(run.task.fields)}: leave {flag} out.")
    return tuple(values) if len(values) > 1 else values[0]


def demo(run: Path, /, *, port: int = 7860, host: str = "127.0.0.1", import_: Imports = ()) -> None:
    """Serve a web page on which a run is asked, until Ctrl-C (needs the extra "demo").

    Parameters
    ----------
    run
        A run folder, of any recipe.
    port
        On which the page is.
    host
        The address that is listened on: this machine's own, unless others are to ask.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    for module in import_:
        import_path(module)
    seqkit.serve_demo(seqkit.load(run), host=host, port=port)
