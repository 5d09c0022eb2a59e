"""Seconds until a validation figure is reached: seqkit's recipes beside scripts as people write them, in one run.

    python benchmarks/time_to_quality.py sentences tags pairs --data DATA [--python PYTHON] [--rows 8000] [--turns 1]

DATA has the folders rt_polarity, imdb, ud_en_ewt and multi30k. Each job has the same data, sizes, optimizer, step and batch
on both sides, and a figure of the same validation rows after each epoch: sentences and reviews beside the Keras tutorial's
two bidirectional LSTMs, tags beside a PyTorch LSTM on packed sequences, pairs beside a PyTorch GRU with attention
(`peers/`). Words that a translator would meet once are one word for both, so that their nats are of the same tokens.
Seconds count from the start of the process, imports, reading and compiling among them, until the epoch that reached the
goal told of it; processor seconds are of all its cores. Systems take turns. --python names an interpreter that has PyTorch,
where this one hasn't.
"""

import argparse
import collections
import dataclasses
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PEERS = Path(__file__).parent / "peers"


@dataclasses.dataclass(frozen=True)
class Job:
    """What both sides learn.

    Attributes:
        ours: Its name in `peers/ours.py`.
        peer: The script beside, and what it is.
        files: (data, folder, rows) -> the arguments of both.
        goal: The figure to reach.
        higher: Whether more is better.
    """

    ours: str
    peer: tuple[str, str]
    files: Callable[[Path, Path, int | None], list[str]]
    goal: float
    higher: bool = True

    def reached(self, figure: float) -> bool:
        return figure >= self.goal if self.higher else figure <= self.goal


def pairs(data: Path, folder: Path, rows: int | None) -> list[str]:
    """Tokens between blanks; those that the training lines have once are <rare>."""
    for side in ("en", "de"):
        parts = {part: _tokens(data / "multi30k" / f"{part}.{side}") for part in ("train", "val")}
        parts["train"] = parts["train"][:rows]
        counts = collections.Counter(token for line in parts["train"] for token in line)
        for part, lines in parts.items():
            kept = [" ".join(token if counts[token] > 1 else "<rare>" for token in line) for line in lines]
            (folder / f"{part}.{side}").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return [str(folder / "train"), str(folder / "val")]


def _tokens(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8").replace(".", " .").replace(",", " ,")
    return [line.split() for line in text.split("\n")[:-1]]


def reviews(data: Path, folder: Path, rows: int | None) -> list[str]:
    """The training reviews, every tenth one of which is a validation row; test reviews are for no goal."""
    with gzip.open(data / "imdb" / "train.tsv.gz", "rt", encoding="utf-8", newline="") as file:
        head, *texts = file
    parts = {"valid": texts[::10], "train": [text for place, text in enumerate(texts) if place % 10]}
    for part, kept in parts.items():
        (folder / f"{part}.tsv").write_text(head + "".join(kept), encoding="utf-8", newline="")
    return [str(folder / "train.tsv"), str(folder / "valid.tsv"), "200"]


def lines(*files: str, more: tuple[str, ...] = ()) -> Callable[[Path, Path, int | None], list[str]]:
    return lambda data, folder, rows: [*(str(data / file) for file in files), *more]


KERAS, PACKED = ("keras_texts.py", "Keras"), ("torch_tagger.py", "PyTorch")
JOBS = {
    "sentences": Job("texts", KERAS, lines("rt_polarity/train.tsv", "rt_polarity/valid.tsv", more=("64",)), 0.74),
    "reviews": Job("texts", KERAS, reviews, 0.84),
    "tags": Job("tags", PACKED, lines(*(f"ud_en_ewt/en_ewt-ud-{part}.conllu" for part in ("train", "dev"))), 0.9),
    "pairs": Job("pairs", ("torch_translator.py", "PyTorch"), pairs, 3.0, higher=False),
}


def timed(command: list[str], job: Job) -> tuple[float, float, list[float]]:
    """Seconds by the clock and of the processor until the goal, and the figures on the way; none where it isn't reached."""
    started, figures = time.perf_counter(), []
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True)
        try:
            for line in process.stdout:
                if not line.startswith('{"figure"'):
                    continue
                epoch = json.loads(line)
                figures.append(epoch["figure"])
                if job.reached(epoch["figure"]):
                    return time.perf_counter() - started, epoch["processor"], figures
            if process.wait():
                told.seek(0)
                raise SystemExit(f"{' '.join(command)} failed:\n{told.read()[-2000:]}")
            return float("nan"), float("nan"), figures
        finally:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="+", choices=JOBS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--goal", type=float, help="the figure to reach, instead of the job's own")
    parser.add_argument("--rows", type=int, help="of the training pairs, the first ones")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="of the PyTorch scripts")
    given = parser.parse_args()
    print(
        "| job | goal | system | epochs | seconds | of the processor | the last figure |\n|---|---|---|---|---|---|---|"
    )
    for name in given.jobs:
        job = dataclasses.replace(JOBS[name], goal=given.goal or JOBS[name].goal)
        script, peer = job.peer
        found: dict[str, list[tuple[float, float, list[float]]]] = {"seqkit": [], peer: []}
        with tempfile.TemporaryDirectory() as folder:
            files = job.files(given.data.resolve(), Path(folder), given.rows)
            own = [sys.executable, str(PEERS / "ours.py"), job.ours, *files]
            other = [given.python if "torch" in script else sys.executable, str(PEERS / script), *files]
            for _ in range(given.turns):
                for system, command in (("seqkit", own), (peer, other)):
                    found[system].append(timed(command, job))
        for system, turns in found.items():
            clock, processor = (statistics.median(turn[place] for turn in turns) for place in (0, 1))
            last = turns[-1][2]
            print(
                f"| {name} | {job.goal} | {system} | {len(last)} | {clock:.0f} | {processor:.0f} | {last[-1]:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
