"""Running text: files whose order is the data, and the text that every Python brings along."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.sources.examples import Examples, Role, hold_out
from seqkit.sources.reading import read
from seqkit.sources.text_files import lines_of, read_text, suffix_of

STRETCH = 1_000  # characters: what intervals are resampled by
TEXTS = (".txt",)


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
        contiguous: One running text, cut into stretches of whole lines whose column "stretch" says that they belong
            together; rows of a table are its lines. Otherwise each line, or row, is a text by itself.
        role, data_dir: As for `seqkit.sources.reading.read`.
    Raises:
        InputError: The source is not as expected.
    """
    if isinstance(source, Examples):
        return source
    if isinstance(source, str | Path) and suffix_of(Path(source)) in TEXTS:
        text, origin = read_text(Path(source)), str(source)
        if not text.strip():
            raise InputError(f"{source} is empty: expected text.")
        if not contiguous:
            return Examples({"text": [line for line in lines_of(text) if line]}, origin)
    else:
        examples = read(source, columns, role=role, data_dir=data_dir)
        if not contiguous:
            return examples
        text, origin = "\n".join(examples["text"]), examples.origin
    return Examples(as_stretches(text), origin)


def as_stretches(text: str) -> dict[str, list[str]]:
    """Cut a text at the first line end after every so many characters: columns "text" and "stretch"."""
    pieces = re.findall(rf"(?s).{{1,{STRETCH}}}[^\n]*(?:\n|\Z)", text)
    return {"text": pieces, "stretch": [str(number) for number in range(len(pieces))]}


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
