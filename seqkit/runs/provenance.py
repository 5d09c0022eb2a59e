"""What a figure was made with and by: the versions of this process, and its command line."""

import platform
import shlex
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.version import __version__


def versions() -> dict[str, str]:
    """Versions that a number depends on."""
    return {
        "seqkit": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def command() -> str:
    """The command line of this process."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
