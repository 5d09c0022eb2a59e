"""Run folders made by version 0.4, in which some names were others, and by 0.5, in which images could not be skipped and a
tag scheme was a name: both without digests.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = {"picture": "image", "picture_alone": "image_alone"}
LAYERS = {"picture": "image"} | {f"attention_look_{k}": f"attention_hop_{k}" for k in range(1, 100)}


def migrated_name(name: str) -> str:
    """Today's name of a key of vocabulary.json, or of a baseline."""
    return NAMES.get(name, name)


def made_without_digests(info: Mapping[str, Any]) -> bool:
    """Whether a run.json is of a version that kept no digests, and the report of the last evaluation at the folder's top."""
    made_with = str(info["versions"].get("seqkit"))
    return "digest" not in info and made_with.split(".")[:2] in (["0", "4"], ["0", "5"])


def migrated(vocabulary: dict[str, Any]) -> dict[str, Any]:
    """vocabulary.json with today's names and settings."""
    images = {"on_error": "stop"} if "image_size" in vocabulary else {}  # which could not be skipped
    today = images | {migrated_name(name): value for name, value in vocabulary.items()}
    if isinstance(scheme := today.get("scheme"), str):  # with prefixes before the type, and a dash
        today["scheme"] = {"name": scheme, "after": False, "separator": "-"}
    return today


def migrate_model(path: Path, to: Path) -> bool:
    """Copy a Keras file with today's names of inputs and layers.

    Returns:
        Whether there was any other name; otherwise nothing is written.
    """
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    renamed = _renamed(config)
    if renamed == config:
        return False
    with zipfile.ZipFile(to, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, json.dumps(renamed).encode() if name == "config.json" else content)
    return True


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner) for inner in value]
    return LAYERS.get(value, value) if isinstance(value, str) else value
