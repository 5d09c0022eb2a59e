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
    "many_files",
    "migration",
    "opening",
    "parts",
    "preparing",
    "pretrained",
    "ray_workers",
    "rehearsal",
    "resumption",
    "run",
    "samples",
    "task",
]
