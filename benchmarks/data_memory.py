"""Highest memory of training, evaluating and predicting on a file once, four and sixteen times as long.

    python benchmarks/data_memory.py sentiment reviews.tsv -- --training.epochs 1 --stack.units 16
    python benchmarks/data_memory.py language_model --megabytes 50 500 5000 -- --training.max-epoch-steps 500

What is given behind -- are settings of the training. Each is a process of its own, in an empty cache. A copy of a row ends
in a word of its own, so that no row stands there twice. "own MB" are looked at twenty times a second: what the process holds
that is no page of a file, for such pages the system takes back as it needs memory. "resident MB" are all, the highest that
the system saw. Bytes a token are the growth of the first over the first row of the table, by the tokens that there are more:
what blanks part, or of a .txt file characters. With --lines the first run is asked files of so many lines of text, too: then
bytes a token are those a line.
"""

import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LOOKS = 20  # a second, at what a process holds
WORDS, LONGEST, WIDTH = 50_000, 10, 12  # of what is made up: distinct words, letters of one, words of a line


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


def made_up(size, to):
    """Write some bytes of text; returns how many."""
    rng = np.random.default_rng(0)
    letters = rng.choice(list("etaoinshrdlucmfwygpbvk"), (WORDS, LONGEST))
    words = np.array(
        ["".join(row[:length]) for row, length in zip(letters, rng.integers(1, LONGEST, WORDS), strict=True)], object
    )
    shares = np.cumsum(1 / np.arange(1, WORDS + 1))
    written = 0
    with open(to, "w") as file:
        while written < size:
            lines = words[np.searchsorted(shares, shares[-1] * rng.random((20_000, WIDTH)))].tolist()
            text = "".join(" ".join(line) + "\n" for line in lines)
            written += file.write(text[: size - written])
    return written


def asked_lines(count, tagged, to):
    """Write lines to be predicted, or sentences of a token file."""
    line = "a X\nline X\nof X\ntext {} X\n\n" if tagged else "a line of text, number {}\n"
    with open(to, "w") as file:
        file.writelines(line.format(f"w{number}" if tagged else number) for number in range(count))


def peak(arguments, folder, **options):
    """Megabytes of its own and of all that is resident, seconds, and seconds of processor time of a command."""
    started = time.perf_counter()
    environment = os.environ | {"SEQKIT_CACHE": str(folder / f"cache{time.time_ns()}")}
    command = [sys.executable, "-m", "seqkit.cli", *map(str, arguments)]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log, **options)
        own = 0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            own = max(own, own_kilobytes(process.pid))
            time.sleep(1 / LOOKS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit((folder / "log").read_text()[-1000:])
    return own / 1024, used.ru_maxrss / 1024, time.perf_counter() - started, used.ru_utime + used.ru_stime


def own_kilobytes(pid):
    """Of a process, what is no page of a file."""
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(map(int, re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+)", status, re.MULTILINE)))


def on_made_up(size, options, settings, folder, told):
    """Prepare, train, evaluate and predict, with what each took."""
    data, some, prepared, run = (folder / name for name in ("text.txt", "some.txt", "prepared", "run"))
    size = made_up(size, data)
    with open(data) as file:
        some.write_text(file.read(10**6))
    unit = ["--unit", options.unit]
    commands = {
        "prepare": ["prepare", options.recipe, "--data", data, "--valid", some, "--out", prepared, *unit],
        "train": ["train", options.recipe, "--data", prepared, "--out", run, *unit, *settings],
        "evaluate": ["evaluate", run, "--data", some, "--name", "again"],
        "predict": ["predict", run, some],
    }
    for what, command in commands.items():
        own, resident, seconds, busy = peak(command, folder)
        told(what, "", size, own, resident, seconds, busy)
        if what == "prepare":
            print(f"{size / seconds / 1e6:.1f} MB a second, {size / busy / 1e6:.1f} of processor time", flush=True)
            data.unlink()


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--lines", type=int, nargs="*", default=[], help="to be predicted by the first run")
    parser.add_argument(
        "--megabytes", type=int, nargs="+", default=[], help="of text that is made up, in place of a file"
    )
    parser.add_argument("--unit", default="symbol", help="of that")
    options, settings = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    if (options.data is None) != bool(options.megabytes):
        parser.error("give a file, or --megabytes of text that is made up")
    heads = f"{'':10} {'times':>6} {'tokens':>13} {'own MB':>7} {'resident MB':>11} {'seconds':>8}"
    print(f"{heads} {'of processor':>12}  bytes a token more")
    first = {}

    def told(what, times, tokens, own, resident, seconds, busy):
        before = first.setdefault(what, (tokens, own))
        more = f"{(own - before[1]) * 2**20 / (tokens - before[0]):18.1f}" if tokens > before[0] else ""
        print(
            f"{what:10} {times:6} {tokens:13,} {own:7.0f} {resident:11.0f} {seconds:8.0f} {busy:12.0f}  {more}",
            flush=True,
        )

    for size in options.megabytes:
        with tempfile.TemporaryDirectory() as name:
            on_made_up(size * 10**6, options, settings, Path(name), told)
    for times in () if options.megabytes else options.times:
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
                asked_lines(count, options.recipe == "tagging", folder / "lines.txt")
                told("lines", "", count, *peak(["predict", run, folder / "lines.txt"], folder))


if __name__ == "__main__":
    main()
