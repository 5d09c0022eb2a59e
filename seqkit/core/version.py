"""The version, of which pyproject.toml reads it too."""

__version__ = "0.21.0"
