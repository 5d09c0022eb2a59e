"""Frames to vectors: images through convolutions, vectors normalised, and their changes since the frame before."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.layers.images import backbone, convolutions
from seqkit.layers.time_distributed import unfold_steps

Statistics = tuple[np.ndarray, np.ndarray]  # mean and variance


def embed_frames(
    shape: tuple[int, ...], encoder: Encoder, statistics: Statistics | None = None
) -> tuple[list[keras.KerasTensor], keras.KerasTensor, keras.KerasTensor]:
    """The inputs of a model that reads frames.

    Args:
        shape: Of a frame: (features,) or (height, width, channels).
        encoder: What is made of it.
        statistics: From `frame_statistics` over the training data; None for mean 0 and variance 1.
    Returns:
        The inputs: frames, float32 (batch, steps, *shape), and mask, bool (batch, steps), False on padding, which no value
        of a frame could stand for; features, float (batch, steps, width), named "features"; and the mask once more.
    Raises:
        InputError: The encoder doesn't fit the frames.
    Example:
        >>> from seqkit.layers.frames import embed_frames
        >>> inputs, features, mask = embed_frames((25,), seqkit.Encoder(changes=True))
        >>> features.shape  # each vector, and its change
        (None, None, 50)
    """
    _must_fit(shape, encoder)
    frames = keras.Input((None, *shape), dtype="float32", name="frames")
    mask = keras.Input((None,), dtype="bool", name="mask")
    mean, variance = statistics or (np.zeros(_measured(shape, encoder)), np.ones(_measured(shape, encoder)))
    normalise = keras.layers.Normalization(mean=mean.tolist(), variance=variance.tolist(), name="normalization")
    if len(shape) == 1:
        last = shape[0] - encoder.times
        vectors = frames[..., :last] if encoder.times else frames
        vectors = _beside_changes(vectors, mask) if encoder.changes else vectors
        vectors = _from_first_point(vectors, last, encoder.points)
        features = normalise(ops.concatenate([vectors, frames[..., last:]], axis=-1) if encoder.times else vectors)
    else:
        images = ops.reshape(frames, (-1, *shape))  # (batch * steps, height, width, channels)
        features = unfold_steps(_vectors(images, encoder, normalise), mask)
        features = _beside_changes(features, mask) if encoder.changes else features
    return [frames, mask], keras.layers.Identity(name="features")(features), mask


def frame_statistics(videos: Iterable[np.ndarray], encoder: Encoder) -> Statistics:
    """Mean and variance over training data: of each feature of vectors (and of its change), of each channel of images.

    Args:
        videos: A recording each, or a stretch of one: (frames, features) or (frames, height, width, channels).
    Returns:
        Two arrays; where nothing varies the variance is 1. Of times, which come last, 0 and the square of the mean.
    Raises:
        InputError: The encoder doesn't fit the frames, or a time is below 0.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for video in videos:
        _must_fit(video.shape[1:], encoder)
        values = video.astype(np.float64)
        if video.ndim == 2:
            last = video.shape[1] - encoder.times
            values, times = values[:, :last], values[:, last:]
            if encoder.changes:
                values = np.concatenate([values, np.diff(values, axis=0, prepend=values[:1])], axis=1)
            values = np.concatenate([np.asarray(_from_first_point(values, last, encoder.points)), times], axis=1)
            if times.size and times.min() < 0:
                raise InputError(
                    f"encoder.times is on, and a frame's last number, the time since the frame before, is {times.min():g}: "
                    "give what is 0 or more."
                )
        values = values.reshape(-1, values.shape[-1])
        count += len(values)
        total, squares = total + values.sum(axis=0), squares + (values**2).sum(axis=0)
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0.0)
    variance = np.where(variance > 1e-12 * squares / count, variance, 1.0)
    if encoder.times:
        variance[-1], mean[-1] = mean[-1] ** 2 or 1.0, 0.0
    return mean, variance


def _vectors(images: keras.KerasTensor, encoder: Encoder, normalise: keras.Layer) -> keras.KerasTensor:
    """(images, height, width, channels) -> (images, width)."""
    if encoder.backbone:
        return backbone(images, encoder, pooling="avg")
    flat = keras.layers.Flatten(name="flat")(convolutions(normalise(images), encoder))
    return keras.layers.Dense(encoder.units, activation="relu", name="frame")(flat)


def _must_fit(shape: tuple[int, ...], encoder: Encoder) -> None:
    if len(shape) == 1 and encoder.backbone:
        raise InputError(f"encoder.backbone is {encoder.backbone}, but the frames are vectors: leave it out.")
    for name in ("filters", "units"):
        given, usual = getattr(encoder, name), getattr(Encoder(), name)
        if len(shape) == 1 and given != usual:
            raise InputError(
                f"encoder.{name} is {given}, but the frames are vectors, which are read as they are: leave it at {usual}."
            )
    if encoder.times and (len(shape) != 1 or shape[0] < 2):
        raise InputError(
            f"encoder.times is on, but a frame's shape is {shape}: expected vectors whose last number is the time since the "
            "frame before."
        )
    if encoder.points and (len(shape) != 1 or (shape[0] - encoder.times) % encoder.points):
        raise InputError(
            f"encoder.points is {encoder.points}, but a frame's shape is {shape}: expected vectors that are so many "
            "coordinates a point."
        )


def _measured(shape: tuple[int, ...], encoder: Encoder) -> int:
    return (shape[-1] - encoder.times) * (2 if len(shape) == 1 and encoder.changes else 1) + encoder.times


def _from_first_point(vectors: Any, features: int, points: int) -> Any:
    """The first `features` of the vectors as seen from their first point; changes behind them stay as they are."""
    if not points:
        return vectors
    place, rest = vectors[..., :features], vectors[..., features:]
    origin = ops.tile(place[..., :points], [1] * (len(vectors.shape) - 1) + [features // points])
    return ops.concatenate([place - origin, rest], axis=-1)


def _beside_changes(vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """(batch, steps, features) -> (batch, steps, 2 * features): each vector, and its difference to the one before.

    The one before comes from a recurrent layer whose fixed weights do nothing but remember, so that it is a state like any
    other when a recording goes through in windows or as a stream. With the vector a 1 is remembered, which tells the first
    frame, where nothing has changed, from all others.
    """
    size = vectors.shape[-1] + 1
    one = ops.expand_dims(ops.ones_like(mask, dtype=vectors.dtype), -1)
    remember = keras.layers.SimpleRNN(
        2 * size,
        activation="linear",
        use_bias=False,
        return_sequences=True,
        trainable=False,
        dtype="float32",
        name="before",
    )
    kept = remember(ops.concatenate([vectors, one], axis=-1), mask=mask)  # this vector, and the one before
    identity, nothing = np.eye(size), np.zeros((size, size))
    remember.set_weights([np.block([identity, nothing]), np.block([[nothing, identity], [nothing, nothing]])])
    changes = (vectors - kept[..., size:-1]) * kept[..., -1:]
    return ops.concatenate([vectors, changes], axis=-1)
