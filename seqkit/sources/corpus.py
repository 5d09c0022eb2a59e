"""Running text: files whose order is the data, and the text that every Python brings along."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.examples import Examples, Role, hold_out
from seqkit.sources.reading import read
from seqkit.sources.text_files import TextFile, open_text, suffix_of

STRETCH = 1_000  # characters: what intervals are resampled by
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
        source: A .txt file (also .gz), or anything that `seqkit.sources.reading.read` takes.
        columns: "text" -> its column in a table.
        contiguous: One running text, cut into stretches whose column "stretch" says that they belong together (see
            `as_stretches`); rows of a table are its lines. Otherwise each line that isn't empty, or each row, is a text by
            itself.
        role, data_dir: As for `seqkit.sources.reading.read`.
    Raises:
        InputError: The source is not as expected.
    """
    if isinstance(source, Examples):
        return source
    if isinstance(source, str | Path) and suffix_of(Path(source)) in TEXTS:
        file, origin = open_text(Path(source)), str(source)
        if not file.text.strip():
            raise InputError(f"{source} is empty: expected text.")
        if not contiguous:
            return _lines(file, origin)
        stretches = as_stretches(file.text)
        begins = itertools.accumulate((piece.count("\n") for piece in stretches["text"][:-1]), initial=1)
        return Examples(stretches, origin, lines=list(begins), findings=file.findings)
    examples = read(source, columns, role=role, data_dir=data_dir)
    if not contiguous:
        return examples
    return Examples(as_stretches("\n".join(examples["text"])), examples.origin, findings=examples.findings)


def _lines(file: TextFile, origin: str) -> Examples:
    """Each line that isn't empty as a text by itself."""
    lines = file.lines
    kept = [number for number, line in enumerate(lines, start=1) if line]
    empty = [f"{origin}, line {number}" for number, line in enumerate(lines, start=1) if not line]
    found = (Finding.at("empty_line", "note", f"{len(empty):,} empty lines are no texts", empty),) if empty else ()
    return Examples(
        {"text": [lines[number - 1] for number in kept]}, origin, lines=kept, findings=(*file.findings, *found)
    )


def as_stretches(text: str) -> dict[str, list[str]]:
    """Cut a running text into stretches of some `STRETCH` characters: columns "text" and "stretch".

    Each ends with the first line end after so many characters. A line that goes on for as many again is cut before the first
    blank among these, or, where there is none, anywhere. Less than a quarter of a stretch at the end belongs to
    the last one.
    """
    pieces, start = [], 0
    while start < len(text):
        end = _cut(text, start + STRETCH)
        end = len(text) if len(text) - end < STRETCH // 4 else end
        pieces.append(text[start:end])
        start = end
    return {"text": pieces, "stretch": [str(number) for number in range(len(pieces))]}


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
        raise InputError(f"{examples.origin} is too short to hold a tenth out for validation: give --valid.")
    kept = rows - max(1, rows // 10)
    rest = examples.take(range(kept, rows), f"the last tenth of {examples.origin}")
    return examples.take(range(kept), examples.origin), rest
