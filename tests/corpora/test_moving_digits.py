"""The built-in clips: two frames tell the motion, one doesn't."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from seqkit.corpora.moving_digits import draw_digit, moving_digits

SHIFTS = {"still": (0, 0), "left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def seen(before, after):
    """What happened between two frames, found without knowing how they were drawn: by shifting, or by the ink's spread."""
    for name, shift in SHIFTS.items():
        if np.abs(np.roll(before, shift, (0, 1)).astype(int) - after).max() <= 1:
            return name
    return "growing" if spread(after) > spread(before) else "shrinking"


def spread(frame):
    """Mean square distance of the ink from its centre."""
    ink = frame.astype(float) / frame.sum()
    rows, columns = np.indices(frame.shape)
    middle = (ink * rows).sum(), (ink * columns).sum()
    return (ink * ((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)).sum()


def test_two_frames_tell_every_label():
    """So the ceiling is 100%."""
    part = moving_digits(seed=3, clips=32)["train"]
    for frames, labels in zip(part["frames"], part["labels"], strict=True):
        assert frames.dtype == np.uint8
        assert frames.shape == (len(labels), 20, 20, 1)
        assert 30 <= len(labels) <= 60
        found = [seen(*pair) for pair in zip(frames[:-1, ..., 0], frames[1:, ..., 0], strict=True)]
        assert ["still", *found] == list(labels)
        assert len(set(labels)) >= 3  # motions change in mid-clip


def test_a_single_frame_tells_little():
    clips = moving_digits()
    train, test = (
        (np.concatenate(clips[name]["frames"]).reshape(-1, 400) / 255, np.concatenate(clips[name]["labels"]))
        for name in ("train", "test")
    )
    assert RidgeClassifier().fit(*train).score(*test) < 0.35


def test_parts_show_different_digits_and_every_motion():
    clips = moving_digits(seed=1, clips=160)
    assert {name: len(part["recording"]) for name, part in clips.items()} == {"train": 120, "valid": 20, "test": 20}
    for part in clips.values():
        assert {label for labels in part["labels"] for label in labels} == {*SHIFTS, "growing", "shrinking"}
    frames = [frame.tobytes() for part in clips.values() for film in part["frames"] for frame in film[:1]]
    assert len(set(frames)) == len(frames)


def test_one_seed_one_set_of_clips():
    one, same, other = (moving_digits(seed=seed, clips=16) for seed in (1, 1, 2))
    assert one["train"]["labels"] == same["train"]["labels"] != other["train"]["labels"]
    for left, right in zip(one["test"]["frames"], same["test"]["frames"], strict=True):
        np.testing.assert_array_equal(left, right)


def test_too_few_clips_are_refused():
    with pytest.raises(ValueError, match="clips=3"):
        moving_digits(clips=3)


def test_a_shape_turns_and_mirrors_what_is_drawn():
    image, placed = np.random.default_rng(0).integers(0, 17, (8, 8)), (np.array([7.0, 7.0]), 9.0, 14)
    plain = draw_digit(image, *placed)
    np.testing.assert_array_equal(draw_digit(image, *placed, np.array([[0, -1], [1, 0]])), np.rot90(plain, -1))
    np.testing.assert_array_equal(draw_digit(image, *placed, np.array([[1, 0], [0, -1]])), plain[:, ::-1])
