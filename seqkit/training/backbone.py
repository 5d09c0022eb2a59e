"""What a frozen backbone sees in each image: computed once, kept on disk, and read by the rest of the model.

The rest shares every variable with the whole model, so that training the one trains the other; the whole is the one to save.
"""

import dataclasses
import hashlib
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline, Shared
from seqkit.batches.rows import Rows
from seqkit.core.files import cache_folder, replacing
from seqkit.core.progress import notify

IMAGE, MAPS = "image", "maps"  # an input, and the model that is all between it and what learns
BATCH = 32  # images computed at once


def with_backbone_features(model: keras.Model, *rows: Rows) -> tuple[keras.Model, tuple[Rows, ...]]:
    """Leave out of training what doesn't learn.

    Args:
        model: It reads images as `seqkit.layers.images.embed_images` does, itself or in the model "encoder" that it holds.
        rows: Batches for it; of images, with a column "image".
    Returns:
        Where the model has a frozen backbone and its maps can be kept in the cache: the rest of the model, whose input is
        "maps", and the rows with such a column. Otherwise both as they are.
    """
    part = _frozen(model)
    if part is None:
        return model, rows
    try:
        found = tuple(_with_maps(part, one) for one in rows)
    except OSError as error:
        notify(
            f"The maps of the frozen backbone can't be kept ({error.strerror}): it computes them anew in every epoch."
        )
        return model, rows
    return _beyond(model, part), found


def _frozen(model: keras.Model) -> keras.Model | None:
    """The model "maps" that it holds, itself or in its encoder: where a backbone doesn't learn there is one."""
    found = (layer for layer in model._flatten_layers() if layer.name == MAPS and isinstance(layer, keras.Model))
    return next(found, None)


def _beyond(model: keras.Model, part: keras.Model) -> keras.Model:
    """The model from maps in place of images; it has no variables of its own."""

    def without(layer: keras.Layer) -> keras.Layer:
        if layer is part:
            maps = keras.Input(part.output.shape[1:], dtype=part.output.dtype)
            return keras.Model(maps, keras.layers.Identity()(maps), name="given")
        return _beyond(layer, part) if isinstance(layer, keras.Model) and part in layer.layers else layer

    given = {MAPS if tensor.name == IMAGE else tensor.name: tensor for tensor in model.inputs} | {MAPS: part.output}
    inputs = [keras.Input(like.shape[1:], dtype=like.dtype, name=name) for name, like in given.items()]
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=without)


def _with_maps(part: keras.Model, rows: Rows) -> Pipeline:
    """The rows with their images' maps, float32, mapped from a file of the cache."""
    images = rows.columns[IMAGE]
    assert isinstance(rows, Pipeline) and isinstance(images, Shared), "images come with whole rows"  # noqa: PT018
    used, index = np.unique(images.index, return_inverse=True)
    path, started, done = _path(part, images), time.perf_counter(), "lie since an earlier run"
    if not path.exists():
        _write(path, part, images, len(used))
        done = f"were computed in {time.perf_counter() - started:.1f} s and lie"
    maps = np.load(path, mmap_mode="r", allow_pickle=False)
    notify(f"The frozen backbone's maps of {len(used):,} images {done} in {path} ({maps.nbytes / 1e6:,.1f} MB).")
    columns = {name: column for name, column in rows.columns.items() if name != IMAGE}
    return dataclasses.replace(rows, columns=columns | {MAPS: Shared(maps, index)})


def _path(part: keras.Model, images: Shared) -> Path:
    """Its name is a digest of all that the maps depend on: the images, the backbone and its weights."""
    named = [layer.name for layer in part.layers if isinstance(layer, keras.Model)]
    digest = hashlib.sha256(repr((keras.__version__, named, part.inputs[0].shape, part.outputs[0].dtype)).encode())
    for variable in part.variables:
        digest.update(variable.numpy().tobytes())
    for chunk in images.chunks():
        digest.update(chunk.tobytes())
    return cache_folder() / f"maps-{digest.hexdigest()[:32]}.npy"


def _write(path: Path, part: keras.Model, images: Shared, count: int) -> None:
    signature = [tf.TensorSpec(part.inputs[0].shape, tf.float32)]
    see = tf.function(
        lambda given: tf.cast(part(given, training=False), tf.float32), input_signature=signature, autograph=False
    )
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, *part.outputs[0].shape[1:])}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, shared=True) as partial, open(partial, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in images.chunks(BATCH):
            file.write(see(chunk.astype(np.float32)).numpy().astype("<f4").tobytes())
