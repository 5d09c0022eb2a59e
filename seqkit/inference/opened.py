"""A model on one batch, in the open: its recurrent layers step by step, and what it attends to and answers from."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.ragged import steps_a_place
from seqkit.layers.row_label import TAGS
from seqkit.layers.wide import HEAD, paths_of
from seqkit.recurrence.watching import Course, watch

HEADS = (HEAD, TAGS)  # names of the layers that score a vector
BRIDGE = "bridge_0"  # of the one that makes a decoder's first state of a summary
HOP, POOLED = "attention_hop_", "attention_score"  # of those that weigh places


@dataclasses.dataclass(frozen=True)
class Opened:
    """What a model did with a batch.

    Attributes:
        outputs: Its outputs.
        courses: Of "encoder" and "decoder", or of "model" -> what each direction of each recurrent layer did.
        vector: What the answer is read from: float, (rows, features), or (rows, steps, features); of a model that writes
            the summary of which the first states are made; nothing where no affine map reads it.
        attention: float, (rows, places); (rows, hops, places); or (rows, steps written, places); nothing without any.
        attends: What attends: "pooling", "hops" or "decoder".
        grid: Rows and columns of the places, where these are of an image.
        paths: Of a model of two paths what each of them says: (rows, classes).
    """

    outputs: Any
    courses: dict[str, list[Course]]
    vector: tf.Tensor | None
    attention: tf.Tensor | None
    attends: str
    grid: tuple[int, int] | None
    paths: dict[str, tf.Tensor]


def open_model(model: keras.Model, batch: Mapping[str, tf.Tensor]) -> Opened:
    """Run a batch through a model of one of the topologies.

    Args:
        batch: Each of the model's inputs, by its name.
    """
    if not writes(model):
        outputs, own, seen = _run(model, batch)
        return Opened(
            outputs, {"model": own}, seen.get("vector"), *_looked(seen, batch), _grid(model, seen), _paths(seen)
        )
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    encoded, read, seen = _run(encoder, batch)
    encoded = map(tf.identity, tf.nest.flatten(encoded))  # without a mask that Keras would tell of
    handed = dict(zip([tensor.name for tensor in decoder.inputs[1:]], encoded, strict=True))
    (logits, weights, *_), written, _ = _run(decoder, {"before": batch["before"], **handed})
    courses = {"encoder": read, "decoder": written}
    vector = seen.get("vector")
    if "memory" not in handed:
        return Opened(logits, courses, vector, *_looked(seen, batch), _grid(encoder, seen), {})
    return Opened(logits, courses, vector, weights, "decoder", _grid(encoder, {"image": None}), {})


def writes(model: keras.Model) -> bool:
    """Whether it encodes and decodes."""
    return {"encoder", "decoder"} <= {layer.name for layer in model.layers}


def vector_of(model: keras.Model) -> keras.KerasTensor | None:
    """The tensor that the answer of a model is read from, or the decoder's first states of an encoder."""
    heads = [layer for layer in model.layers if layer.name in (*HEADS, BRIDGE)]
    return heads[0].input if heads else None


def _run(model: keras.Model, batch: Mapping[str, tf.Tensor]) -> tuple[Any, list[Course], dict[str, tf.Tensor]]:
    """Outputs, courses, and tensors within the model, as far as it has them."""
    within: dict[str, keras.KerasTensor] = {}
    if (vector := vector_of(model)) is not None:
        within["vector"] = vector
    hops = [layer.output for layer in model.layers if layer.name.startswith(HOP)]
    if hops:
        within["hops"] = keras.ops.stack(hops, axis=1)
    pooled = [layer.output for layer in model.layers if layer.name == POOLED and len(layer.output.shape) == 3]
    if pooled:
        within["pooling"] = pooled[0][..., 0]
    within |= dict(zip(("recurrent path", "wide path"), paths_of(model), strict=False))
    probe = keras.Model(model.input, [*model.outputs, *within.values()])
    inputs = [batch[tensor.name] for tensor in model.inputs]
    given = inputs if len(inputs) > 1 else inputs[0]
    try:
        found, courses = watch(probe, given)
    except InputError:  # an encoder of images, or a decoder whose one layer attends
        found, courses = probe(given, training=False), []
    found = tf.nest.flatten(found)
    outputs, seen = found[: len(model.outputs)], found[len(model.outputs) :]
    return outputs if len(outputs) > 1 else outputs[0], courses, dict(zip(within, seen, strict=True))


def _looked(seen: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor | None, str]:
    if "hops" in seen:
        return seen["hops"], "hops"
    if "pooling" not in seen:
        return None, ""
    scores = seen["pooling"]
    real = batch["ids"] != 0 if "ids" in batch else batch["mask"]
    stride = steps_a_place(int(real.shape[1]), int(scores.shape[1]))
    return tf.nn.softmax(tf.where(real[:, ::stride], scores, -1e4)), "pooling"


def _grid(model: keras.Model, seen: Mapping[str, Any]) -> tuple[int, int] | None:
    if not ({"hops", "image"} & set(seen)) or not any(layer.name == "maps" for layer in model.layers):
        return None
    rows, columns = model.get_layer("maps").output.shape[1:3]
    return rows, columns


def _paths(seen: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: seen[name] for name in ("recurrent path", "wide path") if name in seen}
