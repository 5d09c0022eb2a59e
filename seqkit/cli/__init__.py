"""The command line."""

__all__ = [
    "commands",
    "console",
    "launch",
    "main",
    "recipe_commands",
]
