"""What every exporter has to pass."""

import json
from pathlib import Path
from typing import Any

from seqkit.core.files import digest_of
from seqkit.runs.run import Run


def check_exporter(run: Run, format: str, **options: Any) -> Path:
    """An artefact is written, and its manifest names each file with its digest and each graph with what goes in and out.

    Returns:
        Where the artefact is.
    Example:
        >>> from seqkit.core.registry import exporters
        >>> from seqkit.export.graphs import Written
        >>> from seqkit.testing.exporters import check_exporter
        >>> def export_labels(subject):
        ...     path = subject.folder / "labels.txt"
        ...     size = path.write_text(" ".join(case.answer["label"] for case in subject.cases))
        ...     return [Written("model", path)]
        >>> exporters.add("labels", export_labels)
        >>> check_exporter(run, "labels").name
        'labels'
    """
    folder = run.export(format, **options)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["graphs"], f"{format} says that it wrote nothing"
    for graph in manifest["graphs"].values():
        assert (folder / graph["path"]).exists(), f"{format} says that it wrote {graph['path']}, where nothing is"
        assert graph["inputs"]
        assert graph["outputs"]
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    del files["manifest.json"]
    assert manifest["files"].keys() == files.keys()
    assert all(manifest["files"][name]["sha256"] == digest_of(path) for name, path in files.items())
    return folder
