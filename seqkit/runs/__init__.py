"""The run: in the making, in its folder, and what it asks of a recipe."""

__all__ = [
    "builder",
    "folder",
    "migration",
    "run",
    "samples",
    "task",
]
