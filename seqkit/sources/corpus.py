"""Running text: files whose order is the data, and the text that every Python brings along."""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.examples import Examples, Role, hold_out
from seqkit.sources.prepared import read_before
from seqkit.sources.reading import read
from seqkit.sources.storing import Gathered
from seqkit.sources.text_files import TextFile, files_of, open_text, suffix_of

STRETCH = 1_000  # characters: what intervals are resampled by
READ = 1 << 20  # characters that are looked at once
TEXTS = (".txt",)
BLANK = re.compile(r"\s")


def read_corpus(
    source: Any,
    columns: Mapping[str, str],
    *,
    contiguous: bool,
    role: Role = "train",
    data_dir: str | None = None,
) -> Examples:
    """Read text.

    Args:
        source: A .txt file (also .gz), a pattern that several fit (part-*.txt), or anything that
            `seqkit.sources.reading.read` takes.
        columns: "text" -> its column in a table.
        contiguous: One running text, cut into stretches whose column "stretch" says that they belong together (see
            `as_stretches`); rows of a table are its lines. Otherwise each line that isn't empty, or each row, is a text by
            itself.
        role, data_dir: As for `seqkit.sources.reading.read`.
    Raises:
        InputError: The source is not as expected.
    """
    if (known := read_before(source, role)) is not None:
        return known
    if isinstance(source, str | Path) and suffix_of(Path(source)) in TEXTS:
        opened = [open_text(path) for path in files_of(Path(source))]
        for file in opened:
            if not any(piece.strip() for piece in file.pieces()):
                raise InputError(f"{file.path} is empty: expected text.")
        examples = _one_text(opened, str(source)) if contiguous else _lines(opened, str(source))
        findings = tuple(finding for file in opened for finding in file.findings)
        return dataclasses.replace(examples, findings=(*findings, *examples.findings))
    examples = read(source, columns, role=role, data_dir=data_dir)
    if not contiguous:
        return examples
    texts = itertools.chain.from_iterable(("\n" if row else "", text) for row, text in enumerate(examples["text"]))
    stretches = as_stretches(texts, examples.origin)
    return dataclasses.replace(stretches, lines=None, findings=examples.findings)


def _one_text(opened: Sequence[TextFile], origin: str) -> Examples:
    """The texts of files, one after the other, as one."""
    files: list[tuple[str, int]] = []

    def pieces() -> Iterator[str]:
        lines = 0
        for file in opened:
            files.append((str(file.path), lines))
            piece = ""
            for piece in file.pieces():
                lines += piece.count("\n")
                yield piece
            if file is not opened[-1] and not piece.endswith("\n"):
                lines += 1
                yield "\n"

    examples = as_stretches(pieces(), origin)
    return dataclasses.replace(examples, files=tuple(files)) if len(files) > 1 else examples


def _lines(opened: Sequence[TextFile], origin: str) -> Examples:
    """Each line that isn't empty as a text by itself."""
    texts, lines, empty = Gathered("text"), Gathered("lines"), list[str]()
    files: list[tuple[str, int]] = []
    number = 0
    for file in opened:
        files.append((str(file.path), number))
        for line in file.lines:
            number += 1
            if line:
                texts.append(line)
                lines.append(number)
            else:
                empty.append(file.place(number - files[-1][1]))
    found = (Finding.at("empty_line", "note", f"{len(empty):,} empty lines are no texts", empty),) if empty else ()
    several = tuple(files) if len(files) > 1 else ()
    return Examples({"text": texts.done()}, origin, lines=lines.done(), findings=found, files=several)


def as_stretches(pieces: Iterable[str], origin: str) -> Examples:
    """Cut a running text, which comes in pieces, into stretches of some `STRETCH` characters: columns "text" and "stretch".

    Each ends with the first line end after so many characters. A line that goes on for as many again is cut before the first
    blank among these, or, where there is none, anywhere. Less than a quarter of a stretch at the end belongs to
    the last one.
    """
    texts, numbers, lines, line = Gathered("text"), Gathered("stretch"), Gathered("lines"), 1
    for number, text in enumerate(_stretches(pieces)):
        texts.append(text)
        numbers.append(str(number))
        lines.append(line)
        line += text.count("\n")
    return Examples({"text": texts.done(), "stretch": numbers.done()}, origin, lines=lines.done())


def _stretches(pieces: Iterable[str]) -> Iterator[str]:
    held, rest = "", iter(pieces)
    more = True
    while held or more:
        # how a stretch ends is known once as much stands behind it as would make a stretch of its own
        parts, size = [held], len(held)
        while more and size < READ:
            piece = next(rest, None)
            more = piece is not None
            parts.append(piece or "")
            size += len(piece or "")
        held, start = "".join(parts), 0
        while start < len(held) and (not more or len(held) - start > 2 * STRETCH + STRETCH // 4):
            end = _cut(held, start + STRETCH)
            end = len(held) if not more and len(held) - end < STRETCH // 4 else end
            yield held[start:end]
            start = end
        held = held[start:]


def _cut(text: str, least: int) -> int:
    """The first place to cut at from `least` on."""
    most = least + STRETCH
    line_end = text.find("\n", least, most)
    if line_end >= 0:
        return line_end + 1
    blank = BLANK.search(text, least, most)
    return blank.start() if blank else most


def hold_out_end(examples: Examples, *, by: str | None, seed: int) -> tuple[Examples, Examples]:
    """Set the last tenth of a running text aside for validation; of separate texts a seeded tenth, as `hold_out` does.

    Raises:
        InputError: The text is too short.
    """
    if "stretch" not in examples.columns:
        return hold_out(examples, by=by, seed=seed)
    rows = len(examples)
    if rows < 2:
        raise InputError(
            f"{examples.origin} is too short to hold a tenth out for validation: give more, or validation data (--valid for "
            "seqkit train)."
        )
    kept = rows - max(1, rows // 10)
    rest = examples.take(range(kept, rows), f"the last tenth of {examples.origin}")
    return examples.take(range(kept), examples.origin), rest
