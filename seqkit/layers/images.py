"""Images to grids of vectors, and attention over such a grid."""

import sys
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import ops

from seqkit.core.encoder import KERAS_FILE, Encoder
from seqkit.core.errors import InputError, reason_of
from seqkit.core.files import digest_of


def embed_images(
    shape: tuple[int, int, int],
    encoder: Encoder,
    statistics: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    attended: bool = False,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input of a model that reads an image, and what it sees at each place of it.

    Args:
        shape: (height, width, channels).
        encoder: What is made of it; its `units` are the width of a place's vector.
        statistics: Mean and variance of each channel over the training images, as `frame_statistics` gives them; None for
            mean 0 and variance 1.
        attended: Whether something looks at places, of which a backbone that gives a vector has one alone.
    Returns:
        image, float32 (batch, *shape), 0 to 255; grid, float (batch, places, units), named "grid", row by row of the maps
        of the layer "maps", which, of a frozen backbone, is the model from image to maps.
    Raises:
        InputError: The encoder doesn't fit the images.
    Example:
        >>> from seqkit.layers.images import embed_images
        >>> image, grid = embed_images((32, 32, 3), seqkit.Encoder(filters=(16, 32), units=64))
        >>> grid.shape  # 8 x 8 places: each pooling halves height and width
        (None, 64, 64)
    """
    image = keras.Input(shape, dtype="float32", name="image")
    mean, variance = statistics or (np.zeros(shape[-1]), np.ones(shape[-1]))
    if encoder.backbone:
        maps = backbone(image, encoder)
        if len(maps.shape) == 2 and attended:
            raise InputError(
                f"encoder.backbone {encoder.backbone} makes one vector of an image, but attention looks at places: give a "
                "model whose output are maps, (batch, height, width, channels), or choose attention.kind none."
            )
        if len(maps.shape) == 2:
            maps = keras.layers.Reshape((1, 1, maps.shape[-1]), name="place")(maps)
    else:
        normalise = keras.layers.Normalization(mean=mean.tolist(), variance=variance.tolist(), name="normalization")
        maps = convolutions(normalise(image), encoder)
    maps = _beside_places(maps)  # (batch, rows, columns, channels + 2)
    # a frozen backbone makes a model of its own, so that training can do without it
    ends = keras.Model(image, maps, name="maps") if encoder.frozen else keras.layers.Identity(name="maps")
    maps = ends(image if encoder.frozen else maps)
    flat = keras.layers.Reshape((-1, maps.shape[-1]), name="places")(maps)
    return image, keras.layers.Dense(encoder.units, activation="tanh", name="grid")(flat)


def stacked_attention(question: keras.KerasTensor, grid: keras.KerasTensor, *, hops: int) -> keras.KerasTensor:
    """Look at a grid again and again, each time with what was seen before (Yang et al. 2016, stacked attention networks).

        h_i = tanh(W_I v_i + W_Q u + b);  p = softmax over i of w . h_i;  u' = u + sum_i p_i v_i

    The weights p of look number k, (batch, places), are the output of the layer "attention_hop_k". A last layer judges the
    last u; the mean of the last h over all places, since a weighted mean can't count; and the products of the first u with
    what was seen since (Antol et al. 2015), without which it is hardly learned whether the two agree.

    Args:
        question: float, (batch, width).
        grid: v, float, (batch, places, units).
        hops: How often.
    Returns:
        float, (batch, 2 * units).
    """
    units = grid.shape[-1]
    first = seen = keras.layers.Dense(units, activation="tanh", name="question")(question)  # u, (batch, units)
    for number in range(1, hops + 1):
        asked = keras.layers.Dense(units, name=f"attention_question_{number}")(seen)
        places = keras.layers.Dense(units, use_bias=False, name=f"attention_grid_{number}")(grid)
        hidden = ops.tanh(places + ops.expand_dims(asked, 1))  # (batch, places, units)
        scores = keras.layers.Dense(1, use_bias=False, name=f"attention_score_{number}")(hidden)
        weights = keras.layers.Softmax(name=f"attention_hop_{number}")(ops.squeeze(scores, -1))  # (batch, places)
        seen = seen + ops.sum(ops.expand_dims(weights, -1) * grid, axis=1)
    both = ops.concatenate([seen, ops.mean(hidden, axis=1), first * (seen - first)], axis=-1)
    return keras.layers.Dense(2 * units, activation="relu", name="judged")(both)


def compare(question: keras.KerasTensor, grid: keras.KerasTensor, *, hops: int) -> keras.KerasTensor:
    """What `stacked_attention` sees, through one more layer: float, (batch, units).

    "Is there no circle?" turns the answer round, which is no affine function of what was asked and seen.
    """
    seen = stacked_attention(question, grid, hops=hops)
    return keras.layers.Dense(grid.shape[-1], activation="relu", name="compared")(seen)


def convolutions(images: keras.KerasTensor, encoder: Encoder) -> keras.KerasTensor:
    """Maps of images.

    Args:
        images: (images, height, width, channels).
    Returns:
        (images, height / 2^n, width / 2^n, filters) after n convolutions, rounded up.
    Raises:
        InputError: The images are too small for so many.
    """
    if min(images.shape[1:3]) < 2 ** len(encoder.filters):
        raise InputError(
            f"encoder.filters has {len(encoder.filters)} convolutions, each of which halves the images' "
            f"{images.shape[1]} x {images.shape[2]} pixels: give fewer of them."
        )
    for number, channels in enumerate(encoder.filters, start=1):
        convolution = keras.layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"convolution_{number}")
        images = keras.layers.MaxPooling2D(padding="same", name=f"pooling_{number}")(convolution(images))
    return images


def backbone(
    images: keras.KerasTensor, encoder: Encoder, *, pooling: Literal["avg"] | None = None
) -> keras.KerasTensor:
    """The last maps of a model of keras.applications, or what a model in a file says; or the means of maps. Its batch
    statistics stay as they are.

    Args:
        images: (images, height, width, channels), 0 to 255, with 1 or 3 channels.
    Raises:
        InputError: There is no such model, or it can't be made for these images.
    """
    if images.shape[-1] not in (1, 3):
        raise InputError(f"The images have {images.shape[-1]} channels: a backbone reads 1 or 3.")
    if str(encoder.backbone).endswith(KERAS_FILE):
        model = _read_backbone(encoder, images)
        images = ops.repeat(images, model.inputs[0].shape[-1] // images.shape[-1], axis=-1)
        said = _asked(model, images, encoder)
        return keras.layers.GlobalAveragePooling2D(name="pooled")(said) if pooling and len(said.shape) == 4 else said
    make = getattr(keras.applications, encoder.backbone or "", None)
    if not callable(make):
        names = ", ".join(name for name in dir(keras.applications) if name[0].isupper())
        raise InputError(
            f"encoder.backbone is {encoder.backbone!r}: keras.applications has {names}; or give a file, *{KERAS_FILE}."
        )
    images = ops.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    images = sys.modules[make.__module__].preprocess_input(images)
    try:
        model = make(include_top=False, weights=encoder.weights, input_shape=images.shape[1:], pooling=pooling)
    except Exception as error:  # the network, the file, or a size that it can't read: each has its own error
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"encoder.backbone {encoder.backbone} with weights {encoder.weights} can't be made for images of "
            f"{' x '.join(map(str, images.shape[1:]))} ({reason}). Give a file of weights, or bring the images to "
            "another size (--frame-size or --image-size)."
        ) from None
    return _asked(model, images, encoder)


def _asked(model: keras.Model, images: keras.KerasTensor, encoder: Encoder) -> keras.KerasTensor:
    model.trainable = not encoder.frozen
    return model(images, training=False)


def _read_backbone(encoder: Encoder, images: keras.KerasTensor) -> keras.Model:
    """A model of one's own, which reads such images; its name tells it from all others.

    Raises:
        InputError: The file can't be read, or holds no model that makes maps, or a vector, of such images.
    """
    given = f"encoder.backbone {encoder.backbone}"
    try:
        model = keras.saving.load_model(str(encoder.backbone), compile=False)
        digest = digest_of(Path(str(encoder.backbone)))
    except Exception as error:  # no file, another file, layers that nobody knows: each has its own error
        raise InputError(
            f"{given} can't be read ({reason_of(error)}): give a file that Keras's model.save has written, of Keras's own "
            "layers or ones that are imported (--import)."
        ) from None
    shapes = [[tuple(tensor.shape) for tensor in tensors] for tensors in (model.inputs or [], model.outputs or [])]
    if [len(shape) for shape in shapes[0]] != [4] or [len(shape) for shape in shapes[1]] not in ([4], [2]):
        raise InputError(
            f"{given} goes from {shapes[0]} to {shapes[1]}: give a model from an image, (batch, height, width, channels), "
            "to maps of that form or to a vector, (batch, units)."
        )
    ((_, *size, channels),) = shapes[0]
    if channels not in (images.shape[-1], 3):
        raise InputError(f"{given} reads {channels} channels, but the images have {images.shape[-1]}.")
    if any(own not in (None, given_size) for own, given_size in zip(size, images.shape[1:3], strict=True)):
        height, width = (own or given_size for own, given_size in zip(size, images.shape[1:3], strict=True))
        raise InputError(
            f"{given} reads {height} x {width} pixels, but the images have {images.shape[1]} x {images.shape[2]}: bring "
            f"them to that size, by --image-size {height} {width} (or --frame-size)."
        )
    model.name = f"backbone_{digest[:12]}"
    return model


def _beside_places(maps: keras.KerasTensor) -> keras.KerasTensor:
    """Beside the maps each place's row and column, from -1 to 1 (Liu et al. 2018): attention wouldn't know them."""
    ones = ops.ones_like(maps[..., :1])  # (batch, rows, columns, 1)
    places = [
        (2.0 * ops.cumsum(ones, axis=axis) - (size + 1.0)) / max(size - 1.0, 1.0)
        for axis, size in ((1, maps.shape[1]), (2, maps.shape[2]))
    ]
    return ops.concatenate([maps, *places], axis=-1)
