"""What every room stands on: settings, errors, arguments, the registry, ragged rows, files, progress, workers."""

__all__ = [
    "adaptation",
    "arguments",
    "autotune",
    "bounds",
    "cell_names",
    "cluster",
    "errors",
    "files",
    "findings",
    "fine_tuning",
    "gradients",
    "mapping",
    "progress",
    "ragged",
    "registry",
    "settings",
    "terminal",
    "variations",
    "version",
    "wide",
]
