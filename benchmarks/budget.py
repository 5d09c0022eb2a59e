"""What a budget does: the time that a training takes of it, and its validation figure beside the defaults' own.

    python benchmarks/budget.py DATA --budget 2m [--sets rt_polarity atis_slots]

DATA has the folders rt_polarity, atis and ud_en_ewt. Each training is a command of its own, as a user gives it, with all of
it in the time: TensorFlow's start, trials, baselines and the report. A set is trained with the recipe's defaults, without a
clock, too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seqkit.lab.budget import seconds_of

ATIS = ("--text", "1", "--label", "0")  # its tables have no header
SETS = {
    "built_in_reviews": ["sentiment"],
    "rt_polarity": ["sentiment", "--data", "rt_polarity/train.tsv", "--valid", "rt_polarity/valid.tsv"],
    "atis_intents": [
        "text_classification",
        "--data",
        "atis/train.intent.tsv",
        "--valid",
        "atis/valid.intent.tsv",
        *ATIS,
    ],
    "atis_slots": ["tagging", "--data", "atis/train.conll", "--valid", "atis/valid.conll"],
    "ud_en_ewt": ["tagging", "--data", "ud_en_ewt/en_ewt-ud-train.conllu", "--valid", "ud_en_ewt/en_ewt-ud-dev.conllu"],
}


def trained(data: Path, arguments: list[str], out: Path) -> tuple[float, dict]:
    """Seconds that a command takes, and its run.json with the report's headline."""
    placed = [str(data / one) if "/" in one else one for one in arguments]
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "seqkit.cli", "train", *placed, "--out", str(out)], check=True, capture_output=True
    )
    seconds = time.perf_counter() - started
    info = json.loads((out / "run.json").read_text())
    report = json.loads((out / "evaluations" / "training" / "report.json").read_text())
    name = next(name for name in ("span_f1", "token_accuracy", "accuracy") if name in report["metrics"])
    return seconds, info | {"figure": report["metrics"][name]["value"], "metric": name}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    given = parser.parse_args()
    budget = seconds_of(given.budget)
    print(f"| data | figure | defaults | within the budget | of it | trials, the kept one first |\n{'|---' * 6}|")
    for name in given.sets:
        with tempfile.TemporaryDirectory() as folder:
            seconds, usual = trained(given.data, SETS[name], Path(folder) / "usual")
            taken, run = trained(given.data, [*SETS[name], "--budget", given.budget], Path(folder) / "run")
        trials = sorted(run["budget"]["trials"], key=lambda one: one["value"] != run["kept"]["value"])
        told = ", ".join(f"{one['name']} ({one['epochs']} epochs, {one['seconds']:.0f} s)" for one in trials)
        print(
            f"| {name} | {run['metric']} | {100 * usual['figure']:.1f}% ({seconds:.0f} s) | "
            f"{100 * run['figure']:.1f}% ({taken:.0f} s) | {taken / budget:.0%} | {told} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
