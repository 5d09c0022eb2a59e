"""Decoders: the frames of one file or folder as a stream, with nothing kept of what was given out.

They raise one of BROKEN where a file is damaged; `recordings.Recording` turns that into a sentence with the frame.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seqkit.core.errors import InputError

CHUNK = 64  # frames that are decoded at once
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
BROKEN = (OSError, EOFError, ValueError, SyntaxError, KeyError, zipfile.BadZipFile, zlib.error)


def decode_npz(path: Path, name: str) -> Iterator[np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise InputError(
                f"{path} has no array {name!r}: it has {_arrays(archive)}. Say which holds the frames: --frames for seqkit "
                "train, --column.frames for evaluate and predict."
            )
        with archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, by_columns, dtype = header(file)
            if dtype.hasobject or by_columns or len(shape) < 2:
                raise InputError(
                    f"{path}: the array {name!r} is {dtype} of shape {shape}{', column by column' if by_columns else ''}. "
                    "Expected plain numbers with the frames first: save numpy.ascontiguousarray(frames)."
                )
            size = dtype.itemsize * int(np.prod(shape[1:]))
            for start in range(0, shape[0], CHUNK):
                rows = min(CHUNK, shape[0] - start)
                yield np.frombuffer(file.read(rows * size), dtype).reshape(rows, *shape[1:])


def decode_images(folder: Path) -> Iterator[np.ndarray]:
    for number, path in enumerate(images_in(folder)):
        try:
            with Image.open(path) as image:
                yield np.asarray(image.convert("RGB"))[None]
        except BROKEN as error:
            raise InputError(
                f"{path} (frame {number} of {folder}) can't be decoded ({error}). Restore the image, or go on without "
                "this recording: --on-error skip."
            ) from None


def decode_gif(path: Path) -> Iterator[np.ndarray]:
    with Image.open(path) as image:
        number = 0
        while True:
            yield np.asarray(image.convert("RGB"))[None]
            number += 1
            try:
                image.seek(number)
            except EOFError:  # the regular end, and also that of a file that was cut
                break
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 64))
        if not file.read().rstrip(b"\0").endswith(b";"):
            raise EOFError("the file ends before its time")


def decode_mp4(path: Path) -> Iterator[np.ndarray]:
    try:
        import av
    except ImportError:
        raise InputError(f"{path}: PyAV, which reads .mp4, is not installed: pip install 'seqkit[video]'.") from None
    try:
        yield from _decode_with(av, path)
    except av.error.FFmpegError as error:
        raise ValueError(error.strerror) from None


def _decode_with(av: Any, path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no images: expected a video stream.")
        stream = container.streams.video[0]
        number = 0
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise ValueError("the decoder calls it corrupt")
            yield frame.to_ndarray(format="rgb24")[None]
            number += 1
        if number < stream.frames:
            raise EOFError(f"the file tells of {stream.frames} frames")


def images_in(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES), key=natural)


def natural(path: Path) -> list[tuple[int, str]]:
    """frame_9 before frame_10."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d*)(\D*)", path.name)]


def _arrays(archive: zipfile.ZipFile) -> str:
    return ", ".join(repr(name.removesuffix(".npy")) for name in archive.namelist())
