"""Columns of images and of recordings in files: the numbers of all of them, one after the other, and where each is."""

import functools
import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqkit.core.files import write_json
from seqkit.core.mapping import mapped_file
from seqkit.sources.pixels import ImageRef
from seqkit.sources.stored import Stored
from seqkit.sources.storing import CELLS, WRITERS, Numbers
from seqkit.sources.videos import Video, video_of


class _Frames(Stored):
    """Numbers of one shape, and where each row's are."""

    @functools.cached_property
    def _values(self) -> np.ndarray:
        kind = json.loads(self.base.with_name(f"{self.base.name}.json").read_text(encoding="utf-8"))
        return mapped_file(
            self.base.with_name(f"{self.base.name}.values"), np.dtype(kind["dtype"]), tuple(kind["shape"])
        )

    @functools.cached_property
    def _places(self) -> np.ndarray:
        return self._file("places", np.int64)


class Images(_Frames):
    """An image a row; several rows may share one."""

    kind = "images"

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._places)

    def _cells(self, rows: np.ndarray) -> list[ImageRef]:
        return [ImageRef(self._values, place) for place in self._places[rows].tolist()]


class Videos(_Frames):
    """A recording a row."""

    kind = "videos"

    @functools.cached_property
    def _whole(self) -> int:
        return len(self._places) - 1

    def _cells(self, rows: np.ndarray) -> list[Video]:
        return [Video(self._values, int(self._places[row]), int(self._places[row + 1])) for row in rows.tolist()]


class _Writer:
    """Writes numbers of one shape.

    Attributes:
        count: How many there are.
    """

    def __init__(self, base: Path):
        self._base, self._places, self.count = base, Numbers(base.with_name(f"{base.name}.places")), 0
        self._values: BinaryIO = open(base.with_name(f"{base.name}.values"), "wb")  # noqa: SIM115

    def _write(self, values: np.ndarray) -> None:
        if not self.count:
            kind = {"dtype": values.dtype.newbyteorder("<").str, "shape": list(values.shape[1:])}
            write_json(self._base.with_name(f"{self._base.name}.json"), kind)
        self._values.write(values.astype(values.dtype.newbyteorder("<")).tobytes())
        self.count += len(values)

    def _close(self) -> None:
        self._values.close()
        self._places.done()


class ImageWriter(_Writer):
    """Writes `Images`, each once."""

    def __init__(self, base: Path):
        super().__init__(base)
        self._known: dict[tuple[int, int], int] = {}

    def append(self, image: ImageRef) -> None:
        key = id(image.values), image.place
        if key not in self._known:
            self._known[key] = self.count
            self._write(np.asarray(image)[None])
        self._places.append(self._known[key])

    def done(self) -> Images:
        self._close()
        return Images(self._base)


class VideoWriter(_Writer):
    """Writes `Videos`."""

    def __init__(self, base: Path):
        super().__init__(base)
        self._places.append(0)

    def append(self, frames: Any) -> None:
        for chunk in video_of(frames).chunks():
            self._write(chunk)
        self._places.append(self.count)

    def done(self) -> Videos:
        self._close()
        return Videos(self._base)


FRAMES: dict[str, type[Stored]] = {"images": Images, "videos": Videos}
WRITERS.update(images=ImageWriter, videos=VideoWriter)
CELLS.update(images=ImageRef, videos=(Video, np.ndarray))
