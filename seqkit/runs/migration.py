"""Run folders made by versions 0.4 and 0.5, in which some names were others."""

import json
import zipfile
from pathlib import Path
from typing import Any

NAMES = {"picture": "image", "picture_alone": "image_alone"}
LAYERS = {"picture": "image"} | {f"attention_look_{k}": f"attention_hop_{k}" for k in range(1, 100)}


def migrated_name(name: str) -> str:
    """Today's name of a key of vocabulary.json, or of a baseline."""
    return NAMES.get(name, name)


def migrated(vocabulary: dict[str, Any]) -> dict[str, Any]:
    """vocabulary.json with today's names, and with the writing of a tag scheme, which had a name alone."""
    today = {migrated_name(name): value for name, value in vocabulary.items()}
    if isinstance(scheme := today.get("scheme"), str):
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
