"""Evaluations: `evaluations/NAME/report.json` and `report.html`, none over another's; the run's own is `training`."""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.files import read_json, replacing, write_json
from seqkit.report.document import write_html
from seqkit.runs.attempts import Attempts
from seqkit.runs.contents import add_files, file_of, inside
from seqkit.runs.kept_rows import ROWS, KeptRows
from seqkit.runs.migration import made_without_digests

FOLDER, REPORT, PAGE = "evaluations", "report.json", "report.html"
TRAINING = "training"
LONGEST = 100  # characters of a name
PACKED = (".gz", ".bz2", ".xz", ".zst")


def evaluation_name(data: Any, digest: str) -> str:
    """What an evaluation is called: as the file, the folder or the data set; data in memory has no name but its digest.

    Args:
        data: A source, as a task reads it.
        digest: Of its rows.
    """
    if not isinstance(data, str | Path):
        return f"data-{digest[:8]}"
    name = str(data).removeprefix("tfds:") if str(data).startswith("tfds:") else Path(data).name
    if Path(data).is_file():  # the common beginning of two files has no suffix
        for suffix in PACKED:
            name = name.removesuffix(suffix)
        name = Path(name).stem
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name)).strip("._-")[:LONGEST]
    return name or f"data-{digest[:8]}"


def check_name(name: str) -> None:
    """Raise InputError where an evaluation can't be called so."""
    if name == TRAINING:
        raise InputError(f"{FOLDER}/{TRAINING} is the run's own evaluation: give another --name.")
    if not re.fullmatch(r"[\w-][\w. -]*", name) or len(name) > LONGEST:
        raise InputError(
            f"{name!r} can't be an evaluation's name: give letters, digits, dots, dashes and underscores, at most {LONGEST}."
        )


def check_place(
    folder: Path, name: str, data: Mapping[str, Any], search: Mapping[str, Any] | None = None, *, overwrite: bool
) -> None:
    """An evaluation may replace its own of before, on the same rows, by the same search.

    Args:
        data: Of the rows "source" and "digest".
        search: How answers are looked for, where they are.
    Raises:
        InputError: The name is taken by one of other rows, or by another search.
    """
    path = inside(folder, f"{FOLDER}/{name}/{REPORT}")
    if overwrite or not path.exists():
        return
    try:
        report = read_json(path)
        digest, source = report["data"]["digest"], report["data"]["source"]
        before = dict(report.get("search", search or {}))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise InputError(f"{path} is no report: give another --name, or --overwrite.") from None
    if digest != data["digest"]:
        raise InputError(
            f"{path.parent} holds the figures of other rows ({source}) than these ({data['source']}): give --name for "
            "these, or --overwrite."
        )
    others = [
        f"{key} {before.get(key)}, now {value}" for key, value in (search or {}).items() if before.get(key) != value
    ]
    if others:
        raise InputError(
            f"{path.parent} holds the figures of another search ({'; '.join(others)}): give --name for these, or "
            "--overwrite."
        )


def write_evaluation(
    folder: Path, info: dict[str, Any], name: str, report: dict[str, Any], history: Any, kept: KeptRows | None = None
) -> None:
    """Write a report, and what is kept of each row, into their place in a run folder, and their digests into run.json.

    A page that fails is told in it.
    """
    report["name"] = name
    place = inside(folder, f"{FOLDER}/{name}")
    place.parent.mkdir(exist_ok=True)
    with replacing(place) as part:
        part.mkdir()
        attempts = Attempts()
        with attempts(PAGE):
            write_html(report, history, part / PAGE)
        if kept is not None:
            with attempts(ROWS):
                kept.save(part / ROWS)
        report["failed"] |= attempts.failed
        write_json(part / REPORT, report)
    if not made_without_digests(info):
        add_files(folder, info, [place])


def read_report(folder: Path, info: Mapping[str, Any], name: str = TRAINING) -> dict[str, Any]:
    """A report; of a run of before 0.6 that of the last evaluation; nothing where there is none."""
    place = f"{FOLDER}/{name}/{REPORT}"
    if made_without_digests(info) and name == TRAINING:
        place = REPORT
    report = read_json(file_of(folder, info, place)) if (folder / place).exists() else {}
    if not isinstance(report, dict):
        raise InputError(f"{folder / place} is damaged (it holds a {type(report).__name__}): evaluate again.")
    return report
