"""Keras's functional models as ONNX, node by node."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.onnx_graph import Builder, Value
from seqkit.export.onnx_primitives import emit_function
from seqkit.export.onnx_recurrent import run_recurrent


@dataclasses.dataclass
class Walk:
    """A functional model on its way into a graph.

    Attributes:
        builder: What is built.
        states: Of the recurrent layers that take and give theirs, by the layers' names.
        after: The same after the step.
        values: What stands for each of Keras's tensors.
    """

    builder: Builder
    states: Mapping[str, Sequence[Value]] = dataclasses.field(default_factory=dict)
    after: dict[str, Sequence[Value]] = dataclasses.field(default_factory=dict)
    values: dict[int, Value] = dataclasses.field(default_factory=dict)

    def model(self, model: keras.Model, inputs: Sequence[Value]) -> list[Value]:
        """A functional model, with what its inputs are; its outputs, in order."""
        self.values |= {id(tensor): value for tensor, value in zip(model.inputs, inputs, strict=True)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    found = self._node(node)
                    self.values |= {id(tensor): value for tensor, value in zip(node.outputs, found, strict=True)}
        return [self.values[id(tensor)] for tensor in model.outputs]

    def __getitem__(self, tensor: keras.KerasTensor) -> Value:
        return self.values[id(tensor)]

    def _node(self, node: Any) -> list[Value]:
        operation = node.operation
        if isinstance(operation, keras.Sequential):
            operation = operation._functional
        if hasattr(operation, "_nodes_by_depth"):  # functional
            inner = Walk(self.builder)
            return inner.model(operation, [self[tensor] for tensor in keras.tree.flatten(node.arguments.args)])
        emitter = _emitter_of(operation)
        if emitter is not None:
            arguments = inspect.signature(operation.call).bind(*node.arguments.args, **node.arguments.kwargs)
            found = emitter(self, operation, **arguments.arguments)
            if found is not None:
                return found if isinstance(found, list) else [found]
        return self._traced(node)

    def _traced(self, node: Any) -> list[Value]:
        """An operation by what TensorFlow makes of it."""
        tensors = list({id(tensor): tensor for tensor in node.arguments.keras_tensors}.values())

        def function(*given: tf.keras.KerasTensor) -> Any:
            known = {id(tensor): value for tensor, value in zip(tensors, given, strict=True)}
            args, kwargs = node.arguments.fill_in(known)
            return keras.tree.flatten(node.operation(*args, **kwargs))

        given = [(self[tensor], tf.TensorSpec(tensor.shape, tensor.dtype)) for tensor in tensors]
        return emit_function(self.builder, function, given, f"The layer {node.operation.name}")

    def activated(self, activation: Callable[..., Any], value: Value, rank: int) -> Value:
        """An activation of Keras's, of a value with so many axes."""
        spec = tf.TensorSpec([None] * rank, tf.float32)
        return emit_function(self.builder, activation, [(value, spec)], f"The activation {activation.__name__}")[0]


Emitter = Callable[..., Value | list[Value] | None]  # (walk, layer, **its call's arguments); None to trace it


def array_of(variable: Any) -> np.ndarray:
    """A variable's numbers."""
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _embedding(walk: Walk, layer: Any, inputs: keras.KerasTensor) -> Value:
    return walk.builder.rows(array_of(layer.embeddings), walk[inputs])


def _reversible_embedding(walk: Walk, layer: Any, inputs: keras.KerasTensor, reverse: bool = False) -> Value | None:
    table = array_of(layer.embeddings)
    if not reverse:
        return walk.builder.rows(table, walk[inputs])
    if not layer.tie_weights or layer.logit_soft_cap:
        return None
    return walk.builder.product(walk[inputs], table, turned=True)


def _dense(walk: Walk, layer: Any, inputs: keras.KerasTensor, training: bool | None = None) -> Value:
    value: Value = walk.builder.product(walk[inputs], array_of(layer.kernel))
    if layer.use_bias:
        value = walk.builder.add("Add", value, array_of(layer.bias))
    return walk.activated(layer.activation, value, len(inputs.shape))


def _layer_normalization(walk: Walk, layer: Any, inputs: keras.KerasTensor) -> Value | None:
    plain = layer.scale and layer.center and list(keras.tree.flatten(layer.axis)) in ([-1], [len(inputs.shape) - 1])
    if not plain:
        return None
    scale, shift = array_of(layer.gamma), array_of(layer.beta)
    return walk.builder.add("LayerNormalization", walk[inputs], scale, shift, axis=-1, epsilon=float(layer.epsilon))


def _reshape(walk: Walk, layer: Any, inputs: keras.KerasTensor) -> Value:
    return walk.builder.add("Reshape", walk[inputs], np.array([0, *layer.target_shape]))


def _flatten(walk: Walk, layer: Any, inputs: keras.KerasTensor) -> Value:
    return walk.builder.add("Reshape", walk[inputs], np.array([0, -1]))


def _take(walk: Walk, layer: Any, x: keras.KerasTensor, indices: keras.KerasTensor) -> Value | None:
    if not isinstance(indices, keras.KerasTensor) or layer.axis is None:
        return None
    return walk.builder.add("Gather", walk[x], walk[indices], axis=layer.axis)


def _softmax(walk: Walk, layer: Any, x: keras.KerasTensor) -> Value | None:
    return walk.builder.add("Softmax", walk[x], axis=layer.axis) if isinstance(layer.axis, int) else None


def _recurrent(
    walk: Walk,
    layer: Any,
    sequences: keras.KerasTensor,
    initial_state: Any = None,
    mask: keras.KerasTensor | None = None,
    training: bool | None = None,
) -> list[Value]:
    both = isinstance(layer, keras.layers.Bidirectional)
    if (layer.merge_mode != "concat") if both else layer.go_backwards:
        raise InputError(
            f"onnx can't hold the layer {layer.name}: it takes recurrent layers that read forwards, and two whose outputs "
            "are concatenated. Export savedmodel."
        )
    initial = walk.states.get(layer.name)
    if initial is None and initial_state is not None:
        initial = [walk[tensor] for tensor in keras.tree.flatten(initial_state)]
    outputs, states = run_recurrent(
        walk.builder,
        [layer.forward_layer, layer.backward_layer] if both else [layer],
        walk[sequences],
        None if mask is None else walk[mask],
        initial,
        one_step=sequences.shape[1] == 1,
    )
    if layer.name in walk.states:
        walk.after[layer.name] = states[0]
    if not layer.return_sequences:
        last = [direction[0] for direction in states]
        outputs = last[0] if len(last) == 1 else walk.builder.add("Concat", *last, axis=1)
    return [outputs, *(state for direction in states for state in direction)] if layer.return_state else [outputs]


LAYERS: dict[type, Emitter] = {
    keras.layers.RNN: _recurrent,
    keras.layers.Bidirectional: _recurrent,
    keras.layers.ReversibleEmbedding: _reversible_embedding,
    keras.layers.Embedding: _embedding,
    keras.layers.Dense: _dense,
    keras.layers.LayerNormalization: _layer_normalization,
    keras.layers.Reshape: _reshape,
    keras.layers.Flatten: _flatten,
}

OPERATIONS: dict[str, Emitter] = {
    "Take": _take,
    "Softmax": _softmax,
}  # of keras.ops, whose classes have no public names


def _emitter_of(operation: Any) -> Emitter | None:
    if not isinstance(operation, keras.Layer):
        return OPERATIONS.get(type(operation).__name__)
    return next((emitter for kind, emitter in LAYERS.items() if isinstance(operation, kind)), None)
