"""What every room stands on: settings, errors, arguments, the registry, ragged rows, files, progress, workers."""

__all__ = [
    "arguments",
    "autotune",
    "bounds",
    "cluster",
    "errors",
    "files",
    "findings",
    "gradients",
    "mapping",
    "progress",
    "ragged",
    "registry",
    "settings",
    "terminal",
    "version",
    "wide",
]
