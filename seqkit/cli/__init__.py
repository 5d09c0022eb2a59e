"""The command line."""

__all__ = [
    "commands",
    "console",
    "lab_commands",
    "launch",
    "main",
    "recipe_commands",
]
