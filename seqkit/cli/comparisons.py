"""What the command line does with several runs."""

import dataclasses
from pathlib import Path

import seqkit
from seqkit.cli.commands import Imports
from seqkit.cli.telling import next_steps
from seqkit.core.arguments import Source
from seqkit.core.files import json_text
from seqkit.core.progress import notify
from seqkit.core.registry import import_path
from seqkit.core.terminal import Terminal, shown


def compare(
    *runs: Path,
    data: Source = None,
    metric: str | None = None,
    rope: float = 0.0,
    to: Path | None = None,
    column: dict[str, str] | None = None,
    data_dir: str | None = None,
    json: bool = False,
    import_: Imports = (),
) -> None:
    """Compare runs on the same rows: which is better, how sure that is over rows and over seeds, and where they differ.

    Runs that differ in the seed alone are one group. Each two groups are tested, corrected for how many these are (Holm).

    Parameters
    ----------
    runs
        Run folders, two or more.
    data
        Rows to score all of them on; nothing for what their evaluations have kept of rows that all were scored on.
    metric
        To compare by; nothing for all that the recipe's verdicts decide on.
    rope
        A difference of at most so much counts for nothing: --rope 0.5 for half a point.
    to
        Where to write it: a file that ends in .html, .csv, .tex or .json, or a folder for all of these.
    column
        Where a field is, if not where the training data had it: --column.text review.
    data_dir
        Where TFDS keeps prepared data sets.
    json
        Print a JSON object instead of tables.
    import_
        A module to import first, for a recipe or a cell that no installed package declares.
    """
    for module in import_:
        import_path(module)
    found = seqkit.compare(runs, data=data, metric=metric, rope=rope, columns=column, data_dir=data_dir)
    if json:
        print(json_text(dataclasses.asdict(found), indent=2))
    else:
        Terminal().print(*found.tables(), sep="\n")
    for path in () if to is None else found.write(to):
        if json:
            notify(str(path))
        else:
            print(shown(str(path)))
    if not json:
        kept = ["open that page"] if to is not None else ["keep it, with a page: --to DIR"]
        next_steps(*kept, "differences that count for nothing: --rope 0.5")
