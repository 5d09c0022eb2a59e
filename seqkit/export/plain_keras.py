"""A graph as a model of Keras's own layers and operations, which opens on each of its backends, without seqkit."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from seqkit.core.errors import InputError
from seqkit.export.graphs import BEFORE, LOGITS, OUTPUTS, WEIGHTS, Graph
from seqkit.layers.input_feeding import Attentive, attentive, look
from seqkit.recurrence.cells import GateCell, Recurrent
from seqkit.recurrence.step import Cell, Functions

Tensors = dict[str, keras.KerasTensor]


def plain_model(graph: Graph) -> keras.Model:
    """The graph as a functional model, with the same names.

    Returns:
        A model from a dict of the graph's inputs to a dict of its outputs. It shares the layers of `graph.model`, but for
        those that are written otherwise.
    Raises:
        InputError: A layer can't be written by Keras's own.
    """
    given = {name: keras.Input(spec.shape[1:], dtype=spec.dtype.name, name=name) for name, spec in graph.inputs.items()}
    return keras.Model(given, _outputs(graph, given), name=graph.name)


def _outputs(graph: Graph, given: Tensors) -> Tensors:
    rewriting = _Rewriting(graph, given)
    if not graph.stepwise:
        outputs = rewriting.run(graph.model, [given[tensor.name] for tensor in graph.model.inputs])
        return dict(zip(graph.outputs, outputs, strict=True))
    if graph.name == "decoder":
        given = given | {BEFORE: ops.expand_dims(given[BEFORE], 1)}
        logits, weights, *after = rewriting.run(graph.model, [given[tensor.name] for tensor in graph.model.inputs])
        states = [name for name in graph.outputs if name not in (LOGITS, WEIGHTS)]
        return {LOGITS: logits[:, 0], WEIGHTS: weights[:, 0]} | dict(zip(states, after, strict=True))
    (said,) = rewriting.run(graph.model, [ops.expand_dims(given[tensor.name], 1) for tensor in graph.model.inputs])
    return {OUTPUTS: said[:, 0]} | rewriting.after


class _Rewriting:
    """Goes through a model once more, layer by layer.

    Args:
        given: The graph's inputs; of a layer that takes its states from them they are "<layer>_state_<number>".
    Attributes:
        after: The states after, by the same names.
    """

    def __init__(self, graph: Graph, given: Tensors):
        self.stepwise, self.given, self.after = graph.stepwise, given, Tensors()

    def run(self, model: keras.Model, inputs: Sequence[keras.KerasTensor]) -> list[keras.KerasTensor]:
        """The model's outputs for other inputs."""
        outputs = model._run_through_graph(list(inputs), operation_fn=lambda operation: operation, call_fn=self._call)
        return list(keras.tree.flatten(outputs))

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, Attentive):
            return _attend_once(operation, *args)
        if self.stepwise and isinstance(operation, keras.layers.RNN):
            return self._recur(operation, *args, **kwargs)
        if self.stepwise and isinstance(operation, keras.layers.Dense) and len(args[0].shape) == 4:
            # a product of four axes, as older versions ask for it, corrupts memory in TensorFlow 2.21
            return ops.expand_dims(operation(args[0][:, 0]), 1)
        if isinstance(operation, keras.layers.Normalization):
            return _scale_and_shift(operation)(*args)
        if isinstance(operation, keras.Model):
            return self._nested(operation)(*args)
        if isinstance(operation, keras.layers.Layer):
            _must_be_known(operation)
            return operation(*args, **kwargs)
        config = {name: value for name, value in operation.get_config().items() if name != "name"}
        return type(operation)(**config)(*args, **kwargs)  # a new one, whose name is no other's

    def _recur(
        self, layer: keras.layers.RNN, sequence: keras.KerasTensor, mask: Any = None, initial_state: Any = None
    ) -> Any:
        """One step of a layer: (batch, 1, units), and its states after, where it is asked for them."""
        names = [name for name in self.given if name.rpartition("_state_")[0] == layer.name]
        before = [self.given[name] for name in names] or initial_state
        if isinstance(layer, Recurrent):
            said, *after = _recur_once(layer.cell, layer.name, sequence, before)
            if mask is not None:
                after = [ops.where(mask, new, old) for new, old in zip(after, before, strict=True)]
        else:
            config = layer.get_config() | {"return_state": True, "unroll": True}
            copy = type(layer).from_config(config)
            said, *after = copy(sequence, initial_state=before, mask=mask)
            copy.set_weights(layer.get_weights())
        if not names:
            return said, *after
        self.after |= dict(zip(names, after, strict=True))
        return said

    def _nested(self, model: keras.Model) -> keras.Model:
        """A model within the model, likewise."""
        fresh = [keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in model.inputs]
        outputs = self.run(model, fresh)
        one = len(outputs) == 1
        return keras.Model(fresh if len(fresh) > 1 else fresh[0], outputs[0] if one else outputs, name=model.name)


def _must_be_known(layer: keras.layers.Layer) -> None:
    """Raise InputError where a layer, or one in it, isn't Keras's own."""
    for own in layer._flatten_layers():
        if isinstance(own, Recurrent):
            raise InputError(
                f"keras can't hold {layer.name}: Keras has no cell {own.cell.kind}, and holds its single steps alone "
                "(--step, decoders). Export savedmodel or onnx."
            )
        if type(own).__module__.partition(".")[0] != "keras":
            raise InputError(
                f"keras can't hold {layer.name}: {type(own).__module__}.{type(own).__name__} is no layer of Keras's own. "
                "Export savedmodel."
            )


def _scale_and_shift(layer: keras.layers.Normalization) -> keras.layers.Layer:
    """What a Normalization computes, by a layer that all backends read from a file."""
    mean, variance = (np.asarray(values, np.float64) for values in (layer.mean, layer.variance))
    scale = 1.0 / np.maximum(np.sqrt(variance), keras.config.epsilon())
    scale, offset = (1.0 / scale, mean) if layer.invert else (scale, -mean * scale)
    return keras.layers.Rescaling(
        scale.squeeze().tolist(), offset.squeeze().tolist(), name=layer.name, dtype=layer.dtype_policy
    )


class _Products(Functions):
    """What a cell's step calls, as layers and operations of Keras."""

    sigmoid, tanh = staticmethod(ops.sigmoid), staticmethod(ops.tanh)

    def __init__(self, cell: Cell, name: str, recurrent: Sequence[Any], memory: Sequence[keras.KerasTensor] = ()):
        self._cell, self._recurrent, self.memory = cell, recurrent, memory
        self._layers = [
            _product_layer(tuple(weights.shape), f"{name}_recurrent_{number}")
            for number, weights in enumerate(recurrent)
        ]

    def product(self, left: keras.KerasTensor, k: int = 0) -> tuple[keras.KerasTensor, ...]:
        kernel, blocks = self._recurrent[k], self._cell.products[k]
        if len(kernel.shape) == 2:
            product = _with_weights(self._layers[k], left, [kernel])
        else:  # (rows, heads, width of a head) -> (rows, heads, blocks * units of a head)
            heads, _, outer = kernel.shape
            parts = _swapped(left, heads, outer // blocks, blocks_first=True)
            product = _with_weights(self._layers[k], parts, [kernel])
            product = _swapped(product, heads, outer // blocks, blocks_first=False)
        return tuple(ops.split(product, blocks, axis=1))


def _product_layer(shape: tuple[int, ...], name: str) -> keras.layers.Layer:
    if len(shape) == 2:
        return keras.layers.Dense(shape[1], use_bias=False, name=name)
    return keras.layers.EinsumDense("rhi,hio->rho", output_shape=(shape[0], shape[2]), name=name)


def _swapped(x: keras.KerasTensor, heads: int, units: int, *, blocks_first: bool) -> keras.KerasTensor:
    """(rows, blocks * heads * units) -> (rows, heads, blocks * units), or back."""
    blocks = int(np.prod(x.shape[1:])) // (heads * units)
    apart = (blocks, heads) if blocks_first else (heads, blocks)
    x = ops.transpose(ops.reshape(x, (-1, *apart, units)), (0, 2, 1, 3))
    return ops.reshape(x, (-1, heads, blocks * units) if blocks_first else (-1, blocks * heads * units))


def _with_weights(layer: keras.layers.Layer, inputs: keras.KerasTensor, weights: Sequence[Any]) -> keras.KerasTensor:
    outputs = layer(inputs)
    layer.set_weights([np.asarray(values) for values in weights])
    return outputs


def _gates(cell: Cell, name: str, inputs: keras.KerasTensor, own: dict[str, Any]) -> tuple[keras.KerasTensor, ...]:
    """W x + b of one step, (batch, 1, features), gate by gate."""
    projection = keras.layers.Dense(own["kernel"].shape[1], name=f"{name}_kernel")
    return tuple(ops.split(_with_weights(projection, inputs[:, 0], [own["kernel"], own["bias"]]), cell.gates, axis=1))


def _vectors(name: str, state: keras.KerasTensor, vectors: Sequence[Any]) -> tuple[keras.KerasTensor, ...]:
    """Weights that a step has of its own, in each row: (batch, units)."""
    one = ops.ones_like(state[:, :1])
    layers = [
        keras.layers.Dense(values.shape[0], use_bias=False, name=f"{name}_vector_{number}")
        for number, values in enumerate(vectors)
    ]
    return tuple(
        _with_weights(layer, one, [np.asarray(values)[None]]) for layer, values in zip(layers, vectors, strict=True)
    )


def _recur_once(
    own: GateCell, name: str, inputs: keras.KerasTensor, states: Sequence[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """A step of a cell: what it says, (batch, 1, units), and the states after."""
    cell, weights = own.recurrence.cell, own.scan_weights()
    op = _Products(cell, name, weights["recurrent"])
    x, vectors = _gates(cell, name, inputs, weights), _vectors(name, states[0], weights["vectors"])
    try:
        new = cell.step(op, x, tuple(states), vectors)
    except (TypeError, ValueError) as error:  # of another library's operations, which refuse Keras's symbols
        raise InputError(
            f"keras can't hold {name}: a step of the cell {own.kind} isn't Keras's operations alone ({error})."
        ) from None
    return [ops.expand_dims(new[0], 1), *new]


def _attend_once(layer: Attentive, given: Sequence[keras.KerasTensor]) -> tuple[keras.KerasTensor, ...]:
    """What an `Attentive` of one step says, where it looked, and its states after."""
    sequences, keys, values, real, *states = given
    inner = layer.cell.recurrence.cell
    cell = attentive(inner, layer.kind, layer.coverage)
    weights = layer.cell.scan_weights()
    recurrent = [layer.feed, *weights["recurrent"], layer.tail]
    memory = (keys, values, ops.cast(real, keys.dtype))
    op = _Products(cell, layer.name, recurrent, memory)
    own = [*weights["vectors"], *(ops.convert_to_tensor(score)[:, 0] for score in layer.score)]
    x, vectors = _gates(cell, layer.name, sequences, weights), _vectors(layer.name, states[0], own)
    new = cell.step(op, x, tuple(states), vectors)
    said, looked = look(
        op, 1 + len(inner.products), new[0], vectors[inner.vectors :], states[-1] if layer.coverage else None
    )
    return ops.expand_dims(said, 1), ops.expand_dims(looked, 1), *new
