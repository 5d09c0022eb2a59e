"""Images with texts: each image is decoded once, however many rows share it, and kept as bytes in one array.

`seqkit.sources.pixels` says what of a file is shown.
"""

import dataclasses
import functools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from seqkit.batches.pipeline import Shared
from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.core.progress import notify
from seqkit.sources.cells import check_column, examples_of
from seqkit.sources.damage import BROKEN, reason
from seqkit.sources.examples import Examples, OnError, Role
from seqkit.sources.frame_labels import times
from seqkit.sources.labels import check_names
from seqkit.sources.nameless_files import mapped, nameless_file
from seqkit.sources.notices import Notices
from seqkit.sources.pixels import ImageRef, decode_image, resized
from seqkit.sources.prepared import read_before
from seqkit.sources.storing import stored_part, storing
from seqkit.sources.tables import read_table
from seqkit.sources.text_files import suffix_of
from seqkit.sources.tfds import feature_of, open_tfds
from seqkit.sources.workbooks import WORKBOOKS, read_workbook

FOLDER = "images"  # beside a table, where its images may lie
Texts = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class _Row:
    """A row before its image is decoded.

    Attributes:
        key: The same for rows that share an image.
        load: Decodes it: what it is told the place of has several pictures -> uint8, (height, width, 3).
        where: For complaints.
        texts: The other columns.
        line: On which it stands, where there are lines.
        left_out: As in `ImageRef`.
    """

    key: Hashable
    load: Callable[[Callable[[str], None]], np.ndarray]
    where: str
    texts: Texts
    line: int = 0
    left_out: str = ""


def read_images(
    source: Any,
    columns: Mapping[str, str],
    *,
    role: Role = "train",
    data_dir: str | None = None,
    image_size: tuple[int, int] | None = None,
    on_error: OnError = "stop",
    in_place: bool = False,
) -> Examples:
    """Read rows of an image and texts.

    Args:
        source: Path of a table whose first column here has paths of images, relative to its own folder or to a folder
            "images" in it; "tfds:NAME[:SPLIT]"; a tuple of sequences in the order of `columns`; a mapping or data frame with
            those columns; a tf.data.Dataset of tuples or dicts; Examples that were read before. In Python an image is a
            path, an encoded file as bytes, or whole numbers from 0 to 255, (height, width), (height, width, 1) or (..., 3).
        columns: Field -> column, the image's first. "a/b" is TFDS's feature b inside the sequence a: a row for each of
            its items, which share the image.
        role: What the rows are for; it chooses the split of a TFDS data set that names none.
        data_dir: Where TFDS keeps prepared data sets.
        image_size: Height and width to which images are brought; None where all have one size.
        on_error: What to do about an image that is missing or broken: "stop", or "skip" to name it and go on without its
            rows, which `Examples.findings` tells.
        in_place: Whether these rows stay, with a black image of `image_size` and the reason in `ImageRef.left_out`, so that
            there is an answer for each row.
    Returns:
        `ImageRef`s and strings.
    Raises:
        InputError: Anything about the source is not as expected; an image that is missing or broken is named with its line.
    """
    if (known := read_before(source, role)) is not None:
        return known
    field, *others = columns
    found: list[Finding] = []
    origin, rows = _rows(source, columns, role, data_dir, found)
    places: dict[Hashable, tuple[int, str]] = {}  # among the pixels, or -1 and why it was left out
    pixels = _Pixels()
    images: list[tuple[int, str]] = []
    texts, lines = [], []
    notices = Notices()
    for row in rows:
        if row.key not in places:
            try:
                pixels.append(_pixels(row, image_size, pixels.shape, notices))
                places[row.key] = len(pixels) - 1, row.left_out
            except InputError as error:
                if on_error == "stop":
                    raise
                notify(f"Left out: {error}")
                notices.add("left_out", str(error))
                places[row.key] = -1, str(error)
                if in_place and image_size:
                    pixels.append(np.zeros((*image_size, 3), np.uint8))
                    places[row.key] = len(pixels) - 1, str(error)
        if places[row.key][0] >= 0:
            images.append(places[row.key])
            texts.append(row.texts)
            lines.append(row.line)
    if not images:
        can = " whose image can be read" if places else ""
        raise InputError(f"{origin} has no rows{can}: expected at least one with {' and '.join(columns)}.")
    if role == "asked":  # whose findings go into no report
        for finding in notices.findings():
            if finding.kind != "left_out":  # which was said as it was met
                notify(str(finding))
    values = pixels.done()
    cells: dict[str, list[Any]] = {field: [ImageRef(values, *image) for image in images]}
    lined = all(lines)
    if others:
        named = (dict(zip(others, own, strict=True)) for own in texts)
        numbered = zip(lines, named, strict=True) if lined else enumerate(named)
        checked = examples_of(
            numbered, {name: columns[name] for name in others}, origin, unit="line" if lined else "row"
        )
        cells |= checked.columns
        found += checked.findings
    examples = Examples(cells, origin, lines=lines if lined else None, findings=(*found, *notices.findings()))
    return check_names(examples, role)


class _Pixels:
    """Images of one size, one after the other: in memory, or, where columns are stored, in a file.

    Attributes:
        shape: Of each, None as long as there is none.
    """

    def __init__(self) -> None:
        self.shape: tuple[int, ...] | None = None
        self._file, self._kept, self._count = nameless_file() if storing() else None, list[np.ndarray](), 0

    def __len__(self) -> int:
        return self._count

    def append(self, image: np.ndarray) -> None:
        self.shape, self._count = image.shape, self._count + 1
        if self._file is None:
            self._kept.append(image)
        else:
            self._file.write(image.tobytes())

    def done(self) -> np.ndarray:
        """uint8, (images, height, width, 3)."""
        assert self.shape is not None, "there are images"
        if self._file is None:
            return np.stack(self._kept)
        with self._file as file:
            return mapped(file, self._count, self.shape, np.dtype(np.uint8))


def read_captioned_images(
    source: Any,
    columns: Mapping[str, str],
    *,
    role: Role = "train",
    data_dir: str | None = None,
    image_size: tuple[int, int] | None = None,
    on_error: OnError = "stop",
) -> Examples:
    """Read rows of an image and a caption, all captions of an image as one row: a tuple in the order of the rows.

    Args:
        source, columns, role, data_dir, image_size, on_error: As for `read_images`.
    Raises:
        InputError: As there; or a caption is empty.
    """
    if (known := read_before(source, role)) is not None:
        return known
    examples = read_images(source, columns, role=role, data_dir=data_dir, image_size=image_size, on_error=on_error)
    image_field, caption_field = columns
    rows: dict[int, list[int]] = {}  # of each image
    for number, (image, text) in enumerate(zip(examples[image_field], examples[caption_field], strict=True)):
        if not text.strip():
            raise InputError(
                f"{examples.place(number)}: the caption is empty. Take the row out, or describe the image."
            )
        rows.setdefault(image.place, []).append(number)
    captions = [tuple(examples[caption_field][number] for number in own) for own in rows.values()]
    firsts = examples.take([own[0] for own in rows.values()], examples.origin)
    return dataclasses.replace(firsts, columns=firsts.columns | {caption_field: captions})


def shared_images(cells: Sequence[ImageRef]) -> Shared:
    """The images of rows as a column of a `Pipeline`, without a copy where the rows use most of one array."""
    arrays = {id(cell.values): cell.values for cell in cells}
    starts = dict(zip(arrays, np.cumsum([0, *map(len, arrays.values())]), strict=False))
    index = np.array([starts[id(cell.values)] + cell.place for cell in cells], np.int64)
    values = next(iter(arrays.values())) if len(arrays) == 1 else np.concatenate(list(arrays.values()))
    used, compact = np.unique(index, return_inverse=True)
    most = 2 * len(used) > len(values)
    return Shared(values, index) if most or isinstance(values, np.memmap) else Shared(values[used], compact)


def hold_out_images(examples: Examples, *, by: str | None, seed: int) -> tuple[Examples, Examples]:
    """Set a seeded tenth of the images aside for validation, with all their rows.

    Args:
        examples: Their first column has `Image`s.
        by: Not used: whole images can't be stratified by what differs among their rows.
    Raises:
        InputError: There is only one image.
    """
    column = shared_images(next(iter(examples.columns.values())))
    images = np.unique(column.index)
    if len(images) < 2:
        raise InputError(
            f"{examples.origin} has one image: give more, to hold a tenth of them out, or validation data (--valid for "
            "seqkit train)."
        )
    held = np.random.default_rng(seed).permutation(images)[: max(1, len(images) // 10)]
    chosen = np.isin(column.index, held)
    return (
        examples.take(np.flatnonzero(~chosen).tolist(), examples.origin),
        examples.take(np.flatnonzero(chosen).tolist(), f"a tenth of the images of {examples.origin}, seed {seed}"),
    )


def _rows(
    source: Any, columns: Mapping[str, str], role: Role, data_dir: str | None, found: list[Finding]
) -> tuple[str, Iterator[_Row]]:
    """Where the rows come from, and the rows; what is noticed of them joins what was found."""
    if isinstance(source, str) and source.startswith("tfds:"):
        return _of_tfds(source, columns, role, data_dir)
    if isinstance(source, str | Path):
        return str(source), _of_table(Path(source), columns, found)
    if hasattr(source, "element_spec"):
        origin = f"the tf.data dataset ({role})"
        return origin, _of_elements(source.as_numpy_iterator(), columns, origin)
    if hasattr(source, "keys") and hasattr(source, "__getitem__"):
        missing = [name for name in columns.values() if name not in source]
        if missing:
            raise InputError(f"The {role} data has no {missing[0]!r}: it has {', '.join(map(repr, source.keys()))}.")
        return f"the mapping ({role})", _of_lists([source[name] for name in columns.values()], columns, role)
    if isinstance(source, tuple | list) and len(source) == len(columns):
        return f"the arrays ({role})", _of_lists(source, columns, role)
    raise InputError(
        f"The {role} data is a {type(source).__name__}: give a path, 'tfds:NAME', a tuple ({', '.join(columns)}), a mapping "
        "with these columns, or a tf.data.Dataset."
    )


def _of_table(path: Path, columns: Mapping[str, str], found: list[Finding]) -> Iterator[_Row]:
    with stored_part("table"):
        table = (read_workbook if suffix_of(path) in WORKBOOKS else read_table)(path, columns)
    found += table.findings
    loads: dict[str, functools.partial[np.ndarray]] = {}
    for line, name, *texts in zip(table.lines or (), *table.columns.values(), strict=True):
        where = f"{path}, line {line}"
        if name not in loads:
            candidates = (path.parent / name, path.parent / FOLDER / name)
            file = next((file for file in candidates if name and file.is_file()), None)
            missing = (
                f"{where}: there is no image {name!r} in {path.parent} or in its folder {FOLDER}. The paths are "
                "relative to one of these: correct the path or restore the file."
            )
            loads[name] = functools.partial(_decoded, file, missing=missing, where=f"{where}: {file}")
        yield _Row(name, loads[name], f"{where}: {loads[name].args[0]}", tuple(texts), line)


def _of_lists(values: Sequence[Any], columns: Mapping[str, str], role: Role) -> Iterator[_Row]:
    for field, column in zip(columns, values, strict=True):
        check_column(column, field, f"The {role} data")
    held = [list(column) for column in values]  # so that no two of them have one id
    sizes = dict(zip(columns, map(len, held), strict=True))
    if len(set(sizes.values())) > 1:
        raise InputError(f"The {role} data has columns of different lengths: {sizes}. Each row needs every column.")
    for number, (image, *texts) in enumerate(zip(*held, strict=True)):
        yield _of_value(image, f"the {role} data, row {number}", tuple(texts))


def _of_elements(elements: Any, columns: Mapping[str, str], origin: str) -> Iterator[_Row]:
    names = list(columns.values())
    for number, element in enumerate(elements):
        row = dict(zip(names, element, strict=False)) if isinstance(element, tuple) else element
        if not isinstance(row, dict) or any(name not in row for name in names):
            raise InputError(f"{origin} has elements without {' and '.join(names)}: give tuples or dicts.")
        image, *texts = (row[name] for name in names)
        yield dataclasses.replace(_of_value(image, f"{origin}, row {number}", tuple(texts)), key=number)


def _of_value(image: Any, where: str, texts: Texts) -> _Row:
    if isinstance(image, ImageRef):
        key = id(image.values), image.place
        return _Row(key, lambda _: image.values[image.place], where, texts, left_out=image.left_out)
    if isinstance(image, str | Path):
        missing = f"There is no image {image}: correct the path or restore the file."
        file = Path(image) if Path(image).is_file() else None
        load = functools.partial(_decoded, file, missing=missing, where=f"{where}: {image}")
        return _Row(str(image), load, f"{where}: {image}", texts)
    if isinstance(image, bytes):
        return _Row(image, functools.partial(_decoded, image, missing="", where=where), where, texts)
    return _Row(id(image), lambda _: _of_numbers(image), where, texts)


def _of_tfds(source: str, columns: Mapping[str, str], role: Role, data_dir: str | None) -> tuple[str, Iterator[_Row]]:

    dataset, features, origin = open_tfds(source, columns, role, data_dir)
    kinds = [feature_of(features, column) for column in columns.values()]
    labels = [getattr(getattr(kind, "feature", kind), "int2str", str) for kind in kinds]

    def part(element: Any, column: str) -> Any:
        return functools.reduce(lambda inner, name: inner[name], column.split("/"), element)

    def rows() -> Iterator[_Row]:
        for number, element in enumerate(tfds.as_numpy(dataset)):
            image, *texts = (part(element, column) for column in columns.values())
            one = dataclasses.replace(_of_value(image, f"{origin}, image {number}", ()), key=number)
            for item in zip(*map(np.atleast_1d, texts), strict=True) if texts else [()]:
                named = [
                    label(value) if isinstance(value, np.integer) else value
                    for label, value in zip(labels[1:], item, strict=True)
                ]
                yield dataclasses.replace(one, texts=tuple(named))

    return origin, rows()


def _decoded(file: Path | bytes | None, several: Callable[[str], None], *, missing: str, where: str) -> np.ndarray:
    if file is None:
        raise InputError(missing)
    return decode_image(file, where, several)


def _of_numbers(values: Any) -> np.ndarray:
    array = np.asarray(values)
    array = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
    if array.dtype.kind not in "ui" or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)):
        raise ValueError(f"{array.dtype} of shape {array.shape}, where whole numbers (height, width, 3) are expected")
    if array.size and not (array.min() >= 0 and array.max() <= 255):
        raise ValueError(f"values from {array.min()} to {array.max()}, where 0 to 255 are expected")
    return np.asarray(Image.fromarray(array.astype(np.uint8)).convert("RGB"))


def _pixels(row: _Row, size: tuple[int, int] | None, others: tuple[int, ...] | None, notices: Notices) -> np.ndarray:
    """uint8, (height, width, 3)."""
    try:
        pixels = row.load(lambda place: notices.add("first_frame", place))
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(
            f"{row.where} can't be decoded as an image ({reason(error)}). Restore it, take its rows out of the data, or go "
            "on without them: --on-error skip."
        ) from None
    if size is not None:
        pixels = resized(pixels, size)
    if others is not None and pixels.shape != others:
        raise InputError(
            f"{row.where} has {times(pixels.shape[:2])} pixels, the ones before {times(others[:2])}: bring them to one size "
            "with --image-size HEIGHT WIDTH."
        )
    return pixels
