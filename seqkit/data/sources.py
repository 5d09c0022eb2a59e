"""Sources: tables, token files, TFDS, arrays and tf.data datasets, all read into columns."""

import contextlib
import csv
import dataclasses
import gzip
import hashlib
import io
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from seqkit.data.token_files import LISTS, TOKEN_FILES, check_counts, read_conll, read_conllu
from seqkit.errors import InputError
from seqkit.progress import say

Role = Literal["train", "valid", "test"]
TABLES = (".tsv", ".csv", ".jsonl")
TFDS_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


class Handle(Protocol):
    """A cell that is read when it is needed, such as a recording."""

    def digest(self) -> bytes:
        """Of its contents."""


Value = str | tuple[str, ...] | np.ndarray | Handle


@dataclasses.dataclass(frozen=True)
class Examples:
    """Rows as columns.

    Attributes:
        columns: `columns[field][row]` is a string, a tuple of strings (tokens, tags), an array or a `Handle`; of one kind
            in all rows of a field.
        origin: Where they came from.
    """

    columns: dict[str, list[Any]]
    origin: str

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, field: str) -> list[Any]:
        return self.columns[field]

    def take(self, rows: Sequence[int], origin: str) -> "Examples":
        """The given rows, in that order."""
        return Examples({field: [values[row] for row in rows] for field, values in self.columns.items()}, origin)

    def digest(self) -> str:
        """SHA-256 of the contents, whatever file format they came in."""
        digest = hashlib.sha256()
        for field, values in self.columns.items():
            digest.update(f"\x1d{field}".encode())
            for number, value in enumerate(values):
                digest.update((b"\x1e" if number else b"") + _bytes(value))
        return digest.hexdigest()


def _bytes(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):
        return "\x1f".join(value).encode()
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    return value.digest()


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
        examples = _read_tfds(source, columns, role, data_dir)
    elif isinstance(source, str | Path):
        examples = read_file(Path(source), columns)
    elif hasattr(source, "element_spec"):
        examples = _read_dataset(source, columns, f"the tf.data dataset ({role})")
    elif hasattr(source, "keys") and hasattr(source, "__getitem__"):
        examples = _read_mapping(source, columns, f"the mapping ({role})")
    elif isinstance(source, tuple | list) and len(source) == len(columns):
        examples = _read_mapping(dict(zip(columns.values(), source, strict=True)), columns, f"the arrays ({role})")
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
    return _examples(list(read_lines(path, lines_of(read_text(path)), columns)), columns, str(path))


def suffix_of(path: Path) -> str:
    """The suffix that says what a file is, without .gz."""
    return Path(path.name.removesuffix(".gz")).suffix


def read_table(path: Path, columns: Mapping[str, str]) -> Examples:
    """Read the wanted columns of a .tsv, .csv or .jsonl file, plain or gzipped, in UTF-8.

    A .tsv file has no quoting: a tab ends a cell and a line end ends a row. Blank lines are no rows.
    """
    return _examples([row for _, row in table_rows(path, columns)], columns, str(path))


def table_rows(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows that `read_table` reads, each with the line on which it begins, from 1."""
    text = read_text(path)
    suffix = suffix_of(path)
    if suffix not in TABLES:
        raise InputError(f"{path} is no table that seqkit reads: expected {', '.join(TABLES)}, plain or with .gz.")
    if not text.strip():
        raise InputError(f"{path} is empty: expected a table with {' and '.join(columns)}.")
    if suffix == ".jsonl":
        for number, line in enumerate(lines_of(text), start=1):
            if not line:
                continue
            row = _json_object(path, number, line)
            for field, name in columns.items():
                if name not in row:
                    raise InputError(
                        f"{path}, line {number}: no key {name!r} among {_listed(row)}. {how_to_name(field)}"
                    )
            yield number, _row({field: row[name] for field, name in columns.items()}, f"{path}, line {number}")
        return
    rows = _tsv_rows(text) if suffix == ".tsv" else _csv_rows(path, text)
    places, width = None, None
    for number, cells in rows:
        if cells == [""] and width != 1:  # where there is one column a blank line is a row
            continue
        if places is None:
            places, width = _places(path, cells, columns), len(cells)
            if _named(columns):
                continue
        if len(cells) != width:
            raise InputError(
                f"{path}, line {number}: found {len(cells)} cells where line 1 has {width}. "
                f"Check for a {'tab' if suffix == '.tsv' else 'comma or quote'} inside a cell."
            )
        yield number, _row({field: cells[place] for field, place in places.items()}, f"{path}, line {number}")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, plain or gzipped, with one-sentence errors."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: give a file ({', '.join(TABLES)}, also .gz).") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file ({error}): compress it again.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8. "
            "Convert the file, for example with iconv -f latin1 -t utf-8."
        ) from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None


def lines_of(text: str) -> list[str]:
    """The lines of a text, whose end is a line end or not."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _tsv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines_of(text), start=1):
        yield number, line.split("\t")


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 131,072 characters
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        number = 1  # where a row begins: a quoted cell may hold line ends
        for cells in reader:
            yield number, cells or [""]
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}. Check the quotes there.") from None


def _json_object(path: Path, number: int, line: str) -> dict:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number}: no JSON ({error}). Each line is one object.") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}, line {number}: a JSON {type(row).__name__}, where an object with keys is expected.")
    return row


def _named(columns: Mapping[str, str]) -> bool:
    numbered = [name.isdigit() for name in columns.values()]
    if any(numbered) and not all(numbered):
        raise InputError(
            f"Columns {_listed(columns.values())} mix names and numbers: give names for a file with a header, "
            "numbers from 0 for a file without one."
        )
    return not all(numbered)


def _places(path: Path, first: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    places = {}
    named = _named(columns)
    for field, name in columns.items():
        if named and name in first:
            places[field] = first.index(name)
        elif not named and int(name) < len(first):
            places[field] = int(name)
        elif named:
            raise InputError(
                f"{path}, line 1: no column {name!r} among {_listed(first)}. "
                f"{how_to_name(field)} Without a header give its number from 0."
            )
        else:
            raise InputError(f"{path}, line 1: no column number {name}; the file has columns 0 to {len(first) - 1}.")
    return places


def _examples(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], origin: str) -> Examples:
    return Examples({field: [row[field] for row in rows] for field in columns}, origin)


def _without_empty(examples: Examples) -> Examples:
    """Leave out rows that have nothing to tag, such as the last one of TFDS's CoNLL builder, and say how many."""
    kept = [row for row, tags in enumerate(examples["tags"]) if tags]
    if len(kept) < len(examples):
        say(f"{examples.origin}: left out {len(examples) - len(kept):,} sentences without a token.")
    return examples.take(kept, examples.origin)


def _row(cells: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A row of a table, its cells checked; lists are tuples."""
    row = {field: (_list if field in LISTS else _cell)(value, field, place) for field, value in cells.items()}
    check_counts(row, place)
    return row


def _list(value: Any, field: str, place: str) -> tuple[str, ...]:
    if isinstance(value, str | bytes):
        return tuple(_cell(value, field, place).split())
    if not isinstance(value, Sequence | np.ndarray):
        raise InputError(f"{place}: the {field} are a {type(value).__name__}, where a list of strings is expected.")
    cells = tuple(_cell(cell, field[:-1], place) for cell in value)
    if not all(cell.strip() for cell in cells):
        raise InputError(f"{place}: the list of {field} holds an empty string. Each token needs a tag.")
    return cells


def _cell(value: Any, field: str, place: str) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: the {field} is not UTF-8 ({error.reason}).") from None
    elif isinstance(value, bool | int | np.integer | np.bool_):
        value = str(int(value) if isinstance(value, np.integer) else value)
    if not isinstance(value, str):
        raise InputError(f"{place}: the {field} is a {type(value).__name__}, where a string is expected.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"{place}: the {field} holds half a character (a lone surrogate): remove it.") from None
    if field in ("label", "answer") and not value.strip():
        raise InputError(f"{place}: the {field} is empty. Each row needs one.")
    return value


def how_to_name(field: str) -> str:
    """What a user does about a column that isn't there."""
    return f"Say where the {field} is: --{field} for seqkit train, --column.{field} for evaluate and predict."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names)


def _read_mapping(source: Mapping, columns: Mapping[str, str], origin: str) -> Examples:
    cells = {}
    for field, name in columns.items():
        if name not in source:
            raise InputError(f"{origin} has no column {name!r}: it has {_listed(map(str, source.keys()))}.")
        cells[field] = list(source[name])
    sizes = {field: len(column) for field, column in cells.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(f"{origin} has columns of different lengths: {sizes}. Each row needs every column.")
    rows = []
    for number, values in enumerate(zip(*cells.values(), strict=True)):
        row, place = dict(zip(cells, values, strict=True)), f"{origin}, row {number}"
        text = row.get("tokens") if "tags" not in row else None  # to be split as the model's own texts are
        rows.append({"tokens": _cell(text, "tokens", place)} if isinstance(text, str | bytes) else _row(row, place))
    return _examples(rows, columns, origin)


def _read_dataset(dataset: Any, columns: Mapping[str, str], origin: str) -> Examples:
    names = list(columns.values())
    lists = {column for field, column in columns.items() if field in LISTS}
    parts: dict[str, list] = {name: [] for name in names}
    for element in dataset.as_numpy_iterator():
        row = dict(zip(names, element, strict=False)) if isinstance(element, tuple) else element
        for name in names:
            if not isinstance(row, dict) or name not in row:
                raise InputError(
                    f"{origin} has elements without {name!r}: give tuples ({', '.join(columns)}) or dicts."
                )
            value = np.atleast_1d(row[name])  # a ragged batch comes as an array of arrays
            if name in lists and not (len(value) and np.ndim(value[0])):
                parts[name].append(value)
            else:
                parts[name].extend(value.tolist())
    return _read_mapping(parts, columns, origin)


def _read_tfds(source: str, columns: Mapping[str, str], role: Role, data_dir: str | None) -> Examples:
    import tensorflow_datasets as tfds

    dataset, features, origin = open_tfds(source, columns, role, data_dir)
    parts: dict[str, list] = {column: [] for column in columns.values()}
    for batch in tfds.as_numpy(dataset.ragged_batch(1024)):
        for column, part in parts.items():
            feature, values = features[column], batch[column]
            rows = values.to_list() if hasattr(values, "to_list") else values.tolist()
            label = getattr(feature, "feature", feature)  # of a sequence's items
            if isinstance(label, tfds.features.ClassLabel):
                if any(number < 0 for row in rows for number in (row if isinstance(row, list) else [row])):
                    raise InputError(f"{origin} has rows without a label. Name another split: tfds:NAME:SPLIT.")
                rows = [list(map(label.int2str, row)) if isinstance(row, list) else label.int2str(row) for row in rows]
            part.extend(rows)
    return _read_mapping(parts, columns, origin)


def open_tfds(
    source: str, columns: Mapping[str, str], role: Role, data_dir: str | None
) -> tuple[Any, Mapping[str, Any], str]:
    """Prepare a TFDS data set and open the split that `source` names, or that of `role`.

    Returns:
        The rows as a tf.data.Dataset of dicts, the features by name, and "tfds:NAME:SPLIT".
    Raises:
        InputError: There is no such data set, split or feature, or it can't be fetched.
    """
    import tensorflow_datasets as tfds

    name, _, split = source.removeprefix("tfds:").partition(":")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{source}: TFDS knows no such data set ({reason}). See its catalogue for names.") from None
    try:
        with contextlib.redirect_stdout(sys.stderr):  # TFDS talks on standard output
            builder.download_and_prepare()  # returns at once where the data set is prepared already
    except Exception as error:  # the network, a server or a checksum: each library has its own error
        raise InputError(
            f"{source}: could not fetch the data set ({type(error).__name__}). Prepare it where there is a network with "
            f"`tfds build {name} --data_dir DIR`, copy DIR here and pass --data-dir DIR."
        ) from error
    if not split:
        split = TFDS_SPLITS[role]
    features = builder.info.features
    for field, column in columns.items():
        if feature_of(features, column) is None:
            raise InputError(f"{source} has no feature {column!r}: it has {_listed(features)}. {how_to_name(field)}")
    try:
        dataset = builder.as_dataset(split=split)
    except ValueError:
        raise InputError(
            f"{source} has no split {split!r}: it has {_listed(builder.info.splits)}. Name one: tfds:{name}:SPLIT."
        ) from None
    return dataset, features, f"tfds:{name}:{split}"


def feature_of(features: Any, column: str) -> Any:
    """The TFDS feature of this name, None where there is none; "a/b" is the feature b inside a sequence or a dict a."""
    for name in column.split("/"):
        features = getattr(features, "feature", features)
        if not hasattr(features, "keys") or name not in features:
            return None
        features = features[name]
    return features


def hold_out(examples: Examples, *, by: str | None, seed: int) -> tuple[Examples, Examples]:
    """Set a tenth of the rows aside for validation, stratified by the column `by`.

    Rows are shuffled, ordered by stratum, and every tenth is taken: each stratum gives its share to within one row. A
    stratum's only row is kept for training.

    Raises:
        InputError: No row is left for validation.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(examples))
    strata = np.unique(examples[by], return_inverse=True)[1] if by else np.zeros(len(examples), np.int64)
    order = order[np.argsort(strata[order], kind="stable")]
    held = order[int(rng.integers(min(10, len(order)))) :: 10]
    held = held[np.bincount(strata)[strata[held]] > 1]
    if not len(held):
        raise InputError(f"{examples.origin} has too few rows to hold a tenth out for validation: give --valid.")
    kept = np.setdiff1d(order, held)
    return (
        examples.take(kept.tolist(), examples.origin),
        examples.take(np.sort(held).tolist(), f"a tenth of {examples.origin}, seed {seed}"),
    )
