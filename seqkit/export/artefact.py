"""An artefact: a folder, and a zip of it, with all that an answer needs; proven in a process that has no seqkit."""

import contextlib
import dataclasses
import importlib.resources
import json
import platform
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.files import digest_of, json_text, read_json, replacing, write_json
from seqkit.core.version import __version__
from seqkit.export.description import LABELS
from seqkit.export.graphs import Specs, Written
from seqkit.export.proof import own_answers, proven, reference
from seqkit.export.subject import Case, Exporter, Quantize, Subject
from seqkit.export.tokenizer_file import tokenizer_json
from seqkit.export.vectors import Outputs, as_json
from seqkit_runner.formats import FORMATS

LAYOUT = 1  # the version of what a folder holds, which a runner checks
MANIFEST, VECTORS, CARD = "manifest.json", "test_vectors.json", "model_card.md"
VECTORS_KEPT = 20
OUTPUTS_KEPT = 50_000  # numbers that the test vectors' outputs have together, but for the first's
RUNTIMES = {"onnx": ("onnx", "onnxruntime"), "litert": ("ai-edge-litert",)}  # of formats that need no TensorFlow
RUNNERS = {  # package -> where it lies in an artefact
    "onnx": {"seqkit_runner": "seqkit_runner", "seqkit_runner_javascript": "javascript"},
    "litert": {"seqkit_runner": "seqkit_runner"},
}


def artefact_name(format: str, *, step: bool, quantize: Quantize) -> str:
    """Of its folder: onnx, litert-step-int8."""
    return "-".join(
        [format.rpartition(":")[2], *(["step"] if step else []), *([quantize] if quantize != "none" else [])]
    )


def write_artefact(
    subject: Subject, format: str, exporter: Exporter, folder: Path, card: Callable[[dict[str, Any]], str]
) -> Path:
    """Write what an exporter makes of a run, with all that goes with it, and prove it.

    Args:
        subject: Its folder is replaced by one in the making.
        format: The exporter's name.
        folder: Where it goes, with a zip of it beside it.
        card: Makes model_card.md of the manifest.
    Returns:
        The folder.
    Raises:
        InputError: The format can't hold this run, or something else lies in that place.
        ExportError: The artefact answers otherwise than the run.
    """
    _check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing(folder) as part:
        part.mkdir()
        written = exporter(dataclasses.replace(subject, folder=part))
        manifest = _manifest(subject, format, written, part)
        _write_description(subject, part)
        _add_runners(format, part)
        references = [reference(subject, case) for case in subject.cases]
        _write_vectors(subject.cases, references, part)
        _seal(part, manifest)
        if format in FORMATS:
            manifest |= proven(subject, part, manifest["graphs"].keys(), references)
            if subject.quantize != "none":
                _write_vectors(*own_answers(subject, part), part)
        (part / CARD).write_text(card(manifest), encoding="utf-8")
        _seal(part, manifest)
    with replacing(_zip_of(folder)) as packed:
        _pack(folder, packed)
    return folder


def _zip_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.zip")


def _pack(folder: Path, packed: Path) -> None:
    """A zip has no time before 1980, which a file of an installed package may have."""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in (folder, *sorted(folder.rglob("*"))):
            archive.write(path, path.relative_to(folder.parent))


def _check_place(folder: Path) -> None:
    """Only an artefact is replaced by another, and its zip by another's, and nothing behind a link."""
    if folder.name in ("", ".."):
        raise InputError(
            f"{folder} has no name of its own, which the zip beside it would have: give --to a folder's name."
        )
    packed = _zip_of(folder)
    if folder.is_symlink():
        raise InputError(f"{folder} is a link: give the folder itself, or another --to.")
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or _is_artefact(folder))):
        raise InputError(f"{folder} is there and is no artefact of seqkit: move it away, or give another --to.")
    if packed.is_symlink() or (packed.exists() and not _is_zip_of(folder, packed)):
        raise InputError(
            f"{packed} is there and is no zip of an artefact of that name, where the one of {folder.name} goes: move it "
            "away, or give another --to."
        )


def _is_artefact(folder: Path) -> bool:
    with contextlib.suppress(InputError):
        return _is_manifest(read_json(folder / MANIFEST))
    return False


def _is_zip_of(folder: Path, packed: Path) -> bool:
    unread = contextlib.suppress(OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError)
    with unread, zipfile.ZipFile(packed) as archive:
        return _is_manifest(json.loads(archive.read(f"{folder.name}/{MANIFEST}")))
    return False


def _is_manifest(value: Any) -> bool:
    return isinstance(value, dict) and "artefact" in value


def _manifest(subject: Subject, format: str, written: Sequence[Written], folder: Path) -> dict[str, Any]:
    return {
        "artefact": LAYOUT,
        "name": subject.title,
        "recipe": subject.recipe,
        "format": format,
        "step": subject.step,
        "quantize": subject.quantize,
        "task": None if subject.description is None else subject.description.to_json(),
        "graphs": {
            one.graph: {"path": one.path.relative_to(folder).as_posix()}
            | _tensors(one.inputs or subject.graphs[one.graph].inputs, one.outputs or subject.graphs[one.graph].outputs)
            | {"operations": list(one.operations)}
            | one.facts
            for one in written
        },
        "versions": {"seqkit": __version__, "python": platform.python_version()}
        | {
            name: found
            for name in ("tensorflow", "keras", "numpy", *RUNTIMES.get(format, ()))
            if (found := _version(name))
        },
        "licence": None,  # the owner's to say
    }


def _tensors(inputs: Specs, outputs: Specs) -> dict[str, Any]:
    """Inputs and outputs of a graph, with a name for each open axis."""
    return {
        "inputs": [_described(name, spec) for name, spec in inputs.items()],
        "outputs": [_described(name, spec) for name, spec in outputs.items()],
    }


def _described(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
    sizes = ["batch" if axis == 0 else "steps" if size is None else size for axis, size in enumerate(spec.shape)]
    return {"name": name, "dtype": spec.dtype.name, "shape": sizes}


def _write_description(subject: Subject, folder: Path) -> None:
    if subject.description is None:
        return
    for name, vocabulary in subject.description.tokenizers.items():
        _write_lines(folder / f"{name}.json", tokenizer_json(vocabulary))
    if subject.description.labels is not None:
        _write_lines(folder / f"{LABELS}.json", subject.description.labels)


def _write_lines(path: Path, value: Mapping[str, Any]) -> None:
    """JSON with a line a field: tables of thousands of numbers stay small."""
    fields = [f"{json_text(name)}: {json_text(held)}" for name, held in value.items()]
    path.write_text("{\n" + ",\n".join(fields) + "\n}\n", encoding="utf-8")


def _write_vectors(cases: Sequence[Case], outputs: Sequence[Outputs], folder: Path) -> None:
    """Real inputs with what comes of them; outputs as far as there is room for them."""
    vectors: list[dict[str, Any]] = []
    room = OUTPUTS_KEPT
    for case, own in zip(cases[:VECTORS_KEPT], outputs, strict=False):
        room -= sum(values.size for graph in own.values() for values in graph.values())
        vectors.append(as_json(case, own if room >= 0 or not vectors else {}))
    (folder / VECTORS).write_text(json_text(vectors) + "\n", encoding="utf-8")


def _add_runners(format: str, folder: Path) -> None:
    """What answers without seqkit, in the languages that run this format."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package, name in RUNNERS.get(format, {}).items():
        with importlib.resources.as_file(importlib.resources.files(package)) as source:
            shutil.copytree(source, folder / name, ignore=ignored)
    (folder / "javascript" / "__init__.py").unlink(missing_ok=True)


def _seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest, with the digest of every other file."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]
    manifest["files"] = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": digest_of(path)} for path in files
    }
    manifest["bytes"] = sum(path.stat().st_size for path in files)
    write_json(folder / MANIFEST, manifest)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
