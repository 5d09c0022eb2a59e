"""Highest resident memory of training, evaluating and predicting on a file once, four and sixteen times as long.

    python benchmarks/data_memory.py sentiment reviews.tsv -- --training.epochs 1 --stack.units 16

What is given behind -- are settings of the training. Each is a process of its own, in an empty cache. A copy of a row ends
in a word of its own, so that no row stands there twice. Bytes a token are the growth over the first row of the table, by the
tokens that there are more: what blanks part, or of a .txt file characters. With --lines the first run is asked files of so
many lines of text, too: then bytes a token are those a line.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def copies(path, times, to):
    """Write a file so many times over; returns its tokens."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    running = path.name.removesuffix(".gz").endswith(".txt")
    head, tokens = ([] if running else [lines.pop(0)]), 0
    with open(to, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in head)
        for number in range(times):
            for line in lines:
                written = line if running or not number else f"{line} copy{number}"
                file.write(written + "\n")
                tokens += len(written) + 1 if running else len(written.split())
    return tokens


def peak(arguments, folder, **options):
    """Megabytes and seconds of a command."""
    started = time.perf_counter()
    environment = os.environ | {"SEQKIT_CACHE": str(folder / f"cache{time.time_ns()}")}
    command = [sys.executable, "-m", "seqkit.cli", *map(str, arguments)]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log, **options)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit((folder / "log").read_text()[-1000:])
    return used.ru_maxrss / 1024, time.perf_counter() - started


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("data", type=Path)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--lines", type=int, nargs="*", default=[], help="to be predicted by the first run")
    options, settings = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    print(f"{'':10} {'times':>6} {'tokens':>12} {'MB':>7} {'seconds':>8}  bytes a token more")
    first = {}

    def told(what, times, tokens, megabytes, seconds):
        before = first.setdefault(what, (tokens, megabytes))
        more = f"{(megabytes - before[1]) * 2**20 / (tokens - before[0]):18.1f}" if tokens > before[0] else ""
        print(f"{what:10} {times:6} {tokens:12,} {megabytes:7.0f} {seconds:8.0f}  {more}", flush=True)

    for times in options.times:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            data = folder / f"rows{Path(options.data.name.removesuffix('.gz')).suffix}"
            tokens = copies(options.data, times, data)
            run = folder / "run"
            commands = {
                "train": ["train", options.recipe, "--data", data, "--out", run, *settings],
                "evaluate": ["evaluate", run, "--data", data, "--name", "again"],
                "predict": ["predict", run, data],
            }
            for what, command in commands.items():
                told(what, times, tokens, *peak(command, folder))
            for count in options.lines if times == options.times[0] else ():
                with open(folder / "lines.txt", "w") as file:
                    file.writelines(f"a line of text, number {number}\n" for number in range(count))
                told("lines", "", count, *peak(["predict", run, folder / "lines.txt"], folder))


if __name__ == "__main__":
    main()
