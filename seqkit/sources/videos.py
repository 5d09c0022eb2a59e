"""Videos: recordings that have been decoded, on disk or in memory, many in one array."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.sources.decoders import CHUNK
from seqkit.sources.nameless_files import mapped, nameless_file

Kind = tuple[tuple[int, ...], np.dtype]  # of a frame: shape and type


@dataclasses.dataclass(frozen=True)
class Video:
    """A recording that has been decoded, one of several in an array that is in memory or in a file mapped into it.

    Attributes:
        values: The frames of all of them, one after the other.
        start, stop: Where its own are.
    """

    values: np.ndarray
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, rows: Any) -> np.ndarray:
        frames: np.ndarray = self.values[self.start : self.stop][rows]
        return frames

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def chunks(self) -> Iterator[np.ndarray]:
        """The frames, CHUNK at once but for the last."""
        for start in range(0, len(self), CHUNK):
            yield self[start : start + CHUNK]

    def digest(self) -> bytes:
        """SHA-256 of the frames."""
        return digest_of(self.chunks())


@dataclasses.dataclass(frozen=True)
class VideoBatches(Pipeline):
    """Batches of recordings, and the recordings.

    Attributes:
        videos: What the rows are; where they are to be decoded first there are no columns and no batches.
        names: Of the recordings.
    """

    videos: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()


def video_of(frames: Any) -> Video:
    """A video, or an array that becomes one of its own."""
    if isinstance(frames, Video):
        return frames
    array = np.asarray(frames)
    return Video(array if array.dtype == np.uint8 else array.astype(np.float32), 0, len(array))


def turned_copies(videos: Sequence[Video], *, copies: int, seed: int) -> list[Video]:
    """Copies of recordings of points in space as another camera might have seen them.

    Each is turned about the vertical through its middle by up to 30 degrees either way and made up to a tenth larger or
    smaller.

    Args:
        videos: (frames, 3 * points): x, y and z of each point, y upwards.
        copies: Of each video.
    """
    rng = np.random.default_rng(seed)
    copied = []
    for _ in range(copies):
        for video in videos:
            angle, scale = rng.uniform(-np.pi / 6, np.pi / 6), rng.uniform(0.9, 1.1)
            cosine, sine = np.cos(angle), np.sin(angle)
            turn = np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])
            points = video[:].reshape(len(video), -1, 3)
            middle = points.mean(axis=(0, 1)) * [1.0, 0.0, 1.0]
            copied.append(video_of(((points - middle) @ turn.T * scale + middle).reshape(len(video), -1)))
    return copied


def joined_videos(videos: Sequence[Video]) -> Ragged:
    """Videos as ragged rows: without a copy where they lie one after the other, else copied to where the first one is."""
    first, lengths = videos[0], np.array([len(video) for video in videos])
    follows = all(one.values is other.values and one.stop == other.start for one, other in itertools.pairwise(videos))
    if follows:
        return Ragged.of_lengths(first.values[first.start : videos[-1].stop], lengths)
    if not isinstance(first.values, np.memmap):
        return Ragged.of_lengths(np.concatenate([video[:] for video in videos]), lengths)
    with nameless_file() as file:
        for video in videos:
            for chunk in video.chunks():
                file.write(chunk.tobytes())
        return Ragged.of_lengths(mapped(file, int(lengths.sum()), *kind_of(first)), lengths)


def kind_of(frames: np.ndarray | Video) -> Kind:
    """Shape and type of a frame."""
    values = frames.values if isinstance(frames, Video) else frames
    return values.shape[1:], values.dtype


def digest_of(chunks: Iterable[np.ndarray]) -> bytes:
    """SHA-256 of the frames."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(repr(kind_of(chunk)).encode())
        digest.update(chunk.tobytes())
    return digest.digest()
