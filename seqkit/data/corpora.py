"""Running text: files whose order is the data, and the text that every Python brings along."""

import re
from pathlib import Path
from typing import Any

from seqkit.data.sources import Examples, Role, lines_of, read, read_text
from seqkit.data.splits import Splits
from seqkit.errors import InputError

STRETCH = 1_000  # characters: what intervals are resampled by
TEXTS = (".txt",)


def read_corpus(
    source: Any, field: str, column: str, role: Role, data_dir: str | None, *, contiguous: bool
) -> Examples:
    """Read text.

    Args:
        source: A .txt file (also .gz), or anything that `seqkit.data.read` takes.
        field: What the texts are called here.
        column: Their column in a table.
        contiguous: One running text, cut into stretches of whole lines whose column "stretch" says that they belong
            together; rows of a table are its lines. Otherwise each line, or row, is a text by itself.
    Raises:
        InputError: The source is not as expected.
    """
    if isinstance(source, Examples):
        return source
    if isinstance(source, str | Path) and Path(str(source).removesuffix(".gz")).suffix in TEXTS:
        text, origin = read_text(Path(source)), str(source)
        if not text.strip():
            raise InputError(f"{source} is empty: expected text.")
        if not contiguous:
            return Examples({field: [line for line in lines_of(text) if line]}, origin)
    else:
        examples = read(source, {field: column}, role=role, data_dir=data_dir)
        if not contiguous:
            return examples
        text, origin = "\n".join(examples[field]), examples.origin
    return as_stretches(text, field, origin)


def as_stretches(text: str, field: str, origin: str) -> Examples:
    """Cut a text at the first line end after every so many characters."""
    pieces = re.findall(rf"(?s).{{1,{STRETCH}}}[^\n]*(?:\n|\Z)", text)
    return Examples({field: pieces, "stretch": [str(number) for number in range(len(pieces))]}, origin)


def split_corpus(train: Examples, valid: Examples | None, test: Examples | None, *, seed: int) -> Splits:
    """Hold the last tenth of a running text out where there is no validation text; of separate texts a seeded tenth."""
    if valid is not None:
        return Splits(train, valid, test)
    if "stretch" not in train.columns:
        from seqkit.data.sources import hold_out

        return Splits(*hold_out(train, by=None, seed=seed), test)
    rows = len(train)
    if rows < 2:
        raise InputError(f"{train.origin} is too short to hold a tenth out for validation: give --valid.")
    kept = rows - max(1, rows // 10)
    rest = train.take(range(kept, rows), f"the last tenth of {train.origin}")
    return Splits(train.take(range(kept), train.origin), rest, test)


def topics(field: str) -> Splits:
    """The reference topics that Python's own help shows, some 465,000 characters of English, in order.

    The last tenth is for testing, the tenth before it for validation.
    """
    from pydoc_data.topics import topics as texts

    rows = as_stretches("\n".join(texts[name].strip("\n") + "\n" for name in sorted(texts)), field, "built-in topics")
    tenth = len(rows) // 10
    parts = (0, len(rows) - 2 * tenth, len(rows) - tenth, len(rows))
    named = zip(("train", "valid", "test"), parts, parts[1:], strict=False)
    return Splits(*(rows.take(range(a, b), f"built-in topics ({name})") for name, a, b in named))
