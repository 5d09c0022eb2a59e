"""Video frames: many frames in, a label for each out. Frames are images, or vectors such as a skeleton's points."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Annotated, Literal, Unpack

from seqkit.core.arguments import Arguments, Plays, RunOptions, Source, recipe
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import CLASSES, IN_STEP, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run
    from seqkit.sources.splits import Splits


def _unread(given: Arguments) -> dict[str, str]:
    """Windows that there are none of, and a width that is a backbone's."""
    backbone = given["encoder"].backbone
    pooled = {"encoder.units": f"the backbone {backbone}"} if backbone else {}
    whole = {} if given["window"] else {"random_windows": "training on whole recordings (window 0)"}
    if given["window"] and not given["stack"].bidirectional:
        whole["training.batch_tokens"] = "training on windows (window times training.batch_size steps a batch)"
    return pooled | whole | ({"random_windows": "a stack that looks both ways"} if given["stack"].bidirectional else {})


@recipe(
    task="seqkit.tasks.video_frames:VideoFrames",
    least={"window": 0, "turned_copies": 0},
    reads=IN_STEP | CLASSES,
    unread=_unread,
    first=(
        "data",
        "test",
        "out",
        "frame_size",
        "window",
        "encoder.changes",
        "stack.cell",
        "stack.units",
        "training.epochs",
        "training.learning_rate",
    ),
)
def video_frames(
    data: Source = None,
    *,
    frames: str = "frames",
    labels: str = "labels",
    frame_size: tuple[int, int] | None = None,
    window: int = 64,
    random_windows: bool = False,
    background: Annotated[str | None, Plays("answers")] = None,
    on_error: Annotated[Literal["stop", "skip"], Plays("source")] = "stop",
    turned_copies: int = 0,
    encoder: Encoder = Encoder(),
    stack: Stack = Stack(cell="gru", units=(64,), dropout=0.3),
    training: Training = Training(epochs=8, batch_size=8, learning_rate=3e-3),
    **run: Unpack[RunOptions],
) -> Run:
    """Label every frame of a recording: many frames in, as many labels out.

    Args:
        data: Training recordings: a folder of .npz, .gif and .mp4 files or folders of images, with their labels; a quoted
            pattern such as "recordings/s0[1-7]*.npz"; tfds:NAME, such as tfds:ucf101; in Python also (frames, labels);
            nothing for the built-in clips. seqkit.sources.recordings says how labels are written.
        frames: Array or feature of the frames.
        labels: Array or feature of the labels.
        frame_size: Height and width to which images are brought as they are read.
        window: Frames of a piece in training: a one-directional stack carries its state from piece to piece, one that looks
            both ways takes each for itself; 0 for whole recordings. Recordings are always answered whole.
        random_windows: Draw the length of each piece from a half, three quarters and the whole of it; for a one-directional
            stack.
        background: A label whose runs are no segments for the edit score and F1.
        on_error: What to do about a recording that is broken: stop, or skip it, name it and go on; in training as in
            evaluate and predict.
        turned_copies: For points in space (encoder.points 3, y upwards): copies of each training recording, turned a little
            about the vertical; not with encoder.times.
        encoder: How frames become vectors.
        stack: The recurrent layers.
        training: How the weights are moved.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import video_frames
        >>> frames = [rng.normal(size=(steps, 3)) for steps in (5, 8) * 12]  # features of each frame
        >>> labels = [["up" if frame[0] > 0 else "down" for frame in clip] for clip in frames]
        >>> run = video_frames((frames, labels), stack=one_layer, training=small["training"], out="clips")
        >>> len(run.predict([frames[0].tolist()])[0]["labels"])
        5
    """
    arguments = locals()
    from seqkit.corpora.moving_digits import moving_digits
    from seqkit.layers.frames import embed_frames, frame_statistics
    from seqkit.runs.builder import RunBuilder
    from seqkit.sources.recordings import read_recordings
    from seqkit.sources.videos import video_of
    from seqkit.tasks.video_frames import VideoFrames, flat_labels, with_turned_copies
    from seqkit.text.labels import learn_classes
    from seqkit.topologies.many_to_many import many_to_many

    if turned_copies and encoder.points != 3:
        raise InputError(
            f"turned_copies is {turned_copies} with encoder.points {encoder.points}: only points in space can be turned, "
            "with encoder.points 3."
        )
    if turned_copies and encoder.times:
        raise InputError(
            f"turned_copies is {turned_copies} with encoder.times on: a time can't be turned, leave one of them off."
        )
    columns = {"frames": frames, "labels": labels}

    def with_copies(splits: Splits) -> Splits:
        return dataclasses.replace(splits, train=with_turned_copies(splits.train, turned_copies, run["seed"]))

    with RunBuilder(video_frames, arguments) as making:
        splits = making.splits(
            columns,
            builtin=moving_digits,
            reader=functools.partial(read_recordings, frame_size=frame_size, on_error=on_error),
            settings={"frame_size": frame_size},
            change=with_copies if turned_copies else None,
        )
        videos = [video_of(cell) for cell in splits.train["frames"]]
        shape = videos[0].values.shape[1:]
        if frame_size and len(shape) == 1:
            raise InputError(f"frame_size is {frame_size}, but the frames are vectors, which have none: leave it out.")
        trained, validated = flat_labels(splits.train["labels"]), flat_labels(splits.valid["labels"])
        classes = learn_classes(trained, validated, splits.train.origin)
        if background is not None and background not in classes:
            raise InputError(f"background is {background!r}: the labels are {', '.join(classes)}.")
        task = VideoFrames(
            columns,
            classes,
            shape,
            frame_size,
            window,
            random_windows,
            stack.bidirectional,
            background,
            on_error,
        )
        chunks = (chunk for video in videos for chunk in video.chunks())
        model = many_to_many(
            *embed_frames(shape, encoder, frame_statistics(chunks, encoder)),
            outputs=len(classes),
            stack=stack,
            timed=encoder.times,
        )
        return making.done(task, model, splits)
