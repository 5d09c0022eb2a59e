"""Recordings: frames over time with a label each, decoded as a stream.

A recording is
- an .npz file with the arrays `frames`, (frames, features) or (frames, height, width, channels), and `labels`, a string a
  frame. Images are whole numbers from 0 to 255, or floating point, as they are;
- a .gif or .mp4 file, or a folder of images (in the order of their names, numbers in them by value), each image as
  `seqkit.sources.pixels` shows it. Their labels lie beside them: NAME.labels.txt with a label a line, a line a frame; or
  NAME.labels.tsv (.csv), a table with the columns start, end and label, where frames count from 0, `end` is the first frame
  that is no longer in, and the frames that no row has are called "background".

Frames are decoded in chunks, so that memory doesn't grow with the length of a video; what a file declares is checked before
(`seqkit.sources.damage`: 50 million pixels or 150 MB a frame). All complaints name the recording and the frame, counted from
0. A file that is none of all this is told, and so is a recording without a frame, but hidden files (.name) are not.
"""

import dataclasses
import functools
import glob
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.sources.cells import Trimmed, check_column
from seqkit.sources.damage import BROKEN, reason
from seqkit.sources.decoders import (
    CHUNK,
    decode_gif,
    decode_images,
    decode_mp4,
    decode_npz,
    files_in,
    images_in,
    natural,
)
from seqkit.sources.examples import Examples, OnError, Role
from seqkit.sources.frame_labels import LABEL_FILES, labels_beside, labels_given, labels_of_npz, times
from seqkit.sources.nameless_files import mapped, nameless_file
from seqkit.sources.notices import Notices
from seqkit.sources.pixels import IMAGE_SUFFIXES, resized
from seqkit.sources.prepared import read_before
from seqkit.sources.tfds import open_tfds
from seqkit.sources.videos import Kind, Video, digest_of, kind_of

FILES = (".npz", ".gif", ".mp4")


@dataclasses.dataclass(frozen=True)
class Recording:
    """Frames over time, decoded when they are asked for.

    Attributes:
        name: Its path, or its place among arrays.
        decode: Gives the frames in order, any number at once: (frames, features) or (frames, height, width, channels).
        labels: Number of frames -> a label a frame; None where there are none.
        frame_size: (height, width) to which images are brought.
        in_memory: Whether all frames are there already.
        notices: Told what is noticed as it is decoded; those of one source are one.
    """

    name: str
    decode: Callable[[], Iterable[np.ndarray]]
    labels: Callable[[int], tuple[str, ...]] | None = None
    frame_size: tuple[int, int] | None = None
    in_memory: bool = False
    notices: Notices = dataclasses.field(default_factory=Notices)

    def chunks(self) -> Iterator[np.ndarray]:
        """The frames, CHUNK at once but for the last; only these are in memory.

        Yields:
            (frames, ...), uint8 for images of bytes, else float32.
        Raises:
            InputError: A frame can't be decoded, has another size than the first, or holds NaN, infinity or a whole number
                that is no brightness.
        """
        waiting: list[np.ndarray] = []  # of less than CHUNK frames
        shape, number = None, 0
        frames = iter(self.decode())
        while True:
            try:
                part = next(frames, None)
            except InputError:
                raise
            except BROKEN as error:
                raise InputError(
                    f"{self.name}, frame {number}: it can't be decoded ({reason(error)}). Restore the file, or go on "
                    "without this recording: --on-error skip."
                ) from None
            if part is None:
                break
            if not len(part):
                continue
            shape = part.shape[1:] if shape is None else shape
            part = self._checked(part, shape, number)
            number += len(part)
            if self.frame_size and len(shape) == 3:
                part = np.stack([resized(frame, self.frame_size) for frame in part])
            waiting.append(part)
            if sum(map(len, waiting)) >= CHUNK:
                ready = np.concatenate(waiting)
                waiting = [ready[len(ready) - len(ready) % CHUNK :]]
                yield from np.split(ready[: len(ready) - len(waiting[0])], len(ready) // CHUNK)
        if any(map(len, waiting)):
            yield np.concatenate(waiting)

    def digest(self) -> bytes:
        """SHA-256 of the frames."""
        return digest_of(self.chunks())

    def _checked(self, part: np.ndarray, shape: tuple[int, ...], first: int) -> np.ndarray:
        if len(shape) not in (1, 3) or 0 in shape or part.dtype.kind not in "buif":
            raise InputError(
                f"{self.name}: the frames are {part.dtype} of shape {shape}. Expected numbers, (frames, features) or "
                "(frames, height, width, channels)."
            )
        if part.shape[1:] != shape:
            raise InputError(
                f"{self.name}, frame {first}: the frame has {times(part.shape[1:])} values, the ones before have "
                f"{times(shape)}. A recording keeps one size: cut it there."
            )
        if part.ndim == 4 and part.dtype.kind in "ui":
            if part.min() < 0 or part.max() > 255:
                raise InputError(
                    f"{self.name}, frames {first} to {first + len(part) - 1}: values from {part.min()} to {part.max()}, "
                    "where 0 to 255 are expected of images of whole numbers: scale them, or save floating point."
                )
            return part.astype(np.uint8)
        if part.dtype != np.uint8 or part.ndim == 2:
            with np.errstate(over="ignore"):
                part = part.astype(np.float32)
        if not np.isfinite(part).all():
            frame, *place = np.argwhere(~np.isfinite(part))[0].tolist()
            value = part[(frame, *place)]
            where = f"feature {place[0]}" if len(place) == 1 else "row {}, column {}, channel {}".format(*place)
            raise InputError(
                f"{self.name}, frame {first + frame}, {where}: the value is {value}. Every value must be a number: "
                "repair it, or cut the frame and its label out."
            )
        return part


def recordings(
    source: Any,
    columns: Mapping[str, str],
    *,
    role: Role = "train",
    data_dir: str | None = None,
    frame_size: tuple[int, int] | None = None,
    notices: Notices | None = None,
) -> Iterator[Recording]:
    """The recordings of a source, one after the other, none of them decoded yet.

    Args:
        source: A path of a recording, of a folder of recordings, or a pattern (data/s0[1-7]*.npz); "tfds:NAME[:SPLIT]", for
            example tfds:ucf101, whose one label a clip stands for all its frames; a tuple of sequences (frames, labels); a
            sequence of arrays or paths; a mapping with these columns; a tf.data.Dataset of tuples or dicts; Recordings.
            Labels that are given for a path are in place of those of its file; None stands for these.
        columns: "frames" and, where labels are wanted, "labels" -> the array's or feature's name.
        role: What they are for; it chooses the split of a TFDS data set that names none.
        data_dir: Where TFDS keeps prepared data sets.
        frame_size: (height, width) to which images are brought.
        notices: Told what is left out, and what is noticed while a recording is decoded.
    Raises:
        InputError: The source is none of these, or has no recordings or no labels.
    """
    for recording in _recordings(source, columns, role, data_dir, notices or Notices()):
        yield dataclasses.replace(recording, frame_size=frame_size)


def _recordings(
    source: Any, columns: Mapping[str, str], role: Role, data_dir: str | None, notices: Notices
) -> Iterator[Recording]:
    if isinstance(source, str) and source.startswith("tfds:"):
        yield from _of_tfds(source, columns, role, data_dir)
    elif isinstance(source, str | Path):
        for path in _paths(str(source), notices):
            yield _of_path(path, columns, notices)
    elif hasattr(source, "element_spec"):
        yield from _of_rows(source.as_numpy_iterator(), columns, f"the tf.data dataset ({role})")
    elif hasattr(source, "keys"):
        missing = [name for name in columns.values() if name not in source]
        if missing:
            raise InputError(f"The {role} data has no {missing[0]!r}: it has {', '.join(map(repr, source.keys()))}.")
        yield from _of_columns([source[name] for name in columns.values()], columns, role, notices)
    elif isinstance(source, tuple) and len(source) == len(columns):
        yield from _of_columns(source, columns, role, notices)
    elif isinstance(source, Sequence) and "labels" not in columns:
        yield from _of_columns([source], columns, role, notices)
    else:
        raise InputError(
            f"The {role} data is a {type(source).__name__}: give a path, a pattern, 'tfds:NAME', a tuple "
            f"({', '.join(columns)}), a mapping with these, or a tf.data.Dataset."
        )


def read_recordings(
    source: Any,
    columns: Mapping[str, str],
    *,
    role: Role = "train",
    data_dir: str | None = None,
    frame_size: tuple[int, int] | None = None,
    on_error: OnError = "stop",
) -> Examples:
    """Decode recordings into a nameless file that is mapped into memory, so that the system loads and drops its pages.

    Args:
        source, columns, role, data_dir: As for `recordings`; or Examples that were read before.
        frame_size: (height, width) to which images are brought.
        on_error: What to do about a recording that is broken: "stop", or "skip" to name it and go on without it.
    Returns:
        Columns "recording" (names), "frames" (`Video`s) and, where wanted, "labels" (tuples of strings).
    Raises:
        InputError: Anything about the source is not as expected.

    Recordings without a frame are left out, and so are blanks at the ends of labels; `Examples.findings` tells.
    """
    if (known := read_before(source, role)) is not None:
        return known
    names: list[str] = []
    labels: list[tuple[str, ...]] = []
    lengths: list[int] = []
    kind: Kind | None = None
    notices, trimmed = Notices(), Trimmed()
    given = recordings(source, columns, role=role, data_dir=data_dir, frame_size=frame_size, notices=notices)
    with nameless_file() as file:
        for recording in given:
            start, length = file.tell(), 0
            try:
                for chunk in recording.chunks():
                    kind = kind or kind_of(chunk)
                    if kind != kind_of(chunk):
                        raise InputError(
                            f"{recording.name} has frames of {times(chunk.shape[1:])} values ({chunk.dtype}), "
                            f"{(names or ['the first'])[0]} of {times(kind[0])} ({kind[1]}). A model reads one kind: "
                            "convert them, or bring images to one size with --frame-size."
                        )
                    file.write(chunk.tobytes())
                    length += len(chunk)
                own = _trimmed(recording.labels(length), recording.name, trimmed) if recording.labels else ()
            except InputError as error:
                if on_error == "stop":
                    raise
                notify(f"Left out: {error}")
                notices.add("left_out", str(error))
                file.seek(start)
                file.truncate()
                kind = kind if names else None
                continue
            if not length:  # nothing to learn from or to score
                notices.add("no_frames", recording.name)
                continue
            names.append(recording.name)
            labels.append(own)
            lengths.append(length)
        if kind is None:
            raise InputError(f"The {role} data has no recording with frames that can be read: expected at least one.")
        values = mapped(file, sum(lengths), *kind)
    ends = np.cumsum(lengths).tolist()
    videos = [Video(values, end - length, end) for end, length in zip(ends, lengths, strict=True)]
    read: dict[str, list[Any]] = {"recording": [Path(name).stem for name in names], "frames": videos}
    if "labels" in columns:
        read["labels"] = labels
    origin = str(source) if isinstance(source, str | Path) else f"arrays ({role})"
    return Examples(read, origin, findings=(*notices.findings(), *trimmed.findings()))


def _trimmed(labels: tuple[str, ...], name: str, trimmed: Trimmed) -> tuple[str, ...]:
    """The labels of a recording without blanks at their ends."""
    names = {label: trimmed.trim(label, "label", name) for label in dict.fromkeys(labels)}
    return tuple(names[label] for label in labels)


def open_recordings(source: Any, columns: Mapping[str, str], *, frame_size: tuple[int, int] | None = None) -> Examples:
    """Recordings to be answered: arrays become a `Video` each, files stay `Recording`s that are decoded as they are read.

    Returns:
        Columns "recording" (names, None for arrays) and "frames".
    """
    opened = list(recordings(source, {"frames": columns["frames"]}, frame_size=frame_size))
    cells: list[Recording | Video] = []
    for recording in opened:
        chunks = list(recording.chunks()) if recording.in_memory else []
        if chunks:
            values = np.concatenate(chunks)
            cells.append(Video(values, 0, len(values)))
        else:  # also an array without frames, which has no kind of its own
            cells.append(recording)
    names = [None if recording.in_memory else recording.name for recording in opened]
    return Examples({"recording": names, "frames": cells}, "recordings to answer")


def _paths(source: str, notices: Notices) -> list[Path]:
    """The recordings that a path or pattern means, in the order of their names."""
    path = Path(source)
    if not path.exists():
        found = sorted(map(Path, glob.glob(source)), key=natural)
        if not found:
            raise InputError(f"{source} does not exist and no file's name fits it as a pattern: check the path.")
        return [inner for path in found for inner in _paths(str(path), notices) if not path.name.endswith(LABEL_FILES)]
    if not path.is_dir():
        return [path]
    inside = files_in(path)
    images = [inner for inner in inside if inner.suffix.lower() in IMAGE_SUFFIXES]
    found = [inner for inner in inside if inner.suffix.lower() in FILES or (inner.is_dir() and images_in(inner))]
    if images and found:
        raise InputError(
            f"{path} has images ({images[0].name}) and recordings ({found[0].name}): it is one recording, or a folder of "
            "them. Put the images into a folder of their own, or give a pattern."
        )
    if images:
        return [path]
    if not found:
        raise InputError(
            f"{path} has no recordings: expected {', '.join(FILES)} files, or folders of images "
            f"({', '.join(IMAGE_SUFFIXES)})."
        )
    own = {(inner if inner.is_dir() else inner.with_suffix("")).name + end for inner in found for end in LABEL_FILES}
    for inner in inside:
        if inner not in found and inner.name not in own:
            notices.add("skipped_file", str(inner))
    return found


def _of_path(path: Path, columns: Mapping[str, str], notices: Notices) -> Recording:
    suffix = path.suffix.lower()
    name = str(path)
    if suffix == ".npz":
        labels = functools.partial(labels_of_npz, path, columns["labels"]) if "labels" in columns else None
        return Recording(name, functools.partial(decode_npz, path, columns["frames"]), labels, notices=notices)
    if path.is_dir():
        decode: Callable[[], Iterable[np.ndarray]] = functools.partial(decode_images, path, notices)
    elif suffix == ".gif":
        decode = functools.partial(decode_gif, path)
    elif suffix == ".mp4":
        decode = functools.partial(decode_mp4, path, notices)
    else:
        raise InputError(
            f"{path} is no recording that seqkit reads: expected {', '.join(FILES)}, or a folder of images."
        )
    return Recording(name, decode, labels_beside(path) if "labels" in columns else None, notices=notices)


def _of_columns(values: Sequence[Any], columns: Mapping[str, str], role: Role, notices: Notices) -> Iterator[Recording]:
    for field, column in zip(columns, values, strict=True):
        check_column(column, field, f"The {role} data")
    sizes = [len(value) for value in values]
    if len(set(sizes)) > 1:
        raise InputError(
            f"The {role} data has {sizes[0]} recordings and labels for {sizes[1]}: each recording needs its own."
        )
    for number, row in enumerate(zip(*values, strict=True)):
        frames = row[0]
        if isinstance(frames, Recording):
            labels = functools.partial(labels_given, row[1], frames.name) if len(row) > 1 else None
            yield dataclasses.replace(frames, labels=labels)
        elif isinstance(frames, str | Path) and len(row) > 1 and row[1] is not None:
            yield _of_labelled_path(frames, row[1], columns, notices)
        elif isinstance(frames, str | Path):
            for path in _paths(str(frames), notices):
                yield _of_path(path, columns, notices)
        else:
            yield _of_arrays(*row, name=f"recording {number} ({role})")


def _of_labelled_path(source: str | Path, labels: Any, columns: Mapping[str, str], notices: Notices) -> Recording:
    """The recording of a path, with the labels that are given for it in place of those in the file or beside it."""
    paths = _paths(str(source), notices)
    if len(paths) != 1:
        raise InputError(
            f"{source} has {len(paths)} recordings, and labels are given for one: give the path of each with its labels."
        )
    recording = _of_path(paths[0], {"frames": columns["frames"]}, notices)
    return dataclasses.replace(recording, labels=functools.partial(labels_given, labels, recording.name))


def _of_rows(rows: Iterable[Any], columns: Mapping[str, str], origin: str) -> Iterator[Recording]:
    for number, element in enumerate(rows):
        row = dict(zip(columns.values(), element, strict=False)) if isinstance(element, tuple) else element
        if not isinstance(row, dict) or any(name not in row for name in columns.values()):
            raise InputError(f"{origin} has elements without {' and '.join(columns.values())}: give tuples or dicts.")
        yield _of_arrays(*(row[name] for name in columns.values()), name=f"{origin}, recording {number}")


def _of_arrays(frames: Any, labels: Any = None, *, name: str) -> Recording:
    try:
        array = np.asarray(frames)
    except ValueError:
        raise InputError(f"{name} has frames of different sizes, where an array of frames is expected.") from None
    if not array.ndim:
        raise InputError(f"{name} is a {type(array.item()).__name__}, where an array of frames is expected.")
    parts = functools.partial(np.array_split, array, range(CHUNK, len(array), CHUNK))
    given = None if labels is None else functools.partial(labels_given, labels, name)
    return Recording(name, parts, given, in_memory=True)


def _of_tfds(source: str, columns: Mapping[str, str], role: Role, data_dir: str | None) -> Iterator[Recording]:
    dataset, features, origin = open_tfds(source, columns, role, data_dir)
    for number, row in enumerate(tfds.as_numpy(dataset)):
        name = f"{origin}, recording {number}"
        labels = None
        if "labels" in columns:
            feature, numbers = features[columns["labels"]], np.asarray(row[columns["labels"]])
            names = getattr(getattr(feature, "feature", feature), "names", None)
            labels = np.array(names)[numbers] if names else numbers
        yield _of_arrays(row[columns["frames"]], labels, name=name)
