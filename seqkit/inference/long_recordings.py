"""Whole recordings through a model, a chunk of frames at a time, however long they are."""

from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from seqkit.recurrence.compiled import launching
from seqkit.recurrence.stateful import stateful, streams
from seqkit.sources.decoders import CHUNK


def recording_labeller(model: keras.Model) -> Callable[[Iterable[np.ndarray]], np.ndarray]:
    """A function that gives a model's outputs for one recording.

    A one-directional model reads chunk by chunk and carries its state. In one that looks both ways the frames become
    features chunk by chunk, and only these are kept for the whole recording.

    Args:
        model: With the inputs "frames" and "mask" and the layer "features", as `seqkit.layers.frames.embed_frames` makes
            them.
    Returns:
        Chunks of frames, (frames, ...) -> float32, (frames, outputs); none where there are no chunks.
    """
    if streams(model):
        outputs = _carried(model)
        return lambda chunks: outputs(chunks).numpy()[0]
    features = model.get_layer("features").output
    encode = _carried(keras.Model(model.inputs, features))
    # a keras.Model that begins in the middle calls every layer anew, after which the whole one can't be saved
    answer = keras.Function([features, model.inputs[1]], model.output)
    signature = [tf.TensorSpec((1, None, features.shape[-1]), features.dtype), tf.TensorSpec((1, None), tf.bool)]
    run = tf.function(lambda *given: answer(list(given)), input_signature=signature, autograph=False)

    def label(chunks: Iterable[np.ndarray]) -> np.ndarray:
        whole = encode(chunks)
        outputs: np.ndarray = run(whole, tf.ones(tf.shape(whole)[:2], tf.bool)).numpy()[0]
        return outputs

    return label


def _carried(model: keras.Model) -> Callable[[Iterable[np.ndarray]], tf.Tensor]:
    """Chunks of frames -> the model's outputs for them all, (1, frames, ...), with the state carried from chunk to chunk."""
    carried = stateful(model)
    zeros = [tf.zeros((1, state.shape[1]), state.dtype) for state in carried.inputs[2:]]
    run = tf.function(launching()(lambda given: tf.nest.flatten(carried(given, training=False))), autograph=False)
    nothing = tf.zeros((1, 0, *carried.outputs[0].shape[2:]), carried.outputs[0].dtype)

    def outputs(chunks: Iterable[np.ndarray]) -> tf.Tensor:
        states, answers = zeros, [nothing]
        for chunk in chunks:
            answer, *states = run([*_padded(chunk), *states])
            answers.append(answer[:, : len(chunk)])
        return tf.concat(answers, axis=1)

    return outputs


def _padded(chunk: np.ndarray) -> list[tf.Tensor]:
    """Frames and mask, (1, CHUNK, ...): one shape for all chunks, since each is compiled anew."""
    more = [(0, CHUNK - len(chunk)), *[(0, 0)] * (chunk.ndim - 1)]
    return [tf.constant(np.pad(chunk, more)[None], tf.float32), tf.constant((np.arange(CHUNK) < len(chunk))[None])]
