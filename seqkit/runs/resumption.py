"""An interrupted run goes on with the settings and the rows that it was started with."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from seqkit.core.arguments import Part
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.settings import Training

ELSEWHERE = {f"training.{name}" for name in Training.elsewhere}
UNSAID = "<tuple>"  # all that versions up to 0.17 told of one
MODELS = {
    "started_from": "another language model to start from",
    "read_by": "other language models that read its words",
}
ROWS = {"train": "rows to train on", "valid": "validation rows", "test": "test rows"}


def check_same(
    before: Mapping[str, Any],
    info: dict[str, Any],
    parts: Mapping[str, Part],
    defaults: Mapping[str, Any],
    trained_by: Collection[Part],
    *,
    splits: Collection[str] = ("train", "valid"),
    but: Collection[str] = (),
) -> None:
    """Compare what run.json held with what it is to hold, and note in it that it was resumed.

    Args:
        before: Of the interrupted run.
        info: Of the one that goes on.
        parts: Argument of the recipe -> what it plays a part in.
        defaults: The recipe's, as run.json has settings: an older version didn't have all of them, and did as these say.
        trained_by: What plays a part in what is left of it.
        splits: Likewise.
        but: Settings that may differ, "training.epochs".
    Raises:
        InputError: Something that plays a part is another: all of it is named.
    """
    wrong, told = [], []
    settings, usual = (json.loads(json.dumps(one)) for one in (info["settings"], defaults))
    for name, old, new in differences(before["settings"], settings, usual):
        part = parts[name.partition(".")[0]]
        if part == "source" or name in ELSEWHERE or name in but:
            continue
        if part in trained_by:
            wrong.append(f"{name} {old}, now it is {new}")
        else:
            told.append(f"{name} {new} (was {old})")
    for split in splits:
        old, new = (each["data"].get(split, {}) for each in (before, info))
        if old.get("digest") != new.get("digest"):
            wrong.append(f"other {ROWS[split]} ({_rows(old)}; now {_rows(new)})")
    for name, what in MODELS.items():
        old, new = (each.get(name, {}) for each in (before, info))
        if old.get("digest") != new.get("digest"):
            wrong.append(f"{what} ({old.get('run')}; now {new.get('run')})")
    if wrong:
        raise InputError(
            f"The interrupted run was started with {'; '.join(wrong)}: use the same settings and data, or train anew."
        )
    if told:
        notify(f"Resumed with other settings, which play no part in training: {'; '.join(told)}.")
    info["command"], info["resumed_with"] = before["command"], info["command"]


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], usual: Mapping[str, Any], within: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Settings that differ, those of a class by their fields: name, old and new value.

    Args:
        before, now: As run.json has them.
        usual: What counts where the settings of before don't say.
    """
    for name, new in now.items():
        old = before.get(name, usual.get(name))
        if isinstance(new, dict) and isinstance(old, dict):
            own = usual.get(name)
            yield from differences(old, new, own if isinstance(own, dict) else {}, f"{within}{name}.")
        elif old != new and not (old == UNSAID and isinstance(new, list)):
            yield f"{within}{name}", old, new


def _rows(data: Mapping[str, Any]) -> str:
    return f"{data['rows']:,} of {data['source']}" if data else "none"
