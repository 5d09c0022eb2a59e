"""What every exporter has to pass."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from seqkit.core.errors import ExportError
from seqkit.core.ragged import Ragged
from seqkit.core.registry import exporters
from seqkit.export.subject import Served, Subject
from seqkit.runs.run import Run


def check_exporter(run: Run, format: str) -> Path:
    """An artefact is written and noted in the manifest; one that answers otherwise than the run is refused, and what was
    there before stays as it was.

    Returns:
        Where the artefact is.
    """
    path = run.export(format)
    assert path.exists(), f"{format} says that it wrote {path}, where nothing is"
    folder = run.path / "export"
    entry = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[format]
    assert entry["path"] == path.name
    assert math.isfinite(entry["parity_error"])
    assert entry["parity_rows"] > 0
    before = _contents(folder)
    try:
        exporters.find(format)(_otherwise(run.subject(folder)))
    except ExportError:
        assert _contents(folder) == before, f"{format} left something of an artefact that it refused"
        return path
    raise AssertionError(f"{format} kept an artefact that answers otherwise than the run")


def _otherwise(subject: Subject) -> Subject:
    """The same, of a run that gives other answers."""

    def serve(model: Any) -> Served:
        served = subject.serve(model)
        return served._replace(expected=_other(served.expected))

    return dataclasses.replace(subject, outputs=subject.outputs + 1.0, serve=serve)


def _other(expected: Any) -> Any:
    """Answers that no artefact gives."""
    if isinstance(expected, list):
        return [f"{text}!" for text in expected]
    return Ragged(expected.values + 1, expected.offsets) if isinstance(expected, Ragged) else expected + 1


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
