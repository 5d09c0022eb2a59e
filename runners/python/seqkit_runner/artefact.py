"""An artefact: the folder, or the zip of it, that `seqkit export` wrote.

Nothing in it is executed, no link is followed, and no file is read that the manifest doesn't name.
"""

import base64
import contextlib
import hashlib
import math
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from seqkit_runner.backends import Graph, open_graph
from seqkit_runner.batching import padded
from seqkit_runner.errors import ArtefactError
from seqkit_runner.schema import LABELS, MANIFEST, TAGS, TASKS, VECTORS, check, parsed
from seqkit_runner.sessions import Session, session_of
from seqkit_runner.task import Task
from seqkit_runner.tasks import task_of
from seqkit_runner.tokenizer import Tokenizer

LAYOUT = 1  # of a folder
MOST, MOST_JSON = 2**31, 2**28  # bytes of a file
PACKED = 1100  # bytes that a byte of a zip can stand for
TRIED = 3  # test vectors that are answered before anything else is
TOLERANCE = {"none": 1e-5, "float16": 1e-2}  # of a number, or of its size where that is above 1
QUANTISED = 1e-3  # the same, where integers are rounded as the machine has it
ROUNDED = {"confidence": 1e-4}  # what is shown of a number; 1e-6 of others
AGAIN = "take the artefact from its source again."


class Files:
    """The files that a manifest names, in a folder or in a zip; no other is read."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._zip: zipfile.ZipFile | None = None
        self._top = PurePosixPath()
        self.named: dict[str, dict[str, Any]] | None = None  # until the manifest is read
        self.whole: set[str] = set()  # of those, what was read and is as it was written
        if self.path.is_file():
            self._open_zip()
        elif not self.path.is_dir():
            raise ArtefactError(
                f"There is no artefact {self.path}: give a folder that seqkit export wrote, or a zip of it."
            )

    def _open_zip(self) -> None:
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ArtefactError(f"{self.path} is no zip that can be read ({error}): {AGAIN}") from None
        tops = {PurePosixPath(name).parts[0] for name in self._zip.namelist() if PurePosixPath(name).parts}
        if "manifest.json" not in self._zip.namelist() and len(tops) == 1:
            self._top = PurePosixPath(tops.pop())

    def read(self, name: str, most: int = MOST) -> bytes:
        """A file, of the size and digest that the manifest says.

        Raises:
            ArtefactError: It isn't there, is a link, or another.
        """
        where = f"{self.path}: {name}"
        _check_name(name, where)
        said = (self.named or {}).get(name)
        if said is None and self.named is not None:
            raise ArtefactError(f"{where} is not among the files of manifest.json: {AGAIN}")
        try:
            content = self._of_zip(name, said, most) if self._zip else self._of_folder(name, said, most)
        except ArtefactError:
            raise
        except Exception as error:  # whatever zipfile and zlib make of what they didn't write
            raise ArtefactError(f"{where} can't be read ({error or 'it is cut'}): {AGAIN}") from None
        if said and hashlib.sha256(content).hexdigest() != said["sha256"]:
            raise ArtefactError(f"{where} has another digest than manifest.json says: {AGAIN}")
        self.whole.add(name)
        return content

    def _of_folder(self, name: str, said: Mapping[str, Any] | None, most: int) -> bytes:
        path = self.path
        for part in PurePosixPath(name).parts:
            path = path / part
            if path.is_symlink():
                raise ArtefactError(f"{path} is a link, and none is followed: {AGAIN}")
        if not path.is_file():
            raise ArtefactError(f"{self.path} has no file {name}: {AGAIN}")
        _check_size(f"{self.path}: {name}", path.stat().st_size, said, most)
        with open(path, "rb") as file:
            return file.read(most)

    def _of_zip(self, name: str, said: Mapping[str, Any] | None, most: int) -> bytes:
        assert self._zip is not None
        found = [one for one in self._zip.infolist() if one.filename == str(self._top / name)]
        if len(found) != 1:
            raise ArtefactError(f"{self.path} has {len(found) or 'no'} files {name}, where one is expected: {AGAIN}")
        (info,) = found
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ArtefactError(f"{self.path}: {name} is a link, and none is followed: {AGAIN}")
        _check_size(f"{self.path}: {name}", info.file_size, said, min(most, 1000 + PACKED * info.compress_size))
        return self._zip.read(info)

    def json(self, name: str) -> Any:
        """What a JSON file holds."""
        return parsed(self.read(name, MOST_JSON), f"{self.path}: {name}")

    @contextlib.contextmanager
    def place(self, name: str) -> Iterator[Path]:
        """A file, or a folder of files, on the disk, checked."""
        inside = [one for one in self.named or () if one == name or one.startswith(f"{name}/")]
        if not inside:
            raise ArtefactError(f"{self.path}: {name} is not among the files of manifest.json: {AGAIN}")
        with tempfile.TemporaryDirectory() as folder:
            for one in inside:
                path = Path(folder, one)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.read(one))
            yield Path(folder, name)


def _check_name(name: str, where: str) -> None:
    parts = name.split("/")
    if not name or "\\" in name or ":" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise ArtefactError(f"{where} is no path inside of the artefact: {AGAIN}")


def _check_size(where: str, size: int, said: Mapping[str, Any] | None, most: int) -> None:
    if said is not None and size != said["bytes"]:
        raise ArtefactError(f"{where} has {size} bytes, manifest.json says {said['bytes']}: {AGAIN}")
    if size > most:
        raise ArtefactError(f"{where} declares {size} bytes, more than the {most} that are read: {AGAIN}")


class Artefact:
    """A model that answers, with all that it takes.

    Attributes:
        manifest: What it says of itself.
        graphs: By name, for whoever feeds them by hand.
    """

    def __init__(self, files: Files, manifest: dict[str, Any], graphs: dict[str, Graph], task: Task | None):
        self._files, self.manifest, self.graphs, self._task = files, manifest, graphs, task

    @property
    def task(self) -> Task:
        """What becomes of an input."""
        if self._task is None:
            raise ArtefactError(f"{self._files.path} has graphs alone, and says of no task what they are for.")
        return self._task

    @property
    def tolerance(self) -> float:
        """How far a number may be from the run's."""
        default = TOLERANCE.get(self.manifest["quantize"], QUANTISED)
        return float((self.manifest.get("parity") or {}).get("tolerance", default))

    def predict(self, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Answer inputs, a dict each, in order, as `seqkit predict` does.

        Args:
            inputs: A text each; of a tagger also lists of tokens; of frames arrays (steps, ...); of images arrays (height,
                width, 3) from 0 to 255; of an image with a question a dict of "image" and "question", or the two.
        Raises:
            ArtefactError: An input is none of this artefact's.
        """
        if isinstance(inputs, str | bytes | Mapping):
            raise ArtefactError(f"predict got one {type(inputs).__name__}: give a list of inputs.")
        return self.task.answers(list(inputs))

    def generate(self, prompt: str = "", **settings: Any) -> Iterator[str]:
        """Text that a language model draws, piece by piece, as `Run.generate` of seqkit does.

        Args:
            prompt: What the text goes on from; it is not repeated.
            settings: length (200), temperature (0.8), top_k (0), top_p (1), stop (None) and seed (0).
        Raises:
            ArtefactError: This is no language model, or a setting is out of its range.
        """
        write = getattr(self.task, "generate", None)
        if write is None:
            raise ArtefactError(f"{self.manifest['name']} is of the kind {self.task.kind}, which generates nothing.")
        pieces: Iterator[str] = write(prompt, **settings)
        return pieces

    def stream(self) -> Session:
        """A session: what was fed before has its say in what is answered.

        Raises:
            ArtefactError: The artefact has no streaming step.
        """
        return session_of(self.task, self.graphs.get("step"))

    def vectors(self) -> list[dict[str, Any]]:
        """The test vectors, with arrays for what was written of them.

        Raises:
            ArtefactError: The file is damaged.
        """
        where = f"{self._files.path}: test_vectors.json"
        vectors = check(self._files.json("test_vectors.json"), VECTORS, where)
        return [_with_arrays(vector, f"{where}, item {place}") for place, vector in enumerate(vectors)]

    def try_vectors(self, count: int | None = None) -> int:
        """Answer the first test vectors, or all; returns how many were compared with the run's answers or outputs.

        Raises:
            ArtefactError: An answer differs from the run's.
        """
        answered, others, _ = self._tried(count)
        return answered + others

    def _tried(self, count: int | None = None) -> tuple[int, int, int]:
        """How many vectors' answers were compared, of how many others what their graphs give, and how many are left."""
        vectors = list(enumerate(self.vectors()[:count]))
        answered = [(place, one) for place, one in vectors if self._task and one["answer"] is not None]
        answers = self.predict([one["inputs"] for _, one in answered]) if answered else []
        for (place, vector), got in zip(answered, answers, strict=True):
            if not alike(vector["answer"], got, self.tolerance):
                raise ArtefactError(
                    f"{self._files.path} answers test vector {place} by {str(got)[:200]}, its run by "
                    f"{str(vector['answer'])[:200]}: {AGAIN}"
                )
        others = {place for place, _ in vectors} - {place for place, _ in answered}
        tried = sum(self._try_graphs(vectors[place][1], place) for place in sorted(others))
        return len(answered), tried, len(others) - tried

    def _try_graphs(self, vector: Mapping[str, Any], place: int) -> bool:
        """Whether something is known of a vector without an answer: what the graphs that read make of it."""
        known = False
        for name, expected in vector["graph_outputs"].items():
            graph = self.graphs.get(name)
            got = {} if graph is None else graph(padded(graph, [vector["graph_inputs"]]))
            for output in expected.keys() & got.keys():
                known = True
                values, own = expected[output].astype(np.float64), got[output][0].astype(np.float64)
                far = np.abs(own - values).max(initial=0) if own.shape == values.shape else np.inf
                if not far <= self.tolerance * max(1.0, np.abs(values).max(initial=0)):
                    raise ArtefactError(
                        f"{self._files.path} differs from its run by {far:.2g} in {output} of test vector {place}: {AGAIN}"
                    )
        return known

    def check_files(self) -> int:
        """Compare the digest of every file that was not read yet; returns how many files there are.

        Raises:
            ArtefactError: One is another.
        """
        named = self._files.named or {}
        for name in named.keys() - self._files.whole:
            self._files.read(name)
        return len(named)


def load(path: str | Path, *, threads: int = 1) -> Artefact:
    """Open an artefact, and have it answer its first test vectors.

    Args:
        path: A folder, or a zip of it.
        threads: Of the runtime. Models of this kind answer a few inputs fastest on one.
    Raises:
        ArtefactError: It is damaged, of another version, without its runtime, or answers otherwise than its run.
    """
    artefact = opened(path, threads=threads)
    artefact.check_files()
    artefact.try_vectors(TRIED)
    return artefact


def opened(path: str | Path, *, threads: int = 1) -> Artefact:
    """The same, with nothing asked."""
    files = Files(path)
    where = f"{files.path}: manifest.json"
    manifest = files.json("manifest.json")
    if isinstance(manifest, dict) and manifest.get("artefact") != LAYOUT:
        raise ArtefactError(
            f"{where} is of layout {manifest.get('artefact')!r}, this runner reads {LAYOUT}: install the seqkit-runner of "
            "its time, or export it again."
        )
    check(manifest, MANIFEST, where)
    for name in manifest["files"]:
        _check_name(name, f"{files.path}: {name!r}")
    files.named = manifest["files"]
    graphs, loaded = {}, dict[str, Any]()
    for name, value in manifest["graphs"].items():
        inside = value["path"]
        graphs[name] = open_graph(
            manifest["format"],
            value,
            content=lambda inside=inside: files.read(inside),  # type: ignore[misc]
            place=lambda inside=inside: files.place(inside),  # type: ignore[misc]
            threads=threads,
            loaded=loaded,
        )
    return Artefact(files, manifest, graphs, _task(files, manifest, graphs, where))


def verified(path: str | Path) -> str:
    """Compare every file with its digest and answer every test vector; returns what was found, and what was compared.

    Raises:
        ArtefactError: Something is other than the manifest says.
    """
    artefact = opened(path)
    files, found = artefact.check_files(), artefact._tried()
    kinds = "answered as its run does", "whose outputs alone were compared", "without anything that could be compared"
    told = [
        f"{number} test vector{'s' * (number > 1)} {kind}" for number, kind in zip(found, kinds, strict=True) if number
    ]
    tried = ", ".join(told) or "no test vectors to be answered"
    return f"{artefact.manifest['name']}, {artefact.manifest['format']}: {files} files as they were written, {tried}"


def _task(files: Files, manifest: Mapping[str, Any], graphs: Mapping[str, Graph], where: str) -> Task | None:
    value = manifest["task"]
    if value is None:
        return None
    kind = value["kind"]
    if kind not in TASKS:
        raise ArtefactError(f"{where} has a task of the kind {kind!r}: a runner knows {', '.join(TASKS)}.")
    check(value, TASKS[kind], f"{where}, 'task'")
    tokenizers: dict[str, Tokenizer] = {
        field: Tokenizer.from_json(files.json(value[field]))
        for field in ("tokenizer", "target_tokenizer")
        if field in TASKS[kind]
    }
    labels = {}
    if "labels" in TASKS[kind]:
        labels = check(
            files.json(value["labels"]),
            TAGS if kind in ("tag", "tag_and_label") else LABELS,
            f"{files.path}: {value['labels']}",
        )
    return task_of(kind, value, graphs, tokenizers, labels)


def _with_arrays(vector: Mapping[str, Any], where: str) -> dict[str, Any]:
    inputs = {name: _array(value, where) for name, value in vector["graph_inputs"].items()}
    outputs = {
        graph: {name: _array(value, where) for name, value in named.items()}
        for graph, named in vector["graph_outputs"].items()
    }
    raw = vector["inputs"]
    if isinstance(raw, dict):
        whole = "data" in raw
        raw = _array(raw, where) if whole else {name: _raw(value, where) for name, value in raw.items()}
    return {"inputs": raw, "graph_inputs": inputs, "graph_outputs": outputs, "answer": vector["answer"]}


def _raw(value: Any, where: str) -> Any:
    return _array(value, where) if isinstance(value, dict) else value


def _array(value: Mapping[str, Any], where: str) -> np.ndarray:
    """An array of what is written of it: type, shape, and little-endian bytes in base64."""
    try:
        dtype = np.dtype(value["dtype"]).newbyteorder("<")
        shape = tuple(value["shape"])
        data = base64.b64decode(value["data"], validate=True)
        if dtype.kind in "buif" and min(shape, default=1) >= 0 and math.prod(shape) * dtype.itemsize == len(data):
            return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    except (TypeError, ValueError, KeyError):
        pass
    raise ArtefactError(f"{where} holds an array whose bytes are not those of its type and shape: {AGAIN}")


def alike(expected: Any, got: Any, tolerance: float, field: str = "") -> bool:
    """Whether two answers are the same, but for numbers that differ by no more than `tolerance`, and by their rounding."""
    if isinstance(expected, dict):
        same = isinstance(got, dict) and expected.keys() == got.keys()
        return same and all(alike(value, got[name], tolerance, name) for name, value in expected.items())
    if isinstance(expected, list):
        same = isinstance(got, list) and len(expected) == len(got)
        return same and all(alike(one, other, tolerance, field) for one, other in zip(expected, got, strict=True))
    if isinstance(expected, float) and isinstance(got, int | float):
        return abs(expected - got) <= tolerance * max(1.0, abs(expected)) + 1.01 * ROUNDED.get(field, 1e-6)
    return bool(expected == got)
