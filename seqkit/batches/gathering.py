"""Values of padded batches by their places: from memory, or from a file that is mapped into it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from seqkit.batches.derived import Framed, InStep, Ones
from seqkit.core.mapping import let_go
from seqkit.core.ragged import LookedUp, Ragged

AS = {np.dtype(np.uint8): np.float32, np.dtype(np.uint16): np.int32}  # what a batch has in place of what is kept
READ = 1 << 26  # bytes read of a mapped file, after which its pages are let go of


def type_of(column: Any) -> np.dtype:
    """Of a column's values in a batch: bytes, which are images, come as float32, ids of two bytes as int32."""
    if isinstance(column, Ones):
        return np.dtype(np.float32)
    if isinstance(column, Framed):
        return np.dtype(np.int32)
    values: np.ndarray = column if isinstance(column, np.ndarray) else column.values
    return np.dtype(AS.get(values.dtype, values.dtype.newbyteorder("=")))


def shape_of(column: Any) -> tuple[int, ...]:
    """Of a column's items."""
    if isinstance(column, Framed | Ones):
        return ()
    return tuple((column if isinstance(column, np.ndarray) else column.values).shape[1:])


def padded_rows(column: InStep, rows: np.ndarray, width: int) -> np.ndarray:
    """Rows of a column, padded with zeros: (rows, width, ...)."""
    if isinstance(column, Ragged | LookedUp):
        offsets = (column if isinstance(column, Ragged) else column.places).offsets
        starts = np.asarray(offsets[rows])
        return _padded(column, starts, offsets[rows + 1] - starts, width)
    lengths = column.lengths[rows]
    if isinstance(column, Ones):
        counted: np.ndarray = np.arange(width) < (lengths if column.ends else lengths - 1)[:, None]
        return counted.astype(np.float32)
    shift = int(column.begin is not None)
    batch = _padded(column, column.starts[rows], column.own(rows), width, shift)
    if column.begin is not None:
        batch[lengths > 0, 0] = column.begin
    if column.end is not None:
        batch[np.arange(len(rows)), lengths - 1] = column.end
    return batch


def padded_windows(column: InStep, starts: np.ndarray, sizes: np.ndarray, fresh: np.ndarray, width: int) -> np.ndarray:
    """Windows of rows that lie one after the other, padded with zeros: (windows, width, ...).

    Args:
        starts, sizes: int64, (windows,), the place of each among all steps, and its steps.
        fresh: bool, (windows,), whether it begins a row.
    """
    if isinstance(column, Ragged | LookedUp):
        return _padded(column, starts, sizes, width)
    if isinstance(column, Ones):
        counted: np.ndarray = np.arange(width) < sizes[:, None]
        return counted.astype(np.float32)
    assert column.begin is not None and column.end is None, "windows are of rows as they lie"  # noqa: PT018
    begun = (fresh & (sizes > 0)).astype(np.int64)
    batch = np.zeros((len(starts), width), np.int32)
    for shift in (0, 1):
        ones = np.flatnonzero((begun == shift) & (sizes > 0))
        batch[ones] = _padded(column, starts[ones] - 1 + shift, sizes[ones] - shift, width, shift)
    batch[begun > 0, 0] = column.begin
    return batch


def _padded(
    column: Ragged | LookedUp | Framed, starts: np.ndarray, sizes: np.ndarray, width: int, shift: int = 0
) -> np.ndarray:
    batch = np.zeros((len(starts), width, *column.values.shape[1:]), type_of(column))
    for row, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        if isinstance(column, LookedUp):
            batch[row, :size] = column.values[column.places.values[start : start + size]]
        else:
            batch[row, shift : shift + size] = column.values[start : start + size]
    return batch


def reader(columns: Mapping[str, Any], take: Callable[..., Any]) -> Callable[..., list[np.ndarray]]:
    """A function that takes the same of each column.

    What is mapped from a file is read from there as it is asked for, and never lies in memory as a whole; nor is there a
    second copy of what is in memory.

    Args:
        take: (column's name, its column, *arguments) -> its values, in NumPy.
    Returns:
        *arguments -> arrays, of the types that a batch has, in the order of the columns.
    """
    read = dict.fromkeys(columns, 0)

    def taken(*arguments: np.ndarray) -> list[np.ndarray]:
        found = []
        for name, column in columns.items():
            found.append(np.asarray(take(name, column, *arguments), type_of(column)))
            read[name] += found[-1].nbytes
            if read[name] > READ and not isinstance(column, np.ndarray | Ones):
                read[name] = 0
                let_go(column.values)
        return found

    return taken


def gatherer(
    columns: Mapping[str, Any],
    taken: Callable[..., list[np.ndarray]],
    shape: Callable[[str, Any], Sequence[int | None]],
) -> Callable[..., dict[str, tf.Tensor]]:
    """A function of a graph that takes what a `reader` of these columns takes.

    Args:
        shape: (column's name, its column) -> the shape of what is taken.
    Returns:
        *arguments -> column's name -> tensor.
    """

    def gather(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        types = [tf.dtypes.as_dtype(type_of(column)) for column in columns.values()]
        tensors = tf.numpy_function(taken, list(arguments), types, stateful=False)
        _keep_in_graph()
        for tensor, (name, column) in zip(tensors, columns.items(), strict=True):
            tensor.set_shape(shape(name, column))
        return dict(zip(columns, tensors, strict=True))

    return gather


def _keep_in_graph() -> None:
    """Let the last function of Python's go with the graph that calls it.

    TensorFlow keeps it in the outermost graph, which in eager mode ends with the process, and with it all that it reads.
    """
    graph = outermost = tf.compat.v1.get_default_graph()
    while isinstance(outermost, FuncGraph):
        outermost = outermost.outer_graph
    graph.python_function = outermost._py_funcs_used_in_graph.pop()
