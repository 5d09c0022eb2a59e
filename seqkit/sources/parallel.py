"""Parallel text: a source and a target a row, in two files, a table, TFDS or Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.sources.cells import how_to_name
from seqkit.sources.examples import Examples, Role
from seqkit.sources.reading import read
from seqkit.sources.text_files import TABLES, lines_of, read_text, suffix_of


def read_parallel(
    source: Any, columns: Mapping[str, str], *, role: Role = "train", data_dir: str | None = None
) -> Examples:
    """Read pairs of texts.

    A pair of two empty texts is left out, and said. A pair with one empty text is an error, but in TFDS, where nobody can
    mend it: there it is left out too.

    Args:
        source: The prefix of two files, PREFIX.SUFFIX, plain or .gz, with a text a line; or anything that
            `seqkit.sources.reading.read` takes.
        columns: "source" -> the suffix of its file, or its column, or feature of TFDS; "target" likewise. Without
            "target" nothing is left out.
        role, data_dir: As for `seqkit.sources.reading.read`.
    Raises:
        InputError: The source is not as expected.
    """
    if isinstance(source, Examples):
        return source
    tfds = isinstance(source, str) and source.startswith("tfds:")
    if tfds or not isinstance(source, str | Path) or suffix_of(Path(source)) in TABLES:
        examples = read(source, columns, role=role, data_dir=data_dir)
        return _whole_pairs(examples, "row", 0, forgiving=tfds) if len(columns) > 1 else examples
    files = {field: _file(Path(source), field, suffix) for field, suffix in columns.items()}
    texts = {field: lines_of(read_text(path)) for field, path in files.items()}
    counts = {str(files[field]): len(lines) for field, lines in texts.items()}
    if len(set(counts.values())) > 1:
        found = " and ".join(f"{path} has {count:,} lines" for path, count in counts.items())
        raise InputError(f"{found}: line for line one must translate the other. Find the line where they part.")
    examples = Examples(texts, " and ".join(counts))
    if not len(examples):
        raise InputError(f"{examples.origin} are empty: expected a text a line.")
    return _whole_pairs(examples, "line", 1) if len(columns) > 1 else examples


def _file(prefix: Path, field: str, suffix: str) -> Path:
    """The file of a field, gzipped or not."""
    plain = prefix.with_name(f"{prefix.name}.{suffix}")
    packed = prefix.with_name(f"{plain.name}.gz")
    if packed.exists() and not plain.exists():
        return packed
    if not plain.exists():
        beside = sorted(path.name for path in prefix.parent.glob("*") if path.name.startswith(f"{prefix.name}."))
        found = f"there are {', '.join(map(repr, beside[:6]))}" if beside else f"no name there begins {prefix.name!r}"
        raise InputError(
            f"{plain} does not exist ({found}): give the prefix of two files, or a table ({', '.join(TABLES)}). "
            f"{how_to_name(field)}"
        )
    return plain


def _whole_pairs(examples: Examples, unit: str, first: int, *, forgiving: bool = False) -> Examples:
    """The pairs of two texts that are not empty.

    Args:
        unit, first: What a row is called in the source, and the number of the first.
        forgiving: Whether a pair with one empty text is left out, where it would be an error.
    """
    kept = []
    for row, pair in enumerate(zip(*examples.columns.values(), strict=True)):
        blank = [field for field, text in zip(examples.columns, pair, strict=True) if not text.strip()]
        if not blank:
            kept.append(row)
        elif len(blank) == 1 and not forgiving:
            raise InputError(
                f"{examples.origin}, {unit} {row + first}: the {blank[0]} is empty and the other text is not. "
                f"Each text needs its translation: fill it in, or remove the {unit} on both sides."
            )
    if not kept:
        raise InputError(f"{examples.origin}: no {unit} has two texts. Each text needs its translation.")
    if len(kept) == len(examples):
        return examples
    notify(f"{examples.origin}: left out {len(examples) - len(kept):,} pairs with an empty text.")
    return examples.take(kept, examples.origin)
