"""Video frames: many frames in, a label for each out. Frames are pictures, or vectors such as a skeleton's points."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import seqkit
from seqkit.recipes.common import Classifies
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Encoder, Stack, Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Footage, Pipeline, Ragged, Windows
    from seqkit.data.sources import Role
    from seqkit.running import Forward

TIMELINES = 6  # recordings that the report shows


def video_frames(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/video_frames"),
    frames: str = "frames",
    labels: str = "labels",
    data_dir: str | None = None,
    frame_size: tuple[int, int] | None = None,
    window: int = 64,
    random_windows: bool = False,
    background: str | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    turned_copies: int = 0,
    encoder: Encoder = Encoder(),
    stack: Stack = Stack(cell="gru", units=(64,), dropout=0.3),
    training: Training = Training(epochs=8, batch_size=8, learning_rate=3e-3),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Label every frame of a recording: many frames in, as many labels out.

    Args:
        data: Training recordings: a folder of .npz, .gif and .mp4 files or folders of pictures, with their labels; a quoted
            pattern such as "recordings/s0[1-7]*.npz"; tfds:NAME, such as tfds:ucf101; in Python also (frames, labels);
            nothing for the built-in clips. seqkit.data.media says how labels are written.
        valid: Validation recordings of the same kind; nothing for a seeded tenth of the training recordings.
        test: Test recordings of the same kind, for the report; nothing for a report on the validation recordings.
        out: The run folder.
        frames: Array or feature of the frames.
        labels: Array or feature of the labels.
        data_dir: Where TFDS keeps prepared data sets.
        frame_size: Height and width to which pictures are brought as they are read.
        window: Frames of a piece in training: a one-directional stack carries its state from piece to piece, one that looks
            both ways takes each for itself; 0 for whole recordings. Recordings are always answered whole.
        random_windows: Draw the length of each piece from a half, three quarters and the whole of it; for a one-directional
            stack.
        background: A label whose runs are no segments for the edit score and F1.
        on_error: What to do about a recording that is broken: stop, or skip it, name it and go on.
        turned_copies: For points in space (encoder.points 3, y upwards): copies of each training recording, turned a little
            about the vertical.
        encoder: How frames become vectors.
        stack: The recurrent layers.
        training: How the weights are moved.
        seed: Seed of everything random.
        overwrite: Replace `out` if it exists.
        resume: Go on with the interrupted run of `out`.
        callbacks: Keras callbacks.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    """
    job = seqkit.job.Job(locals(), window=0, turned_copies=0)
    if turned_copies and encoder.points != 3:
        raise seqkit.InputError(
            f"turned_copies is {turned_copies} with encoder.points {encoder.points}: only points in space can be turned, "
            "with encoder.points 3."
        )
    columns = {"frames": frames, "labels": labels}
    with job:
        splits = job.splits(
            columns,
            builtin=seqkit.data.moving_digits,
            reader=functools.partial(seqkit.data.read_recordings, frame_size=frame_size, on_error=on_error),
        )
        if turned_copies:
            splits = dataclasses.replace(splits, train=_with_turned(splits.train, turned_copies, seed))
        films = [seqkit.data.film_of(cell) for cell in splits.train["frames"]]
        shape = films[0].values.shape[1:]
        trained, validated = _flat(splits.train["labels"]), _flat(splits.valid["labels"])
        classes = seqkit.data.learn_classes(trained, validated, splits.train.origin)
        if background is not None and background not in classes:
            raise seqkit.InputError(f"background is {background!r}: the labels are {', '.join(classes)}.")
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
        chunks = (chunk for film in films for chunk in film.chunks())
        model = seqkit.topologies.many_to_many(
            *seqkit.layers.embed_frames(shape, encoder, seqkit.layers.frame_statistics(chunks, encoder)),
            outputs=len(classes),
            stack=stack,
        )
        return job.done(
            task, model, splits, seqkit.objectives.classification(training, [trained.count(name) for name in classes])
        )


@dataclasses.dataclass(frozen=True)
class VideoFrames(Classifies):
    """What this recipe knows and a run doesn't (see seqkit.task.Task).

    Outputs are probabilities, (frames, classes) a row.
    """

    columns: dict[str, str]
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    frame_size: tuple[int, int] | None
    window: int
    random_windows: bool
    bidirectional: bool
    background: str | None
    on_error: Literal["stop", "skip"]
    recipe = "video_frames"
    in_step = True

    def to_json(self) -> dict[str, Any]:
        value = dataclasses.asdict(self) | {"labels": list(self.classes)}
        return {name: value[name] for name in value if name not in ("columns", "classes")}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        names = [field.name for field in dataclasses.fields(cls) if field.name not in ("columns", "classes")]
        kept: dict[str, Any] = {
            name: tuple(value[name]) if isinstance(value[name], list) else value[name] for name in names
        }
        return cls(columns, tuple(value["labels"]), **kept)

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        if "labels" in columns:
            kinds: dict[str, Any] = {"frame_size": self.frame_size, "on_error": self.on_error}
            return seqkit.data.read_recordings(source, columns, role=role, data_dir=data_dir, **kinds)
        return seqkit.data.open_recordings(source, self.columns, frame_size=self.frame_size)

    def opened(self, file: str, columns: dict[str, str]) -> Iterator[list[Any]]:
        for recording in seqkit.data.recordings(file, {"frames": columns["frames"]}):
            yield [recording]

    def encode(self, examples: Examples, batch_size: int) -> tuple[Footage, dict[str, Any]]:
        import numpy as np

        names = _names(examples)
        cells = examples["frames"]
        if any(isinstance(cell, seqkit.data.Recording) for cell in cells):  # to be decoded while they are answered
            return seqkit.data.Footage({}, {}, batch_size, films=tuple(cells), names=names), {}
        films = [seqkit.data.film_of(cell) for cell in cells]
        for film, name in zip(films, names, strict=True):
            self._must_fit(film.values, name)
        rows = seqkit.data.joined(films)
        facts = {"frames": len(rows.values)}
        columns: dict[str, Any] = {"frames": rows, "mask": _in_step(np.ones(len(rows.values), bool), rows)}
        if "labels" in examples.columns:
            labels = seqkit.data.encode_labels(_flat(examples["labels"]), self.classes)
            columns["targets"] = _in_step(labels, rows)
            columns["weights"] = _in_step(np.ones(len(rows.values), np.float32), rows)
            facts["unseen_labels"] = int((labels == seqkit.data.UNSEEN).sum())
        axes = {"frames": seqkit.data.boundaries(rows.lengths)}
        return seqkit.data.Footage(columns, axes, batch_size, films=tuple(films), names=names), facts

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline | Windows, dict[str, Any]]:
        import numpy as np

        footage, facts = self.encode(examples, batch_size)
        if not self.window:
            return footage, facts
        columns: dict[str, Any] = dict(footage.columns)
        if not self.bidirectional:
            slots = min(batch_size, len(examples))
            return seqkit.data.Windows(columns, "frames", slots, self.window, self.random_windows), facts
        pieces = [np.array_split(np.arange(length), -(-length // self.window)) for length in footage.lengths]
        lengths = np.array([len(piece) for row in pieces for piece in row])
        cut: dict[str, Any] = {
            name: seqkit.data.Ragged.of_lengths(column.values, lengths) for name, column in columns.items()
        }
        return seqkit.data.Pipeline(cut, {"frames": seqkit.data.boundaries(lengths, most=2)}, batch_size), facts

    def outputs(self, forward: Forward, pipeline: Footage) -> Ragged:
        import numpy as np
        from scipy.special import softmax

        label = seqkit.labelling.labeller(forward.model)
        rows = []
        for film, name in zip(pipeline.films, pipeline.names, strict=True):
            try:
                rows.append(softmax(label(self._must_fit(chunk, name) for chunk in film.chunks()), axis=-1))
            except seqkit.InputError as error:
                if self.on_error == "stop":
                    raise
                seqkit.progress.say(f"Left out: {error}")
                rows.append(np.zeros((0, len(self.classes)), np.float32))
        return seqkit.data.Ragged.of_lengths(np.concatenate(rows), np.array([len(row) for row in rows]))

    def _must_fit(self, frames: np.ndarray, name: str) -> np.ndarray:
        if frames.shape[1:] != self.shape:
            raise seqkit.InputError(
                f"{name} has frames of shape {frames.shape[1:]}, the model reads {self.shape}: bring them to its shape."
            )
        return frames

    def answers(self, examples: Examples, outputs: Ragged) -> list[dict[str, Any]]:
        answers = []
        for row, name in enumerate(examples["recording"]):
            called = {} if name is None else {"recording": name}
            labels = [self.classes[place] for place in outputs[row].argmax(axis=1)]
            confidence = [round(float(share), 4) for share in outputs[row].max(axis=1)]
            answers.append(called | {"segments": _runs(labels), "labels": labels, "confidence": confidence})
        return answers

    def scorer(self, examples: Examples, outputs: Ragged) -> Callable[[np.ndarray], dict[str, float]]:
        truths = [seqkit.data.encode_labels(labels, self.classes) for labels in examples["labels"]]
        predictions = [outputs[row].argmax(axis=1) for row in range(len(examples))]
        background = None if self.background is None else self.classes.index(self.background)
        return seqkit.segments.segment_scorer(truths, predictions, len(self.classes), background)

    def sections(self, model: keras.Model, examples: Examples, outputs: Ragged) -> dict[str, Any]:
        labels = seqkit.data.encode_labels(_flat(examples["labels"]), self.classes)
        probabilities = outputs.values
        counts = seqkit.metrics.confusion(labels, probabilities.argmax(axis=1), len(self.classes))
        names = _names(examples)
        return {
            "items": "frames",
            "background": self.background,
            "macro": seqkit.metrics.macro(labels, probabilities),
            "per_class": seqkit.metrics.per_class(labels, probabilities, self.classes),
            "confusion": {"labels": list(self.classes), "counts": counts},
            "timelines": [
                {
                    "recording": names[row],
                    "truth": _runs(examples["labels"][row]),
                    "prediction": _runs([self.classes[place] for place in outputs[row].argmax(axis=1)]),
                }
                for row in range(min(len(examples), TIMELINES))
            ],
        }

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        films = [seqkit.data.film_of(cell) for cell in train["frames"]]
        return {
            "majority": seqkit.baselines.Majority.fit(_flat(train["labels"]), self.classes),
            "single_frame": seqkit.baselines.SingleFrame.fit(films, train["labels"], self.classes),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {"majority": seqkit.baselines.Majority, "single_frame": seqkit.baselines.SingleFrame}
        return kinds[path.stem].load(path)

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Ragged:
        import numpy as np

        films = [seqkit.data.film_of(cell) for cell in examples["frames"]]
        rows = [baseline.probabilities(chunk) for film in films for chunk in film.chunks()]
        return seqkit.data.Ragged.of_lengths(np.concatenate(rows), np.array([len(film) for film in films]))

    def in_keras(self) -> dict[str, Any]:
        import keras

        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "weighted_metrics": ["accuracy"]}

    def asked(self, examples: Examples) -> tf.Tensor:
        import numpy as np
        import tensorflow as tf

        films = [seqkit.data.film_of(cell) for cell in examples["frames"]]
        padded = np.full((len(films), max(map(len, films)), *self.shape), np.nan, np.float32)
        for row, film in zip(padded, films, strict=True):
            row[: len(film)] = film[:]
        return tf.constant(padded)

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.FrameLabeller(model, self.classes), "probabilities"


def _with_turned(train: Examples, copies: int, seed: int) -> Examples:
    films = [seqkit.data.film_of(cell) for cell in train["frames"]]
    more = {"frames": films + seqkit.data.turned(films, copies=copies, seed=seed)}
    columns = {name: more.get(name) or values * (copies + 1) for name, values in train.columns.items()}
    return seqkit.data.Examples(columns, f"{train.origin}, and {copies} turned copies of each")


def _names(examples: Examples) -> tuple[str, ...]:
    """Of the recordings; an array's is its place."""
    names = examples.columns.get("recording") or [None] * len(examples)
    return tuple(name or f"recording {row}" for row, name in enumerate(names))


def _flat(labels: Sequence[Sequence[str]]) -> list[str]:
    return [label for row in labels for label in row]


def _in_step(values: np.ndarray, rows: Ragged) -> Ragged:
    return seqkit.data.Ragged(values, rows.offsets)


def _runs(labels: Any) -> list[dict[str, Any]]:
    """Labels as segments."""
    import numpy as np

    names, places = np.unique(np.array(labels, str), return_inverse=True)
    starts, ends, labelled = seqkit.segments.segments(places)
    return [
        {"label": str(names[place]), "start": int(start), "end": int(end)}
        for start, end, place in zip(starts, ends, labelled, strict=True)
    ]
