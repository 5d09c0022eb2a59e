"""Labels of recordings: in the same file, or beside it."""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.sources.damage import BROKEN, BYTES, reason
from seqkit.sources.decoders import array_in
from seqkit.sources.tables import read_table
from seqkit.sources.text_files import open_text

BACKGROUND = "background"
LABEL_FILES = (".labels.txt", ".labels.tsv", ".labels.csv")


def labels_of_npz(path: Path, name: str, frames: int) -> tuple[str, ...]:
    with np.load(path, allow_pickle=False) as arrays:
        if name not in arrays:
            listed = ", ".join(map(repr, arrays))
            raise InputError(f"{path} has no array {name!r} with the labels: it has {listed}. Name it with --labels.")
        try:
            with array_in(arrays.zip, name) as (_, (shape, _, dtype)):
                size = dtype.itemsize * math.prod(shape)
            if size > BYTES:
                raise ValueError(f"it is declared to hold {size:,} bytes, where at most {BYTES:,} are read")
            labels = arrays[name]
        except BROKEN as error:
            raise InputError(
                f"{path}: the array {name!r} can't be read ({reason(error)}). Save it as strings."
            ) from None
    return labels_given(labels, str(path), frames)


def labels_beside(path: Path) -> Callable[[int], tuple[str, ...]]:
    stem = path if path.is_dir() else path.with_suffix("")
    for suffix in LABEL_FILES:
        file = stem.with_name(stem.name + suffix)
        if file.exists():
            return functools.partial(_labels_of_lines if suffix.endswith("txt") else _labels_of_table, file)
    raise InputError(
        f"{path} has no labels beside it: expected {stem.name}.labels.txt with a label a line, or {stem.name}.labels.tsv "
        "(or .csv) with the columns start, end and label."
    )


def _labels_of_lines(file: Path, frames: int) -> tuple[str, ...]:
    return labels_given(np.array(list(open_text(file).lines), str), str(file), frames)


def _labels_of_table(file: Path, frames: int) -> tuple[str, ...]:
    rows = read_table(file, {"start": "start", "end": "end", "label": "label"}).columns
    labels = [""] * frames
    for number, (start, end, label) in enumerate(zip(*rows.values(), strict=True), start=1):
        if not (start.isdigit() and end.isdigit() and int(start) < int(end) <= frames):
            raise InputError(
                f"{file}, row {number}: start is {start!r} and end {end!r}. Expected whole numbers, 0 <= start < end <= "
                f"{frames}, the number of frames."
            )
        part = slice(int(start), int(end))
        if any(labels[part]):
            raise InputError(
                f"{file}, row {number}: frames {start} to {end} have a label already: rows may not overlap."
            )
        labels[part] = [label] * (int(end) - int(start))
    return tuple(label or BACKGROUND for label in labels)


def labels_given(labels: Any, origin: str, frames: int) -> tuple[str, ...]:
    """Labels as strings, one a frame; a single one stands for all frames."""
    labels = np.asarray(labels)
    if not labels.ndim:
        labels = np.repeat(labels, frames)
    if labels.shape != (frames,):
        raise InputError(f"{origin}: there are {frames} frames and {times(labels.shape)} labels. Each frame needs one.")
    if frames and labels.dtype.kind not in "SUOiub":  # of none NumPy knows no kind
        raise InputError(f"{origin}: the labels are {labels.dtype}, where strings are expected.")
    texts = tuple(label.decode() if isinstance(label, bytes) else str(label) for label in labels.tolist())
    if not all(map(str.strip, texts)):
        empty = [not text.strip() for text in texts].index(True)
        raise InputError(f"{origin}, frame {empty}: the label is empty. Each frame needs one.")
    return texts


def times(shape: Sequence[int]) -> str:
    """A shape in words: 20 x 20 x 3."""
    return " x ".join(map(str, shape))
