"""The command line."""

__all__ = [
    "commands",
    "console",
    "main",
    "recipe_commands",
]
