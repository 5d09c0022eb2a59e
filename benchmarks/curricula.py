"""Learning to execute under the four curricula of Zaremba and Sutskever 2014, one table over length and nesting.

    python benchmarks/curricula.py --out saved_models/curricula

Each curriculum trains the same model for as many epochs on as many programs (`seqkit train programs`; under an hour for
all four on one core), and is scored by size on the same fresh programs of the test part: exact match of the whole answer,
and the share of its characters that are right at their places. What is in --out already is not trained again.
"""

import argparse
import time
from pathlib import Path
from typing import get_args

from seqkit import load
from seqkit.core.settings import CurriculumKind, Training
from seqkit.recipes.programs import programs
from seqkit.runs.run import Run

FIGURES = ("exact_match", "character_accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the four runs")
    parser.add_argument("--length", type=int, default=3)
    parser.add_argument("--nesting", type=int, default=2)
    parser.add_argument("--rows", type=int, default=20_000, help="three quarters of them are an epoch's")
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()
    runs = {kind: trained(kind, arguments) for kind in get_args(CurriculumKind)}
    print("| length | nesting |", " | ".join(runs), "|")
    print("|---|---|" + "---|" * len(runs))
    for place, size in enumerate(next(iter(runs.values())).report["sizes"]):
        rows = [run.report["sizes"][place] for run in runs.values()]
        cells = [" / ".join(f"{row[name]:.1%}" for name in FIGURES) for row in rows]
        print("|", size["length"], "|", size["nesting"], "|", " | ".join(cells), "|")


def trained(kind: CurriculumKind, arguments: argparse.Namespace) -> Run:
    """The run of one curriculum, trained if it isn't there."""
    out = arguments.out / kind
    if out.exists():
        return load(out)
    start = time.perf_counter()
    run = programs(
        out=out,
        length=arguments.length,
        nesting=arguments.nesting,
        curriculum=kind,
        rows=arguments.rows,
        training=Training(epochs=arguments.epochs, batch_size=128, learning_rate=2e-3),
    )
    print(f"{kind}: {time.perf_counter() - start:.0f} s", flush=True)
    return run


if __name__ == "__main__":
    main()
