"""Files without a name, mapped into memory, so that the system loads and drops their pages."""

import os
import tempfile
from pathlib import Path
from typing import IO

import numpy as np
import platformdirs


def nameless_file() -> IO[bytes]:
    """A file in the cache folder that is gone with its last user."""
    folder = Path(os.environ.get("SEQKIT_CACHE") or platformdirs.user_cache_dir("seqkit"))
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


def mapped(
    file: IO[bytes], frames: int, shape: tuple[int, ...], dtype: np.dtype, *, by_columns: bool = False
) -> np.memmap:
    """The frames that were written to a file, which may be closed.

    Args:
        by_columns: Whether the first axis varies fastest (Fortran's order).
    """
    file.flush()
    return np.memmap(file, dtype, "r", shape=(frames, *shape), order="F" if by_columns else "C")
