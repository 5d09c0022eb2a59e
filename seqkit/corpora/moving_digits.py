"""Built-in clips: a digit that moves or changes its size, one label a frame, which no single frame can tell."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits

CANVAS = 20  # pixels of a side
SIZES = (7.0, 15.0)  # pixels of the digit's side
STEP, GROWTH = 1.0, 0.8  # pixels a frame: of its centre, of its side
RUN = (4, 9)  # frames of one motion, from the first to one less than the second
MOTIONS = {  # (down, right, growth) a frame
    "still": (0.0, 0.0, 0.0),
    "left": (0.0, -STEP, 0.0),
    "right": (0.0, STEP, 0.0),
    "up": (-STEP, 0.0, 0.0),
    "down": (STEP, 0.0, 0.0),
    "growing": (0.0, 0.0, GROWTH),
    "shrinking": (0.0, 0.0, -GROWTH),
}


def moving_digits(seed: int = 0, clips: int = 480) -> dict[str, dict[str, list[Any]]]:
    """Clips of a handwritten digit (scikit-learn's) that goes left, right, up or down, grows, shrinks or rests.

    A frame's label is what has happened since the frame before, so that frame is all that is needed beside it: the best
    possible accuracy is 100%. The first frame of a clip, which nothing has gone before, is "still". A single frame tells
    little: at the left edge, say, the digit has more often come from the right than from the left.

    Args:
        seed: two calls with one seed give the same clips.
        clips: how many altogether; three quarters for training, an eighth each for validation and test, all three drawn
            from different handwritten digits.
    Returns:
        {"train", "valid", "test"}, each {"recording": names, "frames": uint8 (frames, 20, 20, 1) a clip, "labels": a tuple
        of strings a clip}; clips of 30 to 60 frames.
    Raises:
        ValueError: `clips` is under 16.
    """
    if clips < 16:
        raise ValueError(f"clips={clips}: give at least 16, so that each part has some.")
    rng = np.random.default_rng(seed)
    images = rng.permutation(load_digits().images)
    eighth = clips // 8
    sizes = {"train": clips - 2 * eighth, "valid": eighth, "test": eighth}
    borders = np.linspace(0, len(images), 9).astype(int)[[0, 6, 7, 8]]
    parts = {}
    for place, (name, size) in enumerate(sizes.items()):
        drawn = rng.integers(borders[place], borders[place + 1], size)
        videos, labels = zip(*(_clip(images[number], rng) for number in drawn), strict=True)
        names = [f"{name} clip {number}" for number in range(size)]
        parts[name] = {"recording": names, "frames": list(videos), "labels": list(labels)}
    return parts


def _clip(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, tuple[str, ...]]:
    length = int(rng.integers(30, 61))
    side = rng.uniform(*SIZES)
    centre = rng.uniform(side / 2, CANVAS - side / 2, 2)
    labels, frames = ["still"], [draw_digit(image, centre, side, CANVAS)]
    motions = _motions(rng)
    while len(frames) < length:
        motion = next(motions)
        *step, growth = MOTIONS[motion]
        if _fits(centre + step, side + growth):
            centre, side = centre + step, side + growth
            labels.append(motion)
            frames.append(draw_digit(image, centre, side, CANVAS))
        else:
            motions = _motions(rng, but=motion)
    return np.array(frames)[..., None], tuple(labels)


def _motions(rng: np.random.Generator, but: str = "still") -> Iterator[str]:
    """Motions without end, each for a while, none twice in a row."""
    names = list(MOTIONS)
    place = names.index(but)
    while True:
        place = (place + int(rng.integers(1, len(names)))) % len(names)
        yield from [names[place]] * int(rng.integers(*RUN))


def _fits(centre: np.ndarray, side: float) -> bool:
    """Whether the digit is inside the canvas and of a size that it may have."""
    inside = (centre >= side / 2).all() and (centre <= CANVAS - side / 2).all()
    return bool(inside and SIZES[0] <= side <= SIZES[1])


def draw_digit(
    image: np.ndarray, centre: np.ndarray, side: float, canvas: int, shape: np.ndarray | None = None
) -> np.ndarray:
    """uint8, (canvas, canvas): an image of values from 0 to 16 at this place and size, interpolated linearly.

    Args:
        shape: float, (2, 2), from (down, right) on the canvas to (down, right) in the image: how it is turned and slanted;
            None for neither.
    """
    pixels = np.arange(canvas) + 0.5
    away = np.stack(np.meshgrid(*(pixels - middle for middle in centre), indexing="ij"))  # (2, canvas, canvas)
    if shape is not None:
        away = np.tensordot(shape, away, 1)
    places = away * (len(image) / side) + len(image) / 2 - 0.5
    drawn: np.ndarray = map_coordinates(image, places, order=1, cval=0.0)
    return np.round(drawn * (255 / 16)).astype(np.uint8)
