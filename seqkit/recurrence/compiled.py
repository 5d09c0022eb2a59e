"""Loops as programs of XLA, and how a graph calls them."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_library

_launching = contextvars.ContextVar("launching", default=False)


@contextlib.contextmanager
def launching() -> Iterator[None]:
    """Graphs that are traced in the block launch compiled loops by an operation of their own.

    Of each graph that calls a function with `jit_compile` TensorFlow keeps that function's body for good: of a small
    language model some 6 MB a training. An operation XlaLaunch leaves nothing behind. But a graph that holds one can't be
    compiled as a whole, so this is for graphs that nobody else compiles.
    """
    before = _launching.set(True)
    try:
        yield
    finally:
        _launching.reset(before)


class Compiled:
    """A function of nested tensors as a program of XLA, which compiles anew for other shapes.

    Attributes:
        jitted: The same for whoever compiles what is around it, and for eager calls.
    """

    def __init__(self, loop: Callable[..., Any]):
        self.jitted = tf.function(loop, jit_compile=True, autograph=False, reduce_retracing=True)
        self._body = tf.function(loop, autograph=False, reduce_retracing=True)
        self._launchers: dict[Any, Any] = {}

    def __call__(self, *given: Any) -> Any:
        if tf.executing_eagerly() or not _launching.get():
            return self.jitted(*given)
        traced = self._body.get_concrete_function(*given)
        if traced not in self._launchers:
            self._launchers[traced] = _launcher(traced)
        tensors = [one for one in tf.nest.flatten(given) if tf.is_tensor(one)]
        results = tf.raw_ops.PartitionedCall(
            args=tensors, Tout=[output.dtype for output in traced.outputs], f=self._launchers[traced]
        )
        for result, output in zip(results, traced.outputs, strict=True):
            result.set_shape(output.shape)
        return tf.nest.pack_sequence_as(traced.structured_outputs, results)


def _launcher(traced: Any) -> Any:
    """A graph that launches a traced function. It is called as if it had no state, so that two run beside each other:
    TensorFlow has one XlaLaunch wait for another.
    """
    types = [output.dtype for output in traced.outputs]

    def launch(*tensors: tf.Tensor) -> Any:
        return op_def_library.apply_op(
            "XlaLaunch", constants=[], args=list(tensors), resources=[], Tresults=types, function=traced
        )

    given = [tf.TensorSpec(one.shape, one.dtype) for one in traced.inputs]
    return tf.function(launch, autograph=False).get_concrete_function(*given)
