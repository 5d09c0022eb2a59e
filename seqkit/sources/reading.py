"""Any source, read into columns: tables, token files, TFDS, arrays and tf.data datasets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.sources.examples import Examples, Role
from seqkit.sources.in_memory import read_dataset, read_mapping
from seqkit.sources.tables import examples_of, lines_of, read_table, read_text, suffix_of
from seqkit.sources.tfds import read_tfds
from seqkit.sources.token_files import LISTS, TOKEN_FILES, read_conll, read_conllu


def read(source: Any, columns: Mapping[str, str], *, role: Role = "train", data_dir: str | None = None) -> Examples:
    """Read a source into columns.

    Args:
        source: Path of a .tsv, .csv or .jsonl file (also .gz), or of a .conllu, .conll or .txt file of tokens;
            "tfds:NAME[/CONFIG][:SPLIT]"; a tuple of sequences in the order of `columns`; a mapping or data frame with
            those columns; a tf.data.Dataset of tuples or dicts; Examples that were read before.
        columns: Field -> name of its column, or its number from 0 in a file without a header. The fields "tokens" and
            "tags" hold tuples of strings: lists, or cells that are split at spaces. A text for "tokens" that comes from
            Python without tags stays a string.
        role: What the rows are for; it chooses the split of a TFDS data set that names none.
        data_dir: Where TFDS keeps prepared data sets.
    Raises:
        InputError: Anything about the source is not as expected.
    """
    if isinstance(source, Examples):
        return source
    if isinstance(source, str) and source.startswith("tfds:"):
        examples = read_tfds(source, columns, role, data_dir)
    elif isinstance(source, str | Path):
        examples = read_file(Path(source), columns)
    elif hasattr(source, "element_spec"):
        examples = read_dataset(source, columns, f"the tf.data dataset ({role})")
    elif hasattr(source, "keys") and hasattr(source, "__getitem__"):
        examples = read_mapping(source, columns, f"the mapping ({role})")
    elif isinstance(source, tuple | list) and len(source) == len(columns):
        examples = read_mapping(dict(zip(columns.values(), source, strict=True)), columns, f"the arrays ({role})")
    else:
        raise InputError(
            f"The {role} data is a {type(source).__name__}: give a path, 'tfds:NAME', a tuple "
            f"({', '.join(columns)}), a mapping with these columns, or a tf.data.Dataset."
        )
    if "tags" in columns:
        examples = _without_empty(examples)
    if not len(examples):
        raise InputError(f"{examples.origin} has no rows: expected at least one with {' and '.join(columns)}.")
    return examples


def read_file(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a table or a token file, plain or gzipped, in UTF-8."""
    suffix = suffix_of(path)
    if suffix not in TOKEN_FILES or not set(columns) <= set(LISTS):
        return read_table(path, columns)
    read_lines = read_conllu if suffix == ".conllu" else read_conll
    return examples_of(list(read_lines(path, lines_of(read_text(path)), columns)), columns, str(path))


def _without_empty(examples: Examples) -> Examples:
    """Leave out rows that have nothing to tag, such as the last one of TFDS's CoNLL builder, and say how many."""
    kept = [row for row, tags in enumerate(examples["tags"]) if tags]
    if len(kept) < len(examples):
        notify(f"{examples.origin}: left out {len(examples) - len(kept):,} sentences without a token.")
    return examples.take(kept, examples.origin)
