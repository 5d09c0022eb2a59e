"""The streaming step of a model."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.recurrence.stateful import stateful

Tensors = dict[str, tf.Tensor]
Arrays = dict[str, np.ndarray]


class Step(tf.Module):
    """The streaming step of a one-directional many-to-many model: an input and the states in, the answer and the states out.

    Attributes:
        states: Name -> shape and dtype; a stream starts with zeros.
    """

    def __init__(self, model: keras.Model):
        super().__init__()
        step = stateful(model, steps=1)
        self.call: Callable[[list[Any]], Any] = lambda given: step(
            given, training=False
        )  # not the model itself, of which Keras would save more
        self.weights = [variable.value for variable in model.variables]
        count = len(model.inputs)
        self.inputs = {tensor.name: tensor for tensor in step.inputs[:count]}
        self.states = {
            tensor.name: tf.TensorSpec((None, tensor.shape[1]), tensor.dtype) for tensor in step.inputs[count:]
        }

    def advance(self, **given: tf.Tensor) -> Tensors:
        """What `concrete` computes, of tensors."""
        inputs = [given[name][:, None] for name in self.inputs]
        answer, *after = self.call([*inputs, *(given[name] for name in self.states)])
        return {"outputs": answer[:, 0]} | dict(zip(self.states, after, strict=True))

    def concrete(self, batch: int | None = None) -> Callable[..., Tensors]:
        """A concrete function with one keyword argument an input, (batch, ...), and one a state, (batch, units).

        It returns "outputs", (batch, ...), and the states after the step under their own names.
        """
        specs = {
            name: tf.TensorSpec((batch, *tensor.shape[2:]), tensor.dtype, name) for name, tensor in self.inputs.items()
        }
        specs |= {name: tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name) for name, spec in self.states.items()}

        function: Callable[..., Tensors] = tf.function(self.advance, autograph=False).get_concrete_function(**specs)
        return function
