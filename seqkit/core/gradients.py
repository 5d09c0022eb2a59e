"""Gradients that TensorFlow keeps for good: each function with a gradient of its own in a graph leaves an entry.

Keras's optimizers leave one too, as they sum gradients over the replicas of a strategy.
"""

import contextlib
from collections.abc import Iterator

from tensorflow.python.framework import ops

OF_GRAPHS = "CustomGradient-"  # begins their names


@contextlib.contextmanager
def forgotten_gradients() -> Iterator[None]:
    """Forget after the block what its graphs have registered, which holds them: they can't be differentiated any more."""
    kept = ops.gradient_registry._registry
    before = set(kept)
    try:
        yield
    finally:
        for name in set(kept) - before:
            if name.startswith(OF_GRAPHS):
                del kept[name]
