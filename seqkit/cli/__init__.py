"""The command line."""

__all__ = [
    "artefacts",
    "asked",
    "commands",
    "console",
    "help_pages",
    "launch",
    "main",
    "new",
    "recipe_commands",
    "telling",
]
