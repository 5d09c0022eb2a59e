"""Video frames: many frames in, a label for each out. Frames are images, or vectors such as a skeleton's points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from seqkit.baselines.classifiers import Majority, SingleFrame
from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Training
from seqkit.export.description import LABELS, Description
from seqkit.export.serving import FrameLabeller
from seqkit.inference.long_recordings import recording_labeller
from seqkit.metrics.classification import macro, per_class
from seqkit.metrics.confusion import confusion
from seqkit.metrics.judged import Items, Judged, of_names, of_sizes
from seqkit.metrics.segments import segment_scorer, segments
from seqkit.runs.task import Baseline, Facts, Scorer
from seqkit.sources.examples import Examples, OnError, Role
from seqkit.sources.recordings import Recording, open_recordings, read_recordings, recordings
from seqkit.sources.videos import VideoBatches, joined_videos, turned_copies, video_of
from seqkit.tasks.roles import Baselines, Inputs, Outputs, Scores
from seqkit.text.labels import UNSEEN, count_labels, encode_labels, with_unseen
from seqkit.training.executor import Forward
from seqkit.training.objectives import Objective, classification

TIMELINES = 6  # recordings that the report shows


@dataclasses.dataclass(frozen=True)
class Labelled(Ragged):
    """Probabilities, (frames, classes) a recording.

    Attributes:
        left_out: Recording -> why it can't be read; it has no frames.
    """

    left_out: Mapping[int, str]


@dataclasses.dataclass(frozen=True)
class VideoFrames(Inputs, Outputs, Scores, Baselines):
    """What this recipe knows and a run doesn't.

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
    on_error: OnError
    splits_texts = False
    recipe = "video_frames"
    judged_by = "frame_accuracy"
    in_step = True
    metrics = ("frame_accuracy", "macro_f1", "edit_score", "f1_at_10", "f1_at_25", "f1_at_50")
    monitor = "val_accuracy"  # of frames, which is counted anyway

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
            return read_recordings(source, columns, role=role, data_dir=data_dir, **kinds)
        return open_recordings(source, self.columns, frame_size=self.frame_size)

    def inputs_of(self, file: str, columns: dict[str, str]) -> Iterator[list[Any]]:
        for recording in recordings(file, {"frames": columns["frames"]}):
            yield [recording]

    def encode(self, examples: Examples, batch_size: int) -> tuple[VideoBatches, Facts]:
        names = _names(examples)
        cells = examples["frames"]
        if any(isinstance(cell, Recording) for cell in cells):  # to be decoded while they are answered
            return VideoBatches({}, {}, batch_size, videos=tuple(cells), names=names), {}
        videos = [video_of(cell) for cell in cells]
        for video, name in zip(videos, names, strict=True):
            self._must_fit(video.values, name)
        rows = joined_videos(videos)
        facts = {"frames": len(rows.values)}
        columns: dict[str, Any] = {"frames": rows, "mask": _in_step(np.ones(len(rows.values), bool), rows)}
        if "labels" in examples.columns:
            labels = encode_labels(flat_labels(examples["labels"]), self.classes)
            seen: np.ndarray = labels != UNSEEN
            columns["targets"] = _in_step(np.where(seen, labels, 0), rows)
            columns["weights"] = _in_step(seen.astype(np.float32), rows)
            facts["unseen_labels"] = int((~seen).sum())
        axes = {"frames": boundaries(rows.lengths)}
        return VideoBatches(columns, axes, batch_size, videos=tuple(videos), names=names), facts

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline | Windows, Facts]:
        batches, facts = self.encode(examples, batch_size)
        if not self.window:
            return batches, facts
        columns: dict[str, Any] = dict(batches.columns)
        if not self.bidirectional:
            slots = min(batch_size, len(examples))
            return Windows(columns, "frames", slots, self.window, self.random_windows), facts
        pieces = [np.array_split(np.arange(length), -(-length // self.window)) for length in batches.lengths]
        lengths = np.array([len(piece) for row in pieces for piece in row])
        cut: dict[str, Any] = {name: Ragged.of_lengths(column.values, lengths) for name, column in columns.items()}
        return Pipeline(cut, {"frames": boundaries(lengths, most=2)}, batch_size), facts

    def outputs(self, forward: Forward, pipeline: VideoBatches) -> Labelled:
        label = forward.made(recording_labeller)
        rows: list[np.ndarray] = []
        left_out = {}
        for video, name in zip(pipeline.videos, pipeline.names, strict=True):
            try:
                rows.append(softmax(label(self._must_fit(chunk, name) for chunk in video.chunks()), axis=-1))
            except InputError as error:
                if self.on_error == "stop":
                    raise
                notify(f"Left out: {error}")
                left_out[len(rows)] = str(error)
                rows.append(np.zeros((0, len(self.classes)), np.float32))
            for finding in video.notices.news() if isinstance(video, Recording) else ():
                notify(str(finding))
        flat = Ragged.of_lengths(np.concatenate(rows), np.array([len(row) for row in rows]))
        return Labelled(flat.values, flat.offsets, left_out)

    def opened(self, examples: Examples) -> Pipeline:
        """The frames of recordings, decoded."""
        pairs = zip(examples["frames"], _names(examples), strict=True)
        videos = [
            video_of(np.concatenate([self._must_fit(chunk, name) for chunk in cell.chunks()])) for cell, name in pairs
        ]
        rows = joined_videos(videos)
        columns: dict[str, Any] = {"frames": rows, "mask": _in_step(np.ones(len(rows.values), bool), rows)}
        return Pipeline(columns, {"frames": (int(rows.lengths.max()),)}, len(videos))

    def _must_fit(self, frames: np.ndarray, name: str) -> np.ndarray:
        if frames.shape[1:] != self.shape:
            raise InputError(
                f"{name} has frames of shape {frames.shape[1:]}, the model reads {self.shape}: bring them to its shape."
            )
        return frames

    def answers(self, examples: Examples, outputs: Labelled) -> list[dict[str, Any]]:
        answers = []
        for row, name in enumerate(examples["recording"]):
            called = {} if name is None else {"recording": name}
            if row in outputs.left_out:
                answers.append(called | {"left_out": outputs.left_out[row]})
                continue
            labels = [self.classes[place] for place in outputs[row].argmax(axis=1)]
            confidence = [round(float(share), 4) for share in outputs[row].max(axis=1)]
            answers.append(called | {"segments": _runs(labels), "labels": labels, "confidence": confidence})
        return answers

    def truths(self, examples: Examples) -> Any:
        return examples["labels"]

    def scorer(self, examples: Examples, outputs: Ragged) -> Scorer:
        names = with_unseen(flat_labels(examples["labels"]), self.classes)
        truths = [encode_labels(labels, names) for labels in examples["labels"]]
        predictions = [outputs[row].argmax(axis=1) for row in range(len(examples))]
        background = None if self.background is None else self.classes.index(self.background)
        return segment_scorer(truths, predictions, background)

    def items(self, examples: Examples) -> Items:
        """Frames."""
        lengths = np.array([len(labels) for labels in examples["labels"]])
        traits = {"label": of_names(flat_labels(examples["labels"])), "length": of_sizes(np.repeat(lengths, lengths))}
        return Items(np.repeat(np.arange(len(lengths)), lengths), traits)

    def judged(self, examples: Examples, outputs: Ragged) -> Judged:
        said = [self.classes[place] for place in outputs.values.argmax(axis=1)]
        truths = flat_labels(examples["labels"])
        return Judged(np.array([label == truth for label, truth in zip(said, truths, strict=True)], float), said)

    def sections(self, model: keras.Model, examples: Examples, outputs: Ragged) -> dict[str, Any]:
        labels = with_unseen(flat_labels(examples["labels"]), self.classes)
        truth, predicted = encode_labels(flat_labels(examples["labels"]), labels), outputs.values.argmax(axis=1)
        names = _names(examples)
        return {
            "items": "frames",
            "background": self.background,
            "macro": macro(truth, predicted),
            "per_class": per_class(truth, predicted, labels),
            "confusion": confusion(truth, predicted, labels),
            "timelines": [
                {
                    "recording": names[row],
                    "truth": _runs(examples["labels"][row]),
                    "prediction": _runs([self.classes[place] for place in outputs[row].argmax(axis=1)]),
                }
                for row in range(min(len(examples), TIMELINES))
            ],
        }

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "majority": lambda: Majority.fit(flat_labels(train["labels"]), self.classes),
            "single_frame": lambda: SingleFrame.fit(
                [video_of(cell) for cell in train["frames"]], train["labels"], self.classes
            ),
        }

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy a frame, with the training frames' classes counted for their weights."""
        return classification(training, count_labels(flat_labels(train["labels"]), self.classes))

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return {"majority": Majority, "single_frame": SingleFrame}

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Ragged:
        videos = [video_of(cell) for cell in examples["frames"]]
        rows = [baseline.probabilities(chunk) for video in videos for chunk in video.chunks()]
        return Ragged.of_lengths(np.concatenate(rows), np.array([len(video) for video in videos]))

    def in_keras(self) -> dict[str, Any]:
        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "weighted_metrics": ["accuracy"]}

    def description(self, model: keras.Model) -> Description:
        return Description("label_frames", {"shape": list(self.shape)}, labels={LABELS: list(self.classes)})

    def serving(self, model: keras.Model) -> tf.Module:
        return FrameLabeller(model, self.classes)


def with_turned_copies(train: Examples, copies: int, seed: int) -> Examples:
    videos = [video_of(cell) for cell in train["frames"]]
    more = {"frames": videos + turned_copies(videos, copies=copies, seed=seed)}
    columns = {name: more.get(name) or list(values) * (copies + 1) for name, values in train.columns.items()}
    return Examples(columns, f"{train.origin}, and {copies} turned copies of each", findings=train.findings)


def _names(examples: Examples) -> tuple[str, ...]:
    """Of the recordings; an array's is its place."""
    names = examples.columns.get("recording") or [None] * len(examples)
    return tuple(name or f"recording {row}" for row, name in enumerate(names))


def flat_labels(labels: Sequence[Sequence[str]]) -> list[str]:
    return [label for row in labels for label in row]


def _in_step(values: np.ndarray, rows: Ragged) -> Ragged:
    return Ragged(values, rows.offsets)


def _runs(labels: Any) -> list[dict[str, Any]]:
    """Labels as segments."""
    names, places = np.unique(np.array(labels, str), return_inverse=True)
    starts, ends, labelled = segments(places)
    return [
        {"label": str(names[place]), "start": int(start), "end": int(end)}
        for start, end, place in zip(starts, ends, labelled, strict=True)
    ]
