"""What the command line looks at models with: their gradients, and a page to ask them on."""

from pathlib import Path

import seqkit
from seqkit.cli.commands import Imports, Many, Names
from seqkit.core.arguments import Source
from seqkit.core.registry import import_path
from seqkit.core.terminal import shown

CELLS = ("simple_rnn", "lstm", "gru", "mut1", "mut2", "mut3", "mingru", "minlstm", "rg_lru", "lru")


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
