"""Data sets of TFDS."""

import contextlib
import sys
from collections.abc import Mapping
from typing import Any

import tensorflow_datasets as tfds

from seqkit.core.errors import InputError
from seqkit.sources.cells import how_to_name, listed
from seqkit.sources.examples import Examples, Role
from seqkit.sources.in_memory import read_mapping

TFDS_SPLITS = {"train": "train", "valid": "validation", "test": "test", "asked": "test"}


def read_tfds(source: str, columns: Mapping[str, str], role: Role, data_dir: str | None) -> Examples:
    dataset, features, origin = open_tfds(source, columns, role, data_dir)
    parts: dict[str, list[Any]] = {column: [] for column in columns.values()}
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
    return read_mapping(parts, columns, origin)


def open_tfds(
    source: str, columns: Mapping[str, str], role: Role, data_dir: str | None
) -> tuple[Any, Mapping[str, Any], str]:
    """Prepare a TFDS data set and open the split that `source` names, or that of `role`.

    Returns:
        The rows as a tf.data.Dataset of dicts, the features by name, and "tfds:NAME:SPLIT".
    Raises:
        InputError: There is no such data set, split or feature, or it can't be fetched.
    """

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
            raise InputError(f"{source} has no feature {column!r}: it has {listed(features)}. {how_to_name(field)}")
    try:
        dataset = builder.as_dataset(split=split)
    except ValueError:
        raise InputError(
            f"{source} has no split {split!r}: it has {listed(builder.info.splits)}. Name one: tfds:{name}:SPLIT."
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
