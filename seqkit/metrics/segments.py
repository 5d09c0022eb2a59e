"""Scores of labels over time: by frame, and by segment as the papers on action segmentation have them.

A segment is a longest run of one label. Frame accuracy hardly sees a run that is cut into pieces; the edit score and F1
over segments do (Lea et al. 2017, "Temporal Convolutional Networks for Action Segmentation and Detection"; the thresholds
10, 25 and 50 as in Farha and Gall 2019, "MS-TCN").
"""

from collections.abc import Sequence

import numpy as np

from seqkit.metrics.classification import macro_f1, occurring_classes
from seqkit.metrics.sums import Summed, summed

OVERLAPS = {"f1_at_10": 0.10, "f1_at_25": 0.25, "f1_at_50": 0.50}
Segments = tuple[np.ndarray, np.ndarray, np.ndarray]


def segments(labels: np.ndarray, background: int | None = None) -> Segments:
    """The longest runs of one label.

    Args:
        labels: int, (frames,).
        background: A label whose runs are no segments.
    Returns:
        Starts, ends (the first frame that is no longer in) and labels, int (segments,) each, in order of time.
    """
    changes = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([np.zeros(min(len(labels), 1), np.int64), changes])
    ends = np.concatenate([changes, np.full(min(len(labels), 1), len(labels), np.int64)])
    kept = labels[starts] != background if background is not None else np.ones(len(starts), bool)
    return starts[kept], ends[kept], labels[starts][kept]


def edit_score(truth: Segments, found: Segments) -> float:
    """1 - the Levenshtein distance of the segments' labels / the greater number of segments (Lea et al. 2017).

    It asks for the right order and doesn't look at the time. Two recordings without segments are alike: 1.
    """
    ours, theirs = found[2], truth[2]
    longest = max(len(ours), len(theirs))
    if not longest:
        return 1.0
    places = np.arange(len(theirs) + 1)
    distances = places  # from no segment of ours to the first so many of theirs
    for number, label in enumerate(ours, start=1):
        replaced_or_dropped = np.minimum(distances[:-1] + (theirs != label), distances[1:] + 1)
        best = np.concatenate([[number], replaced_or_dropped])
        distances = np.minimum.accumulate(best - places) + places  # or so many of theirs inserted
    return 1.0 - float(distances[-1]) / longest


def matched_segments(truth: Segments, found: Segments, overlap: float) -> int:
    """How many of the found segments count as right (Lea et al. 2017).

    In order of time, each one takes the true segment of its label with which its intersection over union is greatest; it
    is right where that is at least `overlap` and no other took that segment before.
    """
    starts, ends, labels = truth
    if not len(labels):
        return 0
    taken = np.zeros(len(labels), bool)
    for start, end, label in zip(*found, strict=True):
        intersections = np.minimum(ends, end) - np.maximum(starts, start)
        unions = np.maximum(ends, end) - np.minimum(starts, start)
        shares = np.where(labels == label, intersections / unions, 0.0)
        best = int(shares.argmax())
        taken[best] |= shares[best] >= overlap
    return int(taken.sum())


def segment_scorer(
    truths: Sequence[np.ndarray], predictions: Sequence[np.ndarray], background: int | None = None
) -> Summed:
    """Scores over recordings.

    Args:
        truths: int, (frames,) a recording; of labels that the model doesn't know too, which are always wrong.
        predictions: int, (frames,) a recording.
        background: A label whose runs are no segments; it counts in the first two scores.
    Returns:
        A function from recording numbers to frame_accuracy and macro_f1, over all their frames, see
        `seqkit.metrics.classification.macro_f1`; edit_score, the mean over recordings; f1_at_10, f1_at_25 and f1_at_50, of
        all their segments together. Shares, from 0 to 1.
    """
    labels = np.arange(max(int(part.max(initial=0)) for part in (*truths, *predictions)) + 1)
    frames, edits, found, there = [], [], [], []
    hits: list[list[int]] = []
    for truth, prediction in zip(truths, predictions, strict=True):
        ours, theirs = segments(prediction, background), segments(truth, background)
        parts = (prediction[prediction == truth], truth, prediction)
        frames.append([np.bincount(part, minlength=len(labels)) for part in parts])
        edits.append(edit_score(theirs, ours))
        found.append(len(ours[2]))
        there.append(len(theirs[2]))
        hits.append([matched_segments(theirs, ours, overlap) for overlap in OVERLAPS.values()])
    both = np.array(found) + np.array(there)
    counts = np.array(frames).reshape(len(frames), -1)  # (recordings, 3 labels)
    columns = [np.ones(len(frames)), np.array(edits), both, np.array(hits), counts]
    return summed(columns, segment_scores, lambda sums: occurring_classes(sums[3 + len(OVERLAPS) :]))


def segment_scores(sums: np.ndarray, *, occurring: int | None) -> dict[str, float]:
    """Scores of summed counts.

    Args:
        sums: float: recordings, their edit scores, segments of truth and prediction together; those that are right at each
            overlap; then of each label frames that are right, have it, are said to have it.
        occurring: As in `seqkit.metrics.classification.class_scores`.
    """
    recordings, edits, segments_of_both = sums[:3]
    hits, (right, truth, predicted) = sums[3 : 3 + len(OVERLAPS)], sums[3 + len(OVERLAPS) :].reshape(3, -1)
    f1 = 2.0 * hits / segments_of_both if segments_of_both else np.ones(len(OVERLAPS))
    return {
        "frame_accuracy": float(right.sum() / truth.sum()),
        "macro_f1": macro_f1(right, truth, predicted, occurring),
        "edit_score": float(edits / recordings),
    } | {name: float(value) for name, value in zip(OVERLAPS, f1, strict=True)}
