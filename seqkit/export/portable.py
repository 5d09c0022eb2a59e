"""A model as it leaves: float32, and with layers that run on any machine."""

import json
from typing import Any

import keras


def portable(model: keras.Model) -> keras.Model:
    """The model with float32 weights and computations, and without what a GPU's library alone computes.

    Args:
        model: Nobody else's: it may be changed.
    """
    config = keras.saving.serialize_keras_object(model)
    plain = json.loads(json.dumps(config).replace('"mixed_bfloat16"', '"float32"'))
    if plain != json.loads(json.dumps(config)):
        whole: Any = keras.saving.deserialize_keras_object(plain)
        whole.set_weights(model.get_weights())
        model = whole
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    return model
