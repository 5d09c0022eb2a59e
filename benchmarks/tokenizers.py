"""The ids of training beside those of seqkit_runner and of tokenizer.js, on random Unicode and on lines of files.

    python benchmarks/tokenizers.py --strings 1000000 --files ../data ../cases

Every string goes through every unit, with a vocabulary that is learned from a part of the lines and of random strings, and
through a tagger's lexicon: split, cased, with characters. Counted are lines whose ids differ from training's, or whose text
written from these ids does; it ends with status 1 if there is one. Seconds are those of processors, in the
readers alone.

Random strings have 0 to 24 characters. Each takes every character from one of two pools, which are drawn from: ASCII; any
character that isn't a surrogate; Latin letters and combining marks; marks of any kind; Greek, with sigmas; Cyrillic and
Armenian; Hebrew and Arabic; Devanagari and Thai; syllables and letters of Hangul; kana and Chinese; full width; emoji,
joiners, skin tones and flags; symbols and punctuation; controls and blanks of all kinds; capitals and titles of any script.
One in five holds one of: <br>, <BR />, a joined emoji, a decomposed letter, an apostrophe between letters, the mark of a
word, a final sigma, a dotted İ.
"""

import argparse
import gzip
import json
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seqkit.export.tokenizer_file import tokenizer_json
from seqkit.text.lexicon import Lexicon, split_tokens
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import Vocabulary, learn_vocabulary
from seqkit_runner.tokenizer import Tokenizer

LOWERCASE = {  # by unit
    "word": True,
    "whitespace": False,
    "marked_word": False,
    "character": True,
    "symbol": False,
    "subword": False,
    "unigram": True,
    "tagger": True,
}
CHUNK = 10_000
CHARACTERS = 2_000_000
LONGEST = 24
SNIPPETS = (
    "<br>",
    "<BR />",
    "👩🏽\u200d🚀",
    "e\u0323\u0302",
    "o'c",
    "l’é",
    " ▁",
    "ΑΣ ",
    "ΑΣ'",
    "İI",
    "각\u11a8",
    "\u1100\u1161\u11a8",
)
_NODE = """
import readline from "node:readline";
const { Tokenizer } = await import(process.argv[1]);
let tokenizer;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { value, tagger, rows } = JSON.parse(line);
  if (value) tokenizer = Tokenizer.fromJson(value);
  const begin = process.cpuUsage();
  const ids = rows.map((row) => (tagger ? tokenizer.sentence(row) : tokenizer.ids(row)));
  const { user, system } = process.cpuUsage(begin);
  const texts = tagger ? [] : ids.map((row) => tokenizer.text(row));
  process.stdout.write(JSON.stringify({ ids, texts, seconds: (user + system) / 1e6 }) + "\\n");
}
"""


def pools() -> list[np.ndarray]:
    """Code points to draw from."""
    every = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    kinds = {code: unicodedata.category(chr(code)) for code in every}

    def span(*ends: int) -> list[int]:
        return [code for first, last in zip(ends[::2], ends[1::2], strict=True) for code in range(first, last + 1)]

    chosen = [
        span(0x20, 0x7E),
        every,
        span(0x41, 0x5A, 0x61, 0x7A, 0xC0, 0x24F, 0x300, 0x36F, 0x300, 0x345, 0x1E00, 0x1EFF),
        [code for code in every if kinds[code][0] == "M"],
        [*span(0x370, 0x3FF, 0x1F00, 0x1FFF), *[0x3A3] * 60, 0x27, 0x2E, 0x20, 0x301],
        span(0x400, 0x58F),
        span(0x590, 0x6FF, 0x750, 0x77F, 0x200E, 0x200F, 0x202A, 0x202E),
        span(0x900, 0x97F, 0xE00, 0xE7F, 0x20, 0x20),
        span(0xAC00, 0xD7A3, 0x1100, 0x11FF, 0x1100, 0x1112, 0x1161, 0x1175, 0x11A7, 0x11C2),
        span(0x3040, 0x30FF, 0x4E00, 0x4FFF, 0xF900, 0xFAD9, 0x2F800, 0x2F8FF),
        span(0xFF00, 0xFFEF),
        [*span(0x1F300, 0x1FAFF, 0x1F1E6, 0x1F1FF, 0x1F3FB, 0x1F3FF), *[0x200D, 0xFE0F] * 50],
        [code for code in every if kinds[code][0] in "SP"],
        [*span(0, 0x20, 0x7F, 0xA0), *[code for code in every if kinds[code][0] == "Z" or kinds[code] == "Cf"]],
        [code for code in every if kinds[code] in ("Lu", "Lt")],
    ]
    return [np.array(codes) for codes in chosen]


def random_strings(count: int, seed: int) -> Iterator[list[str]]:
    """The mixture above, in chunks."""
    drawn = pools()
    flat = np.concatenate(drawn)
    sizes = np.array([len(pool) for pool in drawn])
    starts = np.cumsum(sizes) - sizes
    for begin in range(0, count, CHUNK):
        rng = np.random.default_rng([seed, begin])
        lengths = rng.integers(0, LONGEST + 1, min(CHUNK, count - begin))
        row = np.repeat(np.arange(len(lengths)), lengths)
        pool = rng.integers(0, len(drawn), (len(lengths), 2))[row, rng.integers(0, 2, len(row))]
        codes = flat[starts[pool] + (rng.random(len(row)) * sizes[pool]).astype(np.int64)]
        text = codes.astype("<u4").tobytes().decode("utf-32-le")
        ends = np.cumsum(lengths).tolist()
        texts = [text[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
        snippets = rng.integers(0, 5 * len(SNIPPETS), len(lengths)).tolist()
        yield [
            own[: len(own) // 2] + SNIPPETS[number] + own[len(own) // 2 :] if number < len(SNIPPETS) else own
            for own, number in zip(texts, snippets, strict=True)
        ]


def lines_of_files(paths: list[Path]) -> tuple[list[str], int, int]:
    """All lines of all files in UTF-8, compressed or not; how many files those are, and how many are left out."""
    lines: list[str] = []
    read = left_out = 0
    for path in sorted(path for given in paths for path in (given.rglob("*") if given.is_dir() else [given])):
        if path.is_file():
            try:
                data = path.read_bytes()
                lines += (gzip.decompress(data) if path.suffix == ".gz" else data).decode().split("\n")
                read += 1
            except UnicodeDecodeError:
                left_out += 1
    return lines, read, left_out


def chunks_of(lines: list[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += len(line)
        if len(chunk) == CHUNK or characters > CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    yield chunk


class JavaScript:
    """tokenizer.js in a process of its own."""

    def __init__(self) -> None:
        module = (Path(__file__).parents[1] / "runners/javascript/tokenizer.js").resolve().as_uri()
        command = ["node", "--input-type=module", "--eval", _NODE, module]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, value: dict | None, tagger: bool, rows: list[str]) -> dict:
        self.process.stdin.write(json.dumps({"value": value, "tagger": tagger, "rows": rows}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class Compared:
    """One unit: lines that differ from training's, and seconds, by reader."""

    def __init__(self, unit: str, sample: list[str], size: int) -> None:
        self.unit, self.tagger = unit, unit == "tagger"
        lowercase = LOWERCASE[unit]
        self.words: Vocabulary | Lexicon
        if self.tagger:
            self.words = Lexicon.build(split_tokens(sample), lowercase=lowercase, size=size, min_count=1, longest=12)
        else:
            self.words = learn_vocabulary(sample, unit=unit, lowercase=lowercase, size=size, min_count=2)
        self.value = json.loads(json.dumps(tokenizer_json(self.words)))
        self.python, self.javascript, self.sent = Tokenizer.from_json(self.value), JavaScript(), False
        self.lines = 0
        self.differing = {"python ids": 0, "python texts": 0, "javascript ids": 0, "javascript texts": 0}
        self.seconds = {"training": 0.0, "python": 0.0, "javascript": 0.0}
        self.first: dict[str, str] = {}

    def training(self, lines: list[str]) -> tuple[list, list[str]]:
        if isinstance(self.words, Vocabulary):
            encoded = self.words.encode(tokenize(lines, self.words.tokenizer, cache=False))
            return [encoded[row].tolist() for row in range(len(lines))], self.words.written(encoded)
        tokens = split_tokens(lines)
        columns, _ = self.words.encode(tokens)
        ids, spelt = columns["ids"], columns["characters"]
        rows = [
            [[tokens.types[place] for place in tokens.indices[row]], ids[row].tolist()[:-1], spelt[row].tolist()[:-1]]
            for row in range(len(lines))
        ]
        return rows, []

    def __call__(self, lines: list[str]) -> None:
        begin = time.process_time()
        expected, texts = self.training(lines)
        self.seconds["training"] += time.process_time() - begin
        begin = time.process_time()
        ids = [list(self.python.sentence(line)) if self.tagger else self.python.ids(line) for line in lines]
        self.seconds["python"] += time.process_time() - begin
        answer = self.javascript(None if self.sent else self.value, self.tagger, lines)
        self.sent = True
        self.seconds["javascript"] += answer["seconds"]
        written = [] if self.tagger else [self.python.text(row) for row in ids]
        self._count("python ids", lines, expected, ids)
        self._count("python texts", lines, texts, written)
        self._count("javascript ids", lines, expected, answer["ids"])
        self._count("javascript texts", lines, texts, answer["texts"])
        self.lines += len(lines)

    def _count(self, name: str, lines: list[str], expected: list, found: list) -> None:
        differing = [line for line, one, other in zip(lines, expected, found, strict=False) if one != other]
        self.differing[name] += len(differing) + abs(len(expected) - len(found))
        if differing:
            self.first.setdefault(name, differing[0])

    def __str__(self) -> str:
        differing = ", ".join(f"{name} {count}" for name, count in self.differing.items())
        speeds = ", ".join(f"{name} {self.lines / max(seconds, 1e-9):,.0f}" for name, seconds in self.seconds.items())
        shown = "".join(f"\n    {name}: {line!r}" for name, line in self.first.items())
        return f"{self.unit:12} {self.lines:>9,} lines; differing: {differing}; lines a second: {speeds}{shown}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=1_000_000)
    parser.add_argument("--files", type=Path, nargs="*", default=[], help="files, or folders of them")
    parser.add_argument("--units", nargs="+", choices=list(LOWERCASE), default=list(LOWERCASE))
    parser.add_argument("--size", type=int, default=8000, help="tokens of each vocabulary")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    lines, read, left_out = lines_of_files(given.files)
    print(f"{len(lines):,} lines of {read} files; {left_out} files are no text in UTF-8", flush=True)
    sample = lines[:: max(1, len(lines) // 20_000)] + next(random_strings(1000, given.seed + 1))
    compared = [Compared(unit, sample, given.size) for unit in given.units]
    sources = {
        "lines of files": chunks_of(lines),
        "random strings": random_strings(given.strings, given.seed),
    }
    for name, chunks in sources.items():
        for number, chunk in enumerate(chunks, start=1):
            for one in compared:
                one(chunk)
            if number % 20 == 0:
                print(f"{name}, chunk {number}", *compared, sep="\n", flush=True)
        print(f"all {name}, and before", *compared, sep="\n", flush=True)
    sys.exit(any(any(one.differing.values()) for one in compared))


if __name__ == "__main__":
    main()
