"""Run folders made by version 0.4, whose names were others."""

from typing import Any


def migrated(vocabulary: dict[str, Any]) -> dict[str, Any]:
    """vocabulary.json with today's names."""
    names = {"picture": "image"}
    return {names.get(name, name): value for name, value in vocabulary.items()}
