"""Several models as one, whose probabilities are the mean of theirs."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from seqkit.layers.decoder import joined

LEAST = 1e-37  # of a probability, whose logarithm is to be a number
MEMBER = "_of_member_"  # behind names of what a member has, and before its number


def averaged(models: Sequence[keras.Model]) -> keras.Model:
    """One flat model of all layers, with weights of its own.

    Args:
        models: Of the same inputs, each to logits of the same classes.
    Returns:
        A model from these inputs to logits: log(1/k sum softmax(logits of model k)), float32.
    """
    given = _inputs(models[0])
    copies = [_copy(model, given, number) for number, model in enumerate(models)]
    return keras.Model(_one_or_all(given), _mean([copy.outputs[0] for copy in copies]), name="ensemble")


def averaged_writers(models: Sequence[keras.Model]) -> keras.Model:
    """One model that writes, each symbol by the mean of the members' probabilities (Sutskever et al. 2014, section 3.6).

    Args:
        models: That hold the models "encoder" and "decoder", of the same inputs, each to logits of the same symbols, with as
            many places to look at.
    Returns:
        A model that holds such models too: the encoder hands over what all encoders do; the decoder keeps all decoders'
        states, and looks at a place by the mean of their attention.
    """
    read = _inputs(models[0].get_layer("encoder"))
    handed: dict[str, keras.KerasTensor] = {}
    for number, model in enumerate(models):
        encoder = _copy(model.get_layer("encoder"), read, number)
        names = (tensor.name for tensor in model.get_layer("decoder").inputs[1:])
        handed |= dict(zip((_handed(name, number) for name in names), encoder.outputs, strict=True))
    given = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in handed.items()}
    before = keras.Input((None,), dtype="int32", name="before")
    found = []
    for number, model in enumerate(models):
        decoder = model.get_layer("decoder")
        own = [before, *(given[_handed(tensor.name, number)] for tensor in decoder.inputs[1:])]
        found.append(_copy(decoder, own, number).outputs)
    looked = sum((weights for _, weights, *_ in found[1:]), found[0][1]) / float(len(models))
    states = [state for _, _, *after in found for state in after]
    outputs = [_mean([logits for logits, *_ in found]), looked, *states]
    decoder = keras.Model([before, *given.values()], outputs, name="decoder")
    return joined(_one_or_all(read), handed, decoder)


def _handed(name: str, number: int) -> str:
    """What a decoder's input is called: the first member's keep their names, by which a search knows them."""
    return f"{name}{MEMBER}{number}" if number else name


def _mean(logits: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Logits of the mean of what each says."""
    shares = [ops.softmax(ops.cast(said, "float32")) for said in logits]
    return ops.log(ops.maximum(sum(shares[1:], shares[0]) / float(len(shares)), LEAST))


def _inputs(model: keras.Model) -> list[keras.KerasTensor]:
    return [keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in model.inputs]


def _one_or_all(inputs: list[keras.KerasTensor]) -> Any:
    return inputs if len(inputs) > 1 else inputs[0]


def _copy(model: keras.Model, inputs: list[keras.KerasTensor], number: int) -> keras.Model:
    """A member's layers, with names and weights of their own."""

    def named(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() | {"name": f"{layer.name}{MEMBER}{number}"})

    given = keras.tree.pack_sequence_as(model.input, inputs)
    copy = keras.models.clone_model(model, input_tensors=given, clone_function=named)
    copy.set_weights(model.get_weights())
    return copy
