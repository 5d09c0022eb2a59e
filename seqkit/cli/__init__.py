"""The command line."""

__all__ = [
    "asked",
    "commands",
    "console",
    "launch",
    "main",
    "new",
    "recipe_commands",
    "telling",
]
