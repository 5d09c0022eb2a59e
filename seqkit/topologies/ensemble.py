"""Several models as one, whose probabilities are the mean of theirs."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

LEAST = 1e-37  # of a probability, whose logarithm is to be a number


def averaged(models: Sequence[keras.Model]) -> keras.Model:
    """One flat model of all layers, with weights of its own.

    Args:
        models: Of the same inputs, each to logits of the same classes.
    Returns:
        A model from these inputs to logits: log(1/k sum softmax(logits of model k)), float32.
    """
    inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in models[0].inputs]
    given = inputs if len(inputs) > 1 else inputs[0]
    shares = []
    for number, model in enumerate(models):

        def named(layer: Any, number: int = number) -> Any:
            return type(layer).from_config(layer.get_config() | {"name": f"{layer.name}_of_member_{number}"})

        copy = keras.models.clone_model(model, input_tensors=given, clone_function=named)
        copy.set_weights(model.get_weights())
        shares.append(ops.softmax(ops.cast(copy.outputs[0], "float32")))
    mean = sum(shares[1:], shares[0]) / float(len(models))
    return keras.Model(given, ops.log(ops.maximum(mean, LEAST)), name="ensemble")
