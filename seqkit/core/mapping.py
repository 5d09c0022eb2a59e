"""Files of numbers, mapped into memory: the system loads their pages as they are read, and drops them."""

import mmap
from pathlib import Path

import numpy as np


def mapped_file(path: Path, dtype: np.dtype | type, shape: tuple[int, ...] = ()) -> np.ndarray:
    """The items of a file of little-endian numbers, each of this shape: (items, ...). An empty file can't be mapped."""
    dtype = np.dtype(dtype).newbyteorder("<")
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    count = path.stat().st_size // size
    return np.memmap(path, dtype, "r", shape=(count, *shape)) if count else np.zeros((0, *shape), dtype)


def let_go(values: np.ndarray) -> None:
    """Let the system take the pages of a mapped file, which count as this process's memory until then."""
    mapping = getattr(values, "_mmap", None)
    if isinstance(mapping, mmap.mmap) and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)
