"""Proof that an artefact answers as its run does, in a process that imports neither seqkit nor what the format needn't have.

    report = prove_apart(folder, cases)     # from the process that exports; ArtefactError where nothing could be asked

A `Case` is a real input with what the run makes of it. The graphs are asked one row at a time, three at once and 32 at once,
padded together; where there is a "step" the rows of "model" go through it too, input by input. What comes of it is a report
of plain values (see `proof`), which says how far apart they are at most: to refuse an artefact is up to whoever asked.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from seqkit_runner.artefact import Artefact, Files, alike, opened
from seqkit_runner.backends import Arrays, Graph
from seqkit_runner.batching import BATCH, padded, softmax, streamed
from seqkit_runner.errors import ArtefactError

BATCHES = (1, 3, BATCH)
ASKED = 12  # batches of each size at most
TIMED = 30  # calls, of which the median counts
PATIENCE = 3600  # seconds that a proof may take
_START = """
import json, sys
home, absent, others, *given = sys.argv[1:]
sys.modules.update(dict.fromkeys(absent.split(",")))  # None, which no import gets past
sys.path = [home, *sys.path, *json.loads(others)]  # an isolated process looks into no PYTHONPATH or packages of the user
from seqkit_runner.prove import main
main(*given)
"""
_ARRAY, _FIELDS = "array", "fields"  # what every object holds: the number of an array, or what stands under names
T = TypeVar("T")
_FREE = ("onnx", "litert")  # formats that need neither TensorFlow nor Keras


class Case(NamedTuple):
    """A real input, and what the run makes of it.

    Attributes:
        graph: "model", "encoder" or "decoder"; of an artefact of the step alone "model" too.
        arrays: The graph's inputs, unpadded and without an axis of rows; none where only answers are compared.
        outputs: What the run's graph makes of them, by name, without an axis of rows.
        inputs: As `Artefact.predict` takes it.
        answer: What the run answers; nothing where only the graph is compared, as of rows that were cut to a length.
    """

    graph: str
    arrays: Arrays
    outputs: Arrays
    inputs: Any = None
    answer: dict[str, Any] | None = None


def write_cases(path: Path, cases: Sequence[Case]) -> None:
    """Write cases as one .npz: in place of arrays these arrays' numbers, which no field of an answer looks like."""
    arrays: list[np.ndarray] = []

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {_ARRAY: len(arrays) - 1}
        if isinstance(value, Mapping):
            return {_FIELDS: {name: plain(one) for name, one in value.items()}}
        return [plain(one) for one in value] if isinstance(value, list | tuple) else value

    text = json.dumps([plain(case._asdict()) for case in cases])
    kept: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)}
    np.savez(path, cases=np.frombuffer(text.encode(), np.uint8), **kept)


def read_cases(path: Path) -> list[Case]:
    """What `write_cases` wrote."""

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            if _ARRAY in value:
                return kept[str(value[_ARRAY])]
            return {name: whole(one) for name, one in value[_FIELDS].items()}
        return [whole(one) for one in value] if isinstance(value, list) else value

    with np.load(path, allow_pickle=False) as kept:
        return [Case(**whole(value)) for value in json.loads(kept["cases"].tobytes())]


def prove_apart(folder: Path, cases: Sequence[Case]) -> dict[str, Any]:
    """The `proof` of an artefact in a process of its own, by the runner that lies in the artefact, or without one by this.

    Raises:
        ArtefactError: The artefact can't be asked.
    """
    own = (folder / "seqkit_runner" / "prove.py").is_file()
    home = folder if own else Path(__file__).parents[1]
    absent = ["seqkit", *(["tensorflow", "keras"] if _format(folder) in _FREE else [])]
    with tempfile.TemporaryDirectory() as place:
        given, written = Path(place, "cases.npz"), Path(place, "report.json")
        write_cases(given, cases)
        others = json.dumps([os.path.abspath(one) for one in sys.path if one])
        said = _apart(str(home), ",".join(absent), others, *map(str, (folder, given, written)))
        report = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    if "outputs" not in report:
        reason = report.get("error") or (said.strip().splitlines() or ["it said nothing"])[-1]
        raise ArtefactError(f"The process that proves {folder} ended: {reason}")
    return dict(report)


def _apart(*given: str) -> str:
    """What a new process complains of that proves what it is given."""
    command = [sys.executable, "-B", "-I", "-c", _START, *given]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False).stderr


def _format(folder: Path) -> str:
    return str(Files(folder).json("manifest.json")["format"])


def main(folder: str, cases: str, report: str) -> None:
    """Write the `proof` of an artefact, as JSON."""
    try:
        found = proof(opened(folder), read_cases(Path(cases)))
    except ArtefactError as error:
        found = {"error": str(error)}
    Path(report).write_text(json.dumps(found), encoding="utf-8")


def proof(artefact: Artefact, cases: Sequence[Case]) -> dict[str, Any]:
    """How an artefact's answers compare with its run's.

    Returns:
        "rows", how many inputs were compared; "batches", the sizes at which; "lengths", of the shortest and of the longest
        row; "outputs", the greatest difference of a number that a graph gives, divided by the greatest of that tensor where
        that is above 1; "probabilities", the greatest difference of the softmax of what ends in logits; "streamed",
        "outputs" of the step; "answers", the share that is alike at every batch size, where there are any to compare;
        "differences", those that aren't;
        "latency", the median time of one row through the graph that reads, and of one answer.
    """
    found: dict[str, Any] = {"outputs": 0.0, "probabilities": 0.0}
    whole = [case for case in cases if case.graph in artefact.graphs]
    for size in BATCHES:
        for name in sorted({case.graph for case in whole}):
            own = _spread([case for case in whole if case.graph == name], size * ASKED)
            for case, got in _asked(artefact.graphs[name], own, size):
                _widen(found, case.outputs, got)
    rows = [case for case in cases if case.graph == "model" and "outputs" in case.outputs]
    if "step" in artefact.graphs:
        apart = {"outputs": 0.0, "probabilities": 0.0}
        answers = streamed(artefact.graphs["step"], [case.arrays for case in rows])
        for case, outputs in zip(rows, answers, strict=True):
            _widen(apart, case.outputs, {"outputs": outputs})
        found = {name: max(value, apart[name]) for name, value in found.items()} | {"streamed": apart["outputs"]}
    asked = [case for case in cases if case.answer is not None and artefact.manifest["task"]]
    differences = _differences(artefact, asked)
    if asked:
        found["answers"] = 1 - len(differences) / len(asked)
    read = [case for case in whole if case.graph != "decoder"]  # whose rows an encoder has read before
    return found | {
        "rows": max(len(asked), len(read), len(rows) if "step" in artefact.graphs else 0),
        "batches": list(BATCHES),
        "lengths": _lengths(cases),
        "differences": list(differences.values()),
        "latency": _latency(artefact, cases),
    }


def _asked(graph: Graph, cases: Sequence[Case], size: int) -> Iterator[tuple[Case, Arrays]]:
    """What a graph makes of cases, in batches of `size` as they come, so that short rows stand beside long ones."""
    for start in range(0, len(cases), size):
        some = cases[start : start + size]
        outputs = graph(padded(graph, [case.arrays for case in some]))
        for row, case in enumerate(some):
            yield case, {name: outputs[name][row] for name in case.outputs}


def _widen(found: dict[str, Any], expected: Arrays, got: Arrays) -> None:
    """Take account of a row; of what is padded the real part counts."""
    for name, values in expected.items():
        own = np.asarray(got[name])[tuple(map(slice, values.shape))].astype(np.float64)
        values = values.astype(np.float64)
        if own.shape != values.shape or not values.size:
            found["outputs"] = found["outputs"] if own.shape == values.shape else math.inf
            continue
        found["outputs"] = max(found["outputs"], _distance(own, values) / max(1.0, float(np.abs(values).max())))
        if name in ("outputs", "logits"):
            found["probabilities"] = max(found["probabilities"], _distance(softmax(own), softmax(values)))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    distance = float(np.abs(one - other).max())
    return distance if distance == distance else math.inf


def _differences(artefact: Artefact, cases: Sequence[Case]) -> dict[int, dict[str, Any]]:
    """Number of a case -> what was expected and what was answered, of those that differ at some batch size."""
    found: dict[int, dict[str, Any]] = {}
    for size in BATCHES:
        places = _spread(range(len(cases)), size * ASKED)
        for start in range(0, len(places), size):
            some = places[start : start + size]
            for place, got in zip(some, artefact.predict([cases[place].inputs for place in some]), strict=True):
                expected = cases[place].answer
                if not alike(expected, got, artefact.tolerance):
                    found.setdefault(place, {"inputs": place, "expected": expected, "got": got})
    return found


def _spread(rows: Sequence[T], most: int) -> list[T]:
    """So many of the rows at most, from the first to the last in equal steps."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(number * (len(rows) - 1) / (most - 1))] for number in range(most)]


def _lengths(cases: Sequence[Case]) -> list[int]:
    """Of the shortest row and of the longest one."""
    axes = ("ids", "frames")
    found = [
        len(case.arrays[name]) for case in cases for name in axes if name in case.arrays and case.arrays[name].ndim
    ]
    return [min(found, default=1), max(found, default=1)]


def _latency(artefact: Artefact, cases: Sequence[Case]) -> dict[str, Any]:
    """Medians, in milliseconds, of a row as long as half of them."""
    reads = [case for case in cases if case.graph in artefact.graphs and case.graph != "decoder"]
    found: dict[str, Any] = {"batch": 1}
    if reads:
        case = sorted(reads, key=lambda case: _lengths([case]))[len(reads) // 2]
        graph = artefact.graphs[case.graph]
        batch = padded(graph, [case.arrays])
        found |= {"length": _lengths([case])[0], "median_ms": _median(lambda: graph(batch))}
    asked = [case for case in cases if case.answer is not None and artefact.manifest["task"]]
    if asked:
        inputs = [asked[len(asked) // 2].inputs]
        found |= {"answer_ms": _median(lambda: artefact.predict(inputs))}
    return found


def _median(call: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(TIMED):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return round(1000 * statistics.median(seconds), 4)
