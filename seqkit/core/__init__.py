"""What every room stands on: settings, errors, arguments, the registry, ragged rows, files and progress."""

__all__ = [
    "arguments",
    "autotune",
    "errors",
    "files",
    "findings",
    "mapping",
    "progress",
    "ragged",
    "registry",
    "settings",
    "terminal",
    "version",
]
