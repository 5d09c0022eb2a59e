"""Built-in scenes: handwritten digits here and there in a frame, described by place and relation, and asked about."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from seqkit.data.moving_digits import drawn
from seqkit.data.pictures import Picture

SIDE = 3  # places of a side
PLACE = 12  # pixels of a place's side
FRAME = SIDE * PLACE
SIZES = (9.0, 12.0)  # pixels of a digit's side
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLACES = (
    *("top left", "top", "top right"),
    *("left", "middle", "right"),
    *("bottom left", "bottom", "bottom right"),
)
NEIGHBOURS = {"above": (-1, 0), "below": (1, 0), "left of": (0, -1), "right of": (0, 1)}  # (down, right)


class Scene(NamedTuple):
    """Digits by place: place, row by row from 0 to 8 -> digit, from 0 to 9."""

    digits: dict[int, int]

    def places(self, digit: int) -> list[int]:
        """Where this digit is."""
        return [place for place, other in self.digits.items() if other == digit]

    def single(self) -> list[int]:
        """Digits that are there once."""
        return [digit for digit in sorted(set(self.digits.values())) if len(self.places(digit)) == 1]


def described_scenes(seed: int = 0, scenes: int = 4000) -> dict[str, dict[str, list[Any]]]:
    """Scenes of one to three digits with the one caption that is right: "a three at the top, a seven below it to the left".

    The digits come row by row. The first is told with its place, each other with where it is as seen from the one before.

    Args:
        seed: Two calls with one seed give the same scenes.
        scenes: How many altogether; three quarters for training, an eighth each for validation and test, drawn from
            different handwritten digits.
    Returns:
        {"train", "valid", "test"}, each {"image": `Picture`s of 36 x 36, "caption"}.
    Raises:
        ValueError: `scenes` is under 16.
    """
    parts: dict[str, dict[str, list[Any]]] = {}
    for name, made, values in _drawn_scenes(seed, scenes, most=3):
        captions = [caption(scene) for scene in made]
        parts[name] = {"image": [Picture(values, place) for place in range(len(made))], "caption": captions}
    return parts


def caption(scene: Scene) -> str:
    """What `described_scenes` says of a scene."""
    (first, digit), *others = sorted(scene.digits.items())
    words = [f"{_one(digit)} at the {PLACES[first]}"]
    before = first
    for place, digit in others:
        words.append(f"{_one(digit)} {_seen_from(before, place)}")
        before = place
    return ", ".join(words)


def asked_scenes(seed: int = 0, scenes: int = 2400) -> dict[str, dict[str, list[Any]]]:
    """Scenes of two to four digits with questions: where, what, how many, is there, what is beside, is this above that.

    The picture is needed for every answer and the question too; in "is the two above the five?" the order of the words
    decides. Yes and no are equally frequent in each kind of question.

    Args:
        seed: Two calls with one seed give the same scenes.
        scenes: How many altogether; three quarters for training, an eighth each for validation and test, drawn from
            different handwritten digits.
    Returns:
        {"train", "valid", "test"}, each {"image": `Picture`s of 36 x 36, "question", "answer"}, five or six rows a scene.
    Raises:
        ValueError: `scenes` is under 16.
    """
    parts = {}
    rng = np.random.default_rng((seed, 1))
    for name, made, values in _drawn_scenes(seed, scenes, least=2, most=4):
        rows = [
            (Picture(values, place), *row)
            for place, scene in enumerate(made)
            for ask in QUESTIONS
            if (row := ask(scene, rng)) is not None
        ]
        columns = map(list, zip(*rows, strict=True))
        parts[name] = dict(zip(("image", "question", "answer"), columns, strict=True))
    return parts


Asked = tuple[str, str] | None


def _where(scene: Scene, rng: np.random.Generator) -> Asked:
    if not (single := scene.single()):
        return None
    digit = int(rng.choice(single))
    return f"where is the {NUMBERS[digit]}?", PLACES[scene.places(digit)[0]]


def _what(scene: Scene, rng: np.random.Generator) -> Asked:
    place = int(rng.choice(list(scene.digits) if rng.random() < 0.75 else _empty(scene)))
    return f"what is at the {PLACES[place]}?", _named(scene, place)


def _how_many(scene: Scene, rng: np.random.Generator) -> Asked:
    if rng.random() < 0.5:
        return "how many digits are there?", NUMBERS[len(scene.digits)]
    digit = int(rng.choice(list(scene.digits.values()) if rng.random() < 0.8 else _absent(scene)))
    return f"how many digits are {_one(digit)}?", NUMBERS[len(scene.places(digit))]


def _is_there(scene: Scene, rng: np.random.Generator) -> Asked:
    there = rng.random() < 0.5
    digit = int(rng.choice(list(scene.digits.values()) if there else _absent(scene)))
    return f"is there {_one(digit)}?", _yes(there)


def _beside(scene: Scene, rng: np.random.Generator) -> Asked:
    """What is in the next place; half of the questions are about a place that holds something, where there is one."""
    ways = [
        (digit, words, beside)
        for digit in scene.single()
        for words, (down, right) in NEIGHBOURS.items()
        if (beside := _neighbour(scene.places(digit)[0], down, right)) is not None
    ]
    if not ways:
        return None
    full = [way for way in ways if way[2] in scene.digits]
    ways = full if full and rng.random() < 0.75 else ways
    digit, words, beside = ways[int(rng.integers(len(ways)))]
    return f"what is {words} the {NUMBERS[digit]}?", _named(scene, beside)


def _is_it_so(scene: Scene, rng: np.random.Generator) -> Asked:
    single = scene.single()
    ways = []
    for one, other in itertools.permutations(single, 2):
        (row, column), (others_row, others_column) = (divmod(scene.places(d)[0], SIDE) for d in (one, other))
        if row != others_row:
            ways.append((one, "above", other, row < others_row))
        if column != others_column:
            ways.append((one, "left of", other, column < others_column))
    if not ways:
        return None
    there = rng.random() < 0.5  # each pair stands in both orders, so that there are ways with either answer
    ways = [way for way in ways if way[3] == there]
    one, words, other, _ = ways[int(rng.integers(len(ways)))]
    return f"is the {NUMBERS[one]} {words} the {NUMBERS[other]}?", _yes(there)


QUESTIONS: tuple[Callable[[Scene, np.random.Generator], Asked], ...] = (
    *(_where, _what, _how_many),
    *(_is_there, _beside, _is_it_so),
)


def _drawn_scenes(
    seed: int, scenes: int, *, most: int, least: int = 1
) -> Iterator[tuple[str, list[Scene], np.ndarray]]:
    """Name of a part, its scenes, and their pictures, uint8 (scenes, FRAME, FRAME, 3)."""
    if scenes < 16:
        raise ValueError(f"scenes={scenes}: give at least 16, so that each part has some.")
    rng = np.random.default_rng(seed)
    bunch = load_digits()
    order = rng.permutation(len(bunch.target))
    eighth = scenes // 8
    borders = np.linspace(0, len(order), 9).astype(int)[[0, 6, 7, 8]]
    sizes = (scenes - 2 * eighth, eighth, eighth)
    for name, size, (start, stop) in zip(("train", "valid", "test"), sizes, itertools.pairwise(borders), strict=True):
        own = order[start:stop]
        by_digit = [own[bunch.target[own] == digit] for digit in range(10)]
        made, pictures = [], np.zeros((size, FRAME, FRAME, 3), np.uint8)
        for picture in pictures:
            places = rng.choice(SIDE * SIDE, int(rng.integers(least, most + 1)), replace=False).tolist()
            digits = _digits(len(places), rng)
            for place, digit in zip(places, digits, strict=True):
                image = bunch.images[rng.choice(by_digit[digit])]
                picture |= _placed(image, place, rng)[..., None]
            made.append(Scene(dict(sorted(zip(places, digits, strict=True)))))
        yield name, made, pictures


def _digits(count: int, rng: np.random.Generator) -> list[int]:
    """Any digits; now and then one stands twice, to be counted."""
    digits = rng.choice(10, count, replace=False).tolist()
    if count > 2 and rng.random() < 0.4:
        digits[0] = digits[1]
    return digits


def _placed(image: np.ndarray, place: int, rng: np.random.Generator) -> np.ndarray:
    """uint8, (FRAME, FRAME): the image in this place, of some size and a little off its middle."""
    side = rng.uniform(*SIZES)
    room = (PLACE - side) / 2
    middle = (np.array(divmod(place, SIDE)) + 0.5) * PLACE
    return drawn(image, middle + rng.uniform(-room, room, 2), side, FRAME)


def _seen_from(before: int, place: int) -> str:
    (row, column), (next_row, next_column) = divmod(before, SIDE), divmod(place, SIDE)
    side = "left" if next_column < column else "right"
    if next_row == row:
        return f"to the {side} of it"
    return "below it" if next_column == column else f"below it to the {side}"


def _neighbour(place: int, down: int, right: int) -> int | None:
    row, column = place // SIDE + down, place % SIDE + right
    return row * SIDE + column if 0 <= row < SIDE and 0 <= column < SIDE else None


def _named(scene: Scene, place: int) -> str:
    return NUMBERS[scene.digits[place]] if place in scene.digits else "nothing"


def _one(digit: int) -> str:
    return f"{'an' if digit == 8 else 'a'} {NUMBERS[digit]}"


def _empty(scene: Scene) -> Sequence[int]:
    return [place for place in range(SIDE * SIDE) if place not in scene.digits]


def _absent(scene: Scene) -> Sequence[int]:
    return [digit for digit in range(10) if digit not in scene.digits.values()]


def _yes(so: bool) -> str:
    return "yes" if so else "no"
