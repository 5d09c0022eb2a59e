"""The command line."""

__all__ = [
    "asked",
    "commands",
    "console",
    "launch",
    "main",
    "recipe_commands",
]
