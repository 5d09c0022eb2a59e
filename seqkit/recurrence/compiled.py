"""Loops as programs of XLA, and how a graph calls them."""

import contextlib
import contextvars
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import NameAttrList
from tensorflow.python.eager import context
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
    types, loop = [output.dtype for output in traced.outputs], NameAttrList(name=_named_by_content(traced))

    def launch(*tensors: tf.Tensor) -> Any:
        return op_def_library.apply_op(
            "XlaLaunch", constants=[], args=list(tensors), resources=[], Tresults=types, function=loop
        )

    given = [tf.TensorSpec(one.shape, one.dtype) for one in traced.inputs]
    return tf.function(launch, autograph=False).get_concrete_function(*given)


def _named_by_content(traced: Any) -> str:
    """Hand TensorFlow a traced function, and those that it calls, under names that follow from what they compute.

    TensorFlow numbers functions as they are traced, and XLA's programs on the disk are found by these names.
    """
    called = {one.signature.name: one for one in traced.graph.as_graph_def().library.function}
    order = [traced.function_def]
    for one in order:
        order += [called.pop(name) for name in _names_in(one) if name in called]
    functions = [type(one).FromString(one.SerializeToString()) for one in order]
    for one in functions:
        for place, argument in enumerate(one.signature.input_arg):
            if "redundant_placeholder" in argument.name:  # of a loop's condition, which has a number and isn't read
                argument.name = f"unread{place}"
        for node in one.node_def:
            node.ClearField("experimental_debug_info")
    short = {one.signature.name: f"f{number}" for number, one in enumerate(functions)}
    _rename(functions, short)
    digest = hashlib.sha256(b"".join(one.SerializeToString(deterministic=True) for one in functions)).hexdigest()
    _rename(functions, {name: f"seqkit_{digest[:20]}_{name}" for name in short.values()})
    for one in functions:
        if not context.context().has_function(one.signature.name):
            context.context().add_function_def(one)
    return str(functions[0].signature.name)


def _attributes(function: Any) -> Iterator[Any]:
    """The references of a function's nodes to other functions."""
    for node in function.node_def:
        for name in sorted(node.attr):
            value = node.attr[name]
            yield from ([value.func] if value.HasField("func") else value.list.func)


def _names_in(function: Any) -> list[str]:
    return list(dict.fromkeys(one.name for one in _attributes(function)))


def _rename(functions: list[Any], names: dict[str, str]) -> None:
    for function in functions:
        function.signature.name = names[function.signature.name]
        for one in _attributes(function):
            one.name = names.get(one.name, one.name)
