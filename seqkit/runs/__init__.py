"""The run: in the making, in its folder, and what it asks of a recipe."""

__all__ = [
    "attempts",
    "builder",
    "checking",
    "contents",
    "evaluation",
    "exporting",
    "folder",
    "lock",
    "migration",
    "opening",
    "parts",
    "preparing",
    "rehearsal",
    "resumption",
    "run",
    "samples",
    "task",
]
