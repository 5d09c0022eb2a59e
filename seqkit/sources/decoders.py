"""Decoders: the frames of one file or folder as a stream, with nothing kept of what was given out.

They raise one of `damage.BROKEN` where a file is damaged; `recordings.Recording` turns that into a sentence with the frame.
"""

import math
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.sources.damage import BROKEN, BYTES, reason
from seqkit.sources.nameless_files import mapped, nameless_file
from seqkit.sources.notices import Notices
from seqkit.sources.pixels import IMAGE_SUFFIXES, decode_image, must_be_small, opened, shown

CHUNK = 64  # frames that are decoded at once
UNEVEN = 1.5  # the longest time between two frames over the shortest, from which on it is told
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
Header = tuple[tuple[int, ...], bool, np.dtype]  # shape, whether it lies column by column, type


def decode_npz(path: Path, name: str) -> Iterator[np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise InputError(
                f"{path} has no array {name!r}: it has {_arrays(archive)}. Say which holds the frames: --frames for seqkit "
                "train, --column.frames for evaluate and predict."
            )
        with array_in(archive, name) as (file, (shape, by_columns, dtype)):
            if shape[:1] == (0,):
                return
            if dtype.hasobject or len(shape) < 2:
                raise InputError(
                    f"{path}: the array {name!r} is {dtype} of shape {shape}. Expected plain numbers with the frames first."
                )
            size = dtype.itemsize * math.prod(shape[1:])
            if size > BYTES:
                raise InputError(
                    f"{path}: a frame of the array {name!r} is declared to hold {size:,} bytes: at most {BYTES:,} are read. "
                    "Make the frames smaller."
                )
            if by_columns:
                with nameless_file() as copy:
                    shutil.copyfileobj(file, copy)
                    frames = mapped(copy, shape[0], shape[1:], dtype, by_columns=True)
                for start in range(0, shape[0], CHUNK):
                    yield np.ascontiguousarray(frames[start : start + CHUNK])
                return
            for start in range(0, shape[0], CHUNK):
                rows = min(CHUNK, shape[0] - start)
                yield np.frombuffer(file.read(rows * size), dtype).reshape(rows, *shape[1:])


@contextmanager
def array_in(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[IO[bytes], Header]]:
    """An array of an .npz file, of which only the head was read: where it goes on, and what it declares."""
    with archive.open(f"{name}.npy") as file:
        shape, by_columns, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        if min(shape, default=0) < 0:
            raise ValueError(f"its shape is {shape}")
        yield file, (shape, by_columns, dtype)


def decode_images(folder: Path, notices: Notices) -> Iterator[np.ndarray]:
    for path in files_in(folder):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            notices.add("skipped_file", str(path))
    for number, path in enumerate(images_in(folder)):
        try:
            yield decode_image(path, str(path), lambda place: notices.add("first_frame", place))[None]
        except InputError:
            raise
        except BROKEN as error:
            raise InputError(
                f"{path} (frame {number} of {folder}) can't be decoded ({reason(error)}). Restore the image, or go on "
                "without this recording: --on-error skip."
            ) from None


def decode_gif(path: Path) -> Iterator[np.ndarray]:
    with opened(path, str(path)) as image:
        number = 0
        while True:
            must_be_small(image.size, f"{path}, frame {number},")
            yield shown(image)[None]
            number += 1
            try:
                image.seek(number)
            except EOFError:  # the regular end, and also that of a file that was cut
                break
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 64))
        if not file.read().rstrip(b"\0").endswith(b";"):
            raise EOFError("the file ends before its time")


def decode_mp4(path: Path, notices: Notices) -> Iterator[np.ndarray]:
    try:
        import av
    except ImportError:
        raise InputError(f"{path}: PyAV, which reads .mp4, is not installed: pip install 'seqkit[video]'.") from None
    try:
        yield from _decode_with(av, path, notices)
    except av.error.FFmpegError as error:
        raise ValueError(error.strerror) from None


def _decode_with(av: Any, path: Path, notices: Notices) -> Iterator[np.ndarray]:
    """The frames in the order in which they are shown, turned and mirrored as the film says."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no images: expected a video stream.")
        stream = container.streams.video[0]
        must_be_small((stream.codec_context.width, stream.codec_context.height), str(path))
        number, before, matrix = 0, None, None
        shortest, longest = math.inf, 0.0  # seconds between two frames
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise ValueError("the decoder calls it corrupt")
            if not number:  # of the film; and a frame that was asked for it waits for the collector of cycles
                matrix = frame.side_data.get("DISPLAYMATRIX")
                matrix = None if matrix is None else bytes(matrix)
            yield _as_shown(frame.to_ndarray(format="rgb24"), matrix)[None]
            number += 1
            if before is not None and frame.time is not None:
                shortest, longest = min(shortest, frame.time - before), max(longest, frame.time - before)
            before = frame.time
        if number < stream.frames:
            raise EOFError(f"the file tells of {stream.frames} frames")
        if longest > UNEVEN * shortest:
            notices.add("uneven_frames", f"{path}: {shortest:.3f} to {longest:.3f} s")


def _as_shown(pixels: np.ndarray, matrix: bytes | None) -> np.ndarray:
    """A frame turned and mirrored by a display matrix, to the nearest quarter of a turn.

    Args:
        matrix: Nine int32 (ISO 14496-12, 8.3.2): a pixel at (x, y) is shown at (a x + c y, b x + d y), up to a
            shift, where a, b, c and d are the first two of each of the first two rows. None for none.
    """
    if matrix is None:
        return pixels
    (a, b, _), (c, d, _), _ = np.frombuffer(matrix, np.int32).reshape(3, 3).tolist()
    if abs(a) + abs(d) < abs(b) + abs(c):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, in the order of their names."""
    return [path for path in files_in(folder) if path.suffix.lower() in IMAGE_SUFFIXES]


def files_in(folder: Path) -> list[Path]:
    """What lies in a folder, in the order of the names, but for hidden files, whose names begin with a dot."""
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=natural)


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """frame_9 before frame_10, and frame_09 before frame_9."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d*)(\D*)", path.name)], str(path)


def _arrays(archive: zipfile.ZipFile) -> str:
    return ", ".join(repr(name.removesuffix(".npy")) for name in archive.namelist())
