"""The command line."""

__all__ = [
    "artefacts",
    "asked",
    "book_commands",
    "commands",
    "comparisons",
    "console",
    "help_pages",
    "lab_commands",
    "launch",
    "main",
    "new",
    "programs",
    "recipe_commands",
    "telling",
]
