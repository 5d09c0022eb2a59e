"""Files for plain Keras, on any of its backends."""

import inspect
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras

from seqkit.core.errors import InputError
from seqkit.export.graphs import Written
from seqkit.export.plain_keras import plain_model
from seqkit.export.subject import Subject, unquantised

CONFIG = "config.json"
FIRST_VALUES = ("_initializer", "_regularizer", "_constraint")  # end what a config says of training alone
OPERATIONS = "keras.src.ops."  # begins the modules of operations
OLDEST = "3.4.0"  # version of Keras that opens a file, but for those in which there is
OLDEST_WITH = {"ReversibleEmbedding": "3.12.0", "ScatterUpdate": "3.14.0"}


def export_keras(subject: Subject) -> list[Written]:
    """Write each graph as a .keras file of Keras's own layers and operations, from a dict of tensors to a dict.

    Of each file the manifest says the oldest version of Keras that opens it.

    Raises:
        InputError: A layer can't be written by these, or other weights are wanted.
    """
    unquantised(subject, "keras", "export litert or onnx.")
    models = {name: plain_model(graph) for name, graph in subject.graphs.items()}
    written = []
    for name, model in models.items():
        path = subject.folder / f"{name}.keras"
        used = write_keras(model, path)
        oldest = max((OLDEST_WITH[kind] for kind in used if kind in OLDEST_WITH), default=OLDEST, key=_as_numbers)
        written.append(Written(name, path, used, {"keras": oldest}))
    return written


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def write_keras(model: keras.Model, path: Path) -> tuple[str, ...]:
    """Write a model as a .keras file that says of each layer only what isn't its default, for older versions to read.

    Returns:
        The names of layers and operations in it.
    Raises:
        InputError: One of them isn't Keras's own.
    """
    names: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.name
        model.save(whole)
        with zipfile.ZipFile(whole) as read:
            contents = {entry.filename: read.read(entry) for entry in read.infolist()}
    contents[CONFIG] = json.dumps(_told(json.loads(contents[CONFIG]), names)).encode()
    with zipfile.ZipFile(path, "w") as write:
        for name, content in contents.items():
            write.writestr(name, content)
    return tuple(sorted(names))


def _told(value: Any, names: set[str]) -> Any:
    """A config, or a part of it, without what goes without saying."""
    if isinstance(value, list):
        return [_told(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    if not {"module", "class_name", "config"} <= value.keys():
        return {name: _told(one, names) for name, one in value.items()}
    module, kind, config = value["module"], value["class_name"], value["config"]
    if kind == "DTypePolicy":
        return config["name"]
    if module == "builtins" or not isinstance(config, dict):
        return value
    if (module or "").partition(".")[0] != "keras":
        raise InputError(f"keras can't hold {config.get('name', kind)}: {kind} of {module} isn't Keras's own.")
    names.add(kind)
    defaults = {
        name: parameter.default
        for parent in reversed(getattr(sys.modules[module], kind).__mro__)
        for name, parameter in inspect.signature(parent.__init__).parameters.items()
    }
    if module.startswith(OPERATIONS):
        defaults["name"] = config.get("name")
    kept = {
        name: one
        for name, one in config.items()
        if not name.endswith(FIRST_VALUES) and not (name in defaults and _same(defaults[name], one))
    }
    return {name: _told(one, names) for name, one in (value | {"config": kept}).items()}


def _same(default: Any, value: Any) -> bool:
    return type(default) is type(value) and bool(default == value)
