"""Data at its extremes through the command line: each case trains, or is refused by one sentence.

    python benchmarks/extremes.py
    python benchmarks/extremes.py --recipes tagging --cases "100,000 classes"

No rows, one row, one class, 100,000 classes, a row of a million tokens, a million rows of one token, a vocabulary of a
million, of the smallest model there is, over one epoch. Each case is a process of its own on a file that is written here; a
line says how many seconds it took, how many of processor time, the most resident memory that it had, and how it ended.
"""

import argparse
import dataclasses
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

MILLION = 1_000_000
MANY = 100_000
LONGEST = 1800  # seconds of processor time, after which a case is ended
READ = ["--embedding.units", "4", "--stack.units", "4", "--training.epochs", "1"]
WRITTEN = ["--embedding.units", "4", "--encoder.units", "4", "--decoder.units", "4", "--training.epochs", "1"]
SETTINGS = {
    "sentiment": READ,
    "tagging": [*READ, "--characters", "none"],
    "language_model": READ,
    "translation": [*WRITTEN, "--unit", "whitespace"],
}
FILES = {"sentiment": "rows.tsv", "tagging": "rows.conll", "language_model": "text.txt", "translation": "rows.tsv"}
WIDE = ("--training.batch-size", "512")


@dataclasses.dataclass(frozen=True)
class Case:
    """Data, and how it is asked to be learned.

    Attributes:
        lines: Of the file.
        settings: Beside those of the recipe.
        valid: Whether the same file is the validation data, as so few rows can't be held out of.
    """

    recipe: str
    name: str
    lines: Iterable[str]
    settings: tuple[str, ...] = ()
    valid: bool = False


def cases() -> Iterator[Case]:
    """All of them; the lines are made as they are read."""
    yield from _sentiment()
    yield from _tagging()
    yield from _language_model()
    yield from _translation()


def _words(count: int, start: int = 0) -> str:
    return " ".join(f"w{number}" for number in range(start, start + count))


def _sentiment() -> Iterator[Case]:
    def labelled(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
        yield "label\ttext\n"
        yield from (f"{label}\t{text}\n" for label, text in rows)

    both = itertools.cycle(["good", "bad"])
    pairs = ((f"c{n % MANY}", f"w{n % 1000} w{n % MANY // 1000}") for n in range(2 * MANY))
    named = "sentiment"
    yield Case(named, "no file to speak of", [""])
    yield Case(named, "no rows", labelled([]))
    yield Case(named, "one row", labelled([("good", "a film")]))
    yield Case(named, "one row, twice", labelled([("good", "a film")]), valid=True)
    yield Case(named, "one class", labelled(("good", f"film {n}") for n in range(40)))
    yield Case(named, "100,000 classes", labelled(pairs), WIDE)
    thousand = ((f"c{n % 1000}", f"w{n % 100} w{n % 1000 // 100}") for n in range(20_000))
    yield Case(named, "1,000 classes", labelled(thousand), WIDE)
    long = itertools.chain([("good", "w " * MILLION)], ((next(both), f"film {n % 20}") for n in range(60)))
    yield Case(named, "a row of a million", labelled(long), ("--max-length", "2000000"))
    yield Case(named, "a million rows", labelled((next(both), f"w{n % 500}") for n in range(MILLION)), WIDE)
    rare = ((next(both), _words(500, 500 * n)) for n in range(2500))
    yield Case(named, "a vocabulary of a million", labelled(rare), ("--vocabulary-size", "1300000", "--min-count", "1"))


def _tagging() -> Iterator[Case]:
    def sentences(tokens: Iterable[tuple[str, str]], length: int) -> Iterator[str]:
        for number, (word, tag) in enumerate(tokens, start=1):
            yield f"{word} {tag}\n" + "\n" * (number % length == 0)

    named = "tagging"
    many = [(f"w{n % 1000}", f"c{n % MANY}") for n in range(4 * MANY)]
    yield Case(named, "no file to speak of", [""])
    yield Case(named, "no rows", ["\n"])
    yield Case(named, "one row", ["a X\nb Y\n"])
    yield Case(named, "one row, twice", ["a X\nb Y\n"], valid=True)
    yield Case(named, "one class", sentences([("a", "X")] * 80, 2))
    yield Case(named, "100,000 classes", sentences(many, 10))
    yield Case(named, "100,000 classes in a chain", sentences(many, 10), ("--output", "crf"))
    yield Case(named, "100,000 kinds of spans", sentences(((word, f"B-{tag}") for word, tag in many), 10))
    yield Case(
        named, "1,000 classes in a chain", sentences(((w, f"c{n % 1000}") for n, (w, _) in enumerate(many[:MANY])), 10),
        ("--output", "crf"),
    )  # fmt: skip
    tokens = [(f"w{n % 50}", "XY"[n % 2]) for n in range(MILLION)]
    short = itertools.chain(sentences(tokens, MILLION), sentences(tokens[:100], 2))
    yield Case(named, "a row of a million", short)
    yield Case(named, "a million rows", sentences(tokens, 1), WIDE)
    rare = ((f"w{n}", "XY"[n % 2]) for n in range(MILLION + 2 * MANY))
    yield Case(named, "a vocabulary of a million", sentences(rare, 100), ("--vocabulary-size", "1300000"))


def _language_model() -> Iterator[Case]:
    def words(count: int, total: int) -> Iterator[str]:
        yield from (f"w{7919 * n % count} " + "\n" * (n % 20 == 19) for n in range(total))

    named, lines = "language_model", "--no-contiguous"
    yield Case(named, "no file to speak of", [""])
    yield Case(named, "no rows", ["\n\n"], (lines,))
    yield Case(named, "one row", ["a\n"], (lines,))
    yield Case(named, "one row, twice", ["a\n"], (lines,), valid=True)
    yield Case(named, "one class", ["a" * 5000])
    yield Case(named, "100,000 classes", words(MANY, 4 * MANY), ("--unit", "word", "--vocabulary-size", "100010"))
    long = itertools.chain(["abcdefghij" * (MILLION // 10) + "\n"], ["abc\n"] * 100)
    yield Case(named, "a row of a million", long, (lines,))
    yield Case(named, "a million rows", ("abcdefghij"[n % 10] + "\n" for n in range(MILLION)), (lines, *WIDE))
    million = MILLION + 2 * MANY
    yield Case(
        named, "a vocabulary of a million", words(million, million), ("--unit", "word", "--vocabulary-size", "1300000")
    )


def _translation() -> Iterator[Case]:
    def paired(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
        yield "source\ttarget\n"
        yield from (f"{source}\t{target}\n" for source, target in rows)

    named, known = "translation", ("--vocabulary-size", "1300000")
    yield Case(named, "no file to speak of", [""])
    yield Case(named, "no rows", paired([]))
    yield Case(named, "one row", paired([("a", "b")]))
    yield Case(named, "one row, twice", paired([("a", "b")]), valid=True)
    yield Case(named, "one class", paired((f"a {n}", "b") for n in range(60)))
    yield Case(named, "100,000 classes", paired((f"w{n}", f"v{n}") for n in range(MANY)), known)
    long = [("a b " * (MILLION // 2), "c d " * (MILLION // 2)), *((f"a {n % 9}", f"c {n % 9}") for n in range(60))]
    yield Case(named, "a row of a million", paired(long), ("--max-length", "2000000"))
    yield Case(named, "a row of a million, left out", paired(long))
    yield Case(named, "a million rows", paired((f"w{n % 500}", f"v{n % 500}") for n in range(MILLION)), WIDE)
    rare = ((_words(50, 50 * n), _words(50, 50 * n)) for n in range(22_000))
    yield Case(named, "a vocabulary of a million", paired(rare), known)


def run(case: Case, folder: Path) -> str:
    """Train, and say how it went."""
    path = folder / FILES[case.recipe]
    with open(path, "w") as file:
        file.writelines(case.lines)
    command = [sys.executable, "-m", "seqkit.cli", "train", case.recipe, "--data", str(path), *SETTINGS[case.recipe]]
    command += [*case.settings, "--out", str(folder / "run"), *(["--valid", str(path)] if case.valid else [])]
    started = time.monotonic()
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"SEQKIT_CACHE": str(folder / "cache")}
        )
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (LONGEST, LONGEST))
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    said = (folder / "log").read_text(errors="replace")
    how = "trained" if process.returncode == 0 else f"ended with {process.returncode}"
    if sentences := [line for line in said.splitlines() if line.startswith("seqkit: ")]:
        how = sentences[-1].replace(f"{folder}/", "")
    if "Traceback" in said or process.returncode < 0:
        how = f"FAILED ({process.returncode}): " + said.splitlines()[-1][:200]
    busy = used.ru_utime + used.ru_stime
    return f"{time.monotonic() - started:8.1f} s{busy:8.1f} s busy{used.ru_maxrss / 1024:8,.0f} MB  {how}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--cases", nargs="+", default=None)
    options = parser.parse_args()
    for case in cases():
        if case.recipe in options.recipes and (options.cases is None or case.name in options.cases):
            with tempfile.TemporaryDirectory() as folder:
                print(f"{case.recipe:15}{case.name:30}{run(case, Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
