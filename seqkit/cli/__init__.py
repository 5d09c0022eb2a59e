"""The command line."""

__all__ = [
    "answers",
    "commands",
    "console",
    "launch",
    "main",
    "recipe_commands",
]
