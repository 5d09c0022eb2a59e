"""The command line."""

__all__ = [
    "commands",
    "comparisons",
    "console",
    "launch",
    "main",
    "recipe_commands",
]
