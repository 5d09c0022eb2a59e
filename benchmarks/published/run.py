"""Published results: one command a row, our figure over seeds beside the published one.

    python benchmarks/published/run.py upos atis/slots adding --data DATA --seeds 3 --out saved_models/published
    python benchmarks/published/run.py imdb --data DATA --seeds 1 --out saved_models/published -- --training.epochs 1

DATA has the folders imdb, rt_polarity, atis, ud_en_ewt, multi30k, tinyshakespeare, utkinect and wnut17 (each as far as its
rows are asked for). A name means all rows below it: adding is adding/lstm and its kin. What a recipe trains goes through
`seqkit study`, so that the same command goes on after a stop, and no run is trained twice. Every row is appended to --lines
as soon as it is there, and the table is printed; `python benchmarks/published/render.py` writes it into docs/results.md.
Flags after -- go to `seqkit study`, and a row with other flags is tried: it is printed, and not kept. Seconds are of a
machine, and of what else it does.
"""

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

import by_cell
import trained
from render import LINES, table
from rows import Given

from seqkit.runs.provenance import versions

ROWS = trained.ROWS | by_cell.ROWS


def named(names: list[str]) -> list[str]:
    """The rows of these names, in their order, each once."""
    found = [row for name in names for row in ROWS if row == name or row.startswith(f"{name}/")]
    missing = [name for name in names if name not in ROWS and not any(row.startswith(f"{name}/") for row in ROWS)]
    if missing:
        raise SystemExit(f"There is no row {missing[0]}; there are {', '.join(ROWS)}.")
    return list(dict.fromkeys(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", metavar="ROW")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("saved_models/published"), help="folder of the runs")
    parser.add_argument("--lines", type=Path, default=LINES, help="file to which figures are appended")
    words = sys.argv[1:]
    own = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:own])
    given = Given(options.data.resolve(), options.out.resolve(), options.seeds, words[own + 1 :])
    lines = []
    for name in named(options.rows):
        measured = ROWS[name].measure(given)
        lines.append(
            {"row": name, **dataclasses.asdict(measured), "processors": os.cpu_count(), "versions": versions()}
        )
        print(json.dumps(lines[-1]), flush=True)
        if not given.flags:
            with open(options.lines, "a", encoding="utf-8") as file:
                print(json.dumps(lines[-1]), file=file)
    print("\n".join(table(lines, ROWS)))


if __name__ == "__main__":
    main()
