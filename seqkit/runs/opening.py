"""What a run folder holds, opened: it may be damaged, or a stranger's, and gets a sentence then and runs nothing."""

import contextlib
import dataclasses
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import h5py
import keras
import tensorflow as tf
from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from seqkit.core.errors import ExportError, InputError, TrainingError, reason_of
from seqkit.core.files import read_json
from seqkit.core.registry import task_class
from seqkit.layers.crf import CRF
from seqkit.layers.embedding import share_again
from seqkit.layers.input_feeding import Attentive
from seqkit.recurrence.cells import Recurrent
from seqkit.runs.contents import RESTORE, file_of
from seqkit.runs.migration import migrate_model, migrated
from seqkit.runs.task import Task

CLASSES = (CRF, Attentive, Recurrent)  # of ours that a model file may name: Keras knows them once they are imported
MODEL, VOCABULARY = "model.keras", "vocabulary.json"
WIDTHS = ("units", "input_dim", "output_dim", "filters")  # in a model's configuration: each is an axis of some weight
LARGEST = 2**20  # of what else is a size there


def load_task(folder: Path, info: Mapping[str, Any]) -> Task:
    """What the recipe knows of a run.

    Raises:
        InputError: The recipe isn't known here, or vocabulary.json is not what it wrote.
    """
    kind = task_class(info["recipe"])
    path = file_of(folder, info, VOCABULARY)
    known = read_json(path)
    try:
        known = migrated(known)
        task: Task = kind.from_json(known, dict(info["columns"]))
        _check_types(task)
        if not _holds(json.loads(json.dumps(task.to_json())), known):
            raise InputError("it holds more than that")
    except Exception as error:  # whatever a recipe makes of what it didn't write
        raise InputError(
            f"{path} is not what the recipe {info['recipe']} writes ({reason_of(error)}): {RESTORE}"
        ) from error
    return task


def _holds(written: Any, value: Any) -> bool:
    """Whether all of `value` is in what a task writes; in a run of an older version something may be lacking."""
    if isinstance(value, dict):
        return isinstance(written, dict) and all(key in written and _holds(written[key], value[key]) for key in value)
    return bool(written == value)


def _check_types(value: Any) -> None:
    """Raise InputError where a field of a dataclass, or of one in it, is of another type than declared."""
    if not dataclasses.is_dataclass(value):
        return
    hints = get_type_hints(type(value))
    for field in dataclasses.fields(value):
        held = getattr(value, field.name)
        try:
            check_type(held, hints[field.name], collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
        except TypeCheckError as error:
            raise InputError(f"{field.name}: {error}") from None
        _check_types(held)


def load_model(path: Path) -> keras.Model:
    """The model of a run folder.

    Raises:
        InputError: It can't be opened.
    """
    try:
        _check_sizes(path)
        with tempfile.TemporaryDirectory() as folder:
            today = Path(folder) / path.name
            opened = today if migrate_model(path, today) else path
            model: keras.Model = keras.saving.load_model(opened, compile=False, safe_mode=True)
            share_again(model)
            return model
    except Exception as error:  # whatever Keras makes of what it didn't write
        raise InputError(f"{path} can't be opened ({reason_of(error)}): {RESTORE}") from error


def check_fits(path: Path, model: keras.Model, task: Task) -> None:
    """Raise InputError where a model chooses among another number of classes than its task."""
    outputs = model.output_shape[-1]
    if task.classes and isinstance(outputs, int) and outputs != len(task.classes):
        raise InputError(
            f"{path} chooses among {outputs:,} classes, where {VOCABULARY} has {len(task.classes):,}: they are of two runs; "
            f"{RESTORE}"
        )


@contextlib.contextmanager
def answering(folder: Path) -> Iterator[None]:
    """Raise InputError where a run's model and vocabulary answer nothing together, as those of two runs don't."""
    try:
        yield
    except (InputError, ExportError, TrainingError, OSError, MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # whatever is made of a model that was trained for something else
        raise InputError(
            f"{folder} can't answer: {MODEL} doesn't do what {VOCABULARY} asks of it ({reason_of(error)}). If they "
            f"are of two runs, {RESTORE}"
        ) from error


def _check_sizes(path: Path) -> None:
    """Refuse a configuration that is wider than the weights beside it, before Keras takes the memory for it.

    What the file itself says of its weights is checked by Keras.
    """
    with (
        zipfile.ZipFile(path) as archive,
        archive.open("model.weights.h5") as packed,
        h5py.File(packed, "r") as weights,
    ):
        axes = [1]
        weights.visititems(lambda name, item: axes.extend(item.shape) if isinstance(item, h5py.Dataset) else None)
        for name, size in _sizes(json.loads(archive.read("config.json"))):
            most = max(axes) if name in WIDTHS else max(*axes, LARGEST)
            if size > most:
                raise InputError(f"a layer's {name} is {size:,}, where no weight is wider than {max(axes):,}")


def _sizes(config: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Each size in a model's configuration, with what it is of."""
    if isinstance(config, dict):
        for key, value in config.items():
            yield from _sizes(value, key if "shape" in key or key in WIDTHS else name if "shape" in name else "")
    elif isinstance(config, list):
        for value in config:
            yield from _sizes(value, name)
    elif isinstance(config, int) and name:
        yield name, config
