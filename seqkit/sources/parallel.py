"""Parallel text: a source and a target a row, in two files, a table, TFDS or Python."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.cells import how_to_name
from seqkit.sources.examples import Examples, Role
from seqkit.sources.prepared import read_before
from seqkit.sources.reading import read
from seqkit.sources.storing import Gathered
from seqkit.sources.text_files import TABLES, TextFile, open_text, suffix_of
from seqkit.sources.workbooks import WORKBOOKS


def read_parallel(
    source: Any, columns: Mapping[str, str], *, role: Role = "train", data_dir: str | None = None
) -> Examples:
    """Read pairs of texts.

    A pair with an empty text, or one of blanks, is left out, and a finding.

    Args:
        source: The prefix of two files, PREFIX.SUFFIX, plain or .gz, with a text a line; or anything that
            `seqkit.sources.reading.read` takes.
        columns: "source" -> the suffix of its file, or its column, or feature of TFDS; "target" likewise. Without
            "target" nothing is left out.
        role, data_dir: As for `seqkit.sources.reading.read`.
    Raises:
        InputError: The source is not as expected.
    """
    if (known := read_before(source, role)) is not None:
        return known
    tfds = isinstance(source, str) and source.startswith("tfds:")
    if tfds or not isinstance(source, str | Path) or suffix_of(Path(source)) in (*TABLES, *WORKBOOKS):
        examples = read(source, columns, role=role, data_dir=data_dir)
        return _whole_pairs(examples) if len(columns) > 1 else examples
    files = {field: _file(Path(source), field, suffix) for field, suffix in columns.items()}
    opened = {field: open_text(path) for field, path in files.items()}
    texts = {field: _lines(field, file) for field, file in opened.items()}
    counts = {str(files[field]): len(lines) for field, lines in texts.items()}
    if len(set(counts.values())) > 1:
        found = " and ".join(f"{path} has {count:,} lines" for path, count in counts.items())
        raise InputError(f"{found}: line for line one must translate the other. Find the line where they part.")
    lines = range(1, 1 + max(counts.values()))
    findings = tuple(finding for file in opened.values() for finding in file.findings)
    examples = Examples(texts, " and ".join(counts), lines=lines, findings=findings)
    if not len(examples):
        raise InputError(f"{examples.origin} are empty: expected a text a line.")
    return _whole_pairs(examples) if len(columns) > 1 else examples


def _lines(field: str, file: TextFile) -> Sequence[str]:
    gathered = Gathered(field)
    for line in file.lines:
        gathered.append(line)
    return gathered.done()


def _file(prefix: Path, field: str, suffix: str) -> Path:
    """The file of a field, gzipped or not."""
    plain = prefix.with_name(f"{prefix.name}.{suffix}")
    packed = prefix.with_name(f"{plain.name}.gz")
    if packed.exists() and not plain.exists():
        return packed
    if not plain.exists():
        beside = sorted(path.name for path in prefix.parent.glob("*") if path.name.startswith(f"{prefix.name}."))
        found = f"there are {', '.join(map(repr, beside[:6]))}" if beside else f"no name there begins {prefix.name!r}"
        tables = ", ".join((*TABLES, *WORKBOOKS))
        raise InputError(
            f"{plain} does not exist ({found}): give the prefix of two files, or a table ({tables}). {how_to_name(field)}"
        )
    return plain


def _whole_pairs(examples: Examples) -> Examples:
    """The pairs of two texts that are not empty; how many there are of the others, and where, is a finding."""
    empty = {field: {row for row, text in enumerate(examples[field]) if not text.strip()} for field in examples.columns}
    left_out = set.union(*empty.values())
    kept = np.setdiff1d(np.arange(len(examples)), list(left_out))
    if not len(kept):
        raise InputError(f"{examples.origin}: no pair has two texts. Each text needs its translation.")
    both = set.intersection(*empty.values())
    findings = list(examples.findings)
    for field, rows in empty.items():
        places = examples.places(sorted(rows - both))
        if places:
            what = f"{len(places):,} pairs have an empty {field} and are left out"
            advice = "Fill them in, or remove them on both sides."
            findings.append(Finding.at(f"empty_{field}", "warning", what, places, advice))
    if both:
        what = f"{len(both):,} pairs of two empty texts are left out"
        findings.append(Finding.at("empty_pair", "note", what, examples.places(sorted(both))))
    return dataclasses.replace(examples.take(kept, examples.origin), findings=tuple(findings))
