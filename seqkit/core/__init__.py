"""What every room stands on: settings, errors, arguments, the registry, ragged rows, files and progress."""

__all__ = [
    "arguments",
    "autotune",
    "bounds",
    "errors",
    "files",
    "findings",
    "gradients",
    "progress",
    "ragged",
    "registry",
    "settings",
    "terminal",
    "version",
]
