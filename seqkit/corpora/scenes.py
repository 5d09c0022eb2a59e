"""Built-in scenes: handwritten digits here and there in a frame, described by place and relation, and asked about."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from seqkit.corpora.moving_digits import draw_digit
from seqkit.sources.pixels import ImageRef

SIDE = 3  # places of a side
PLACE = 10  # pixels of a place's side
FRAME = SIDE * PLACE
SIZES = (8.0, 10.0)  # pixels of a digit's side
TURN = 0.25  # radians, and share of its height, by which a digit is turned and slanted at most where scenes are to train on
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLACES = (
    *("top left", "top", "top right"),
    *("left", "middle", "right"),
    *("bottom left", "bottom", "bottom right"),
)
COLOURS = ("red", "green", "blue", "yellow")
PAINT = np.array([(1, 0.15, 0.15), (0.1, 0.9, 0.1), (0.25, 0.35, 1), (0.95, 0.9, 0.1)])  # red, green and blue of each
NEIGHBOURS = {"above": (-1, 0), "below": (1, 0), "left of": (0, -1), "right of": (0, 1)}  # (down, right)


class Digit(NamedTuple):
    """A digit of a scene.

    Attributes:
        place: From 0 to 8, row by row.
        number: From 0 to 9.
        colour: Place among COLOURS.
    """

    place: int
    number: int
    colour: int


Scene = tuple[Digit, ...]  # in the order of their places


def described_scenes(seed: int = 0, scenes: int = 32_000) -> dict[str, dict[str, list[Any]]]:
    """Scenes of one to three digits with the one caption that is right: "a red three at the top, a blue two below it".

    The digits come row by row. The first is told with its place, each other with where it is as seen from the one before.

    Args:
        seed: Two calls with one seed give the same scenes.
        scenes: How many altogether; three quarters for training, an eighth each for validation and test, drawn from
            different handwritten digits, which are turned and slanted a little where they are trained on.
    Returns:
        {"train", "valid", "test"}, each {"image": `Image`s of 30 x 30, "caption": a tuple of one caption each}.
    Raises:
        ValueError: `scenes` is under 16.
    """
    parts: dict[str, dict[str, list[Any]]] = {}
    for name, made, values in _drawn_scenes(seed, scenes, most=3):
        captions = [(caption(scene),) for scene in made]
        parts[name] = {"image": [ImageRef(values, place) for place in range(len(made))], "caption": captions}
    return parts


def caption(scene: Scene) -> str:
    """What `described_scenes` says of a scene."""
    first, *others = scene
    words = [f"a {_called(first)} at the {PLACES[first.place]}"]
    for before, digit in zip(scene, others, strict=False):
        words.append(f"a {_called(digit)} {_seen_from(before, digit)}")
    return ", ".join(words)


def asked_scenes(seed: int = 0, scenes: int = 2400) -> dict[str, dict[str, list[Any]]]:
    """Scenes of two to four digits with questions: where, which, how many, is there, what is beside, is this above that.

    The image is needed for every answer and the question too; in "is the red digit above the blue one?" the order of the
    words decides. Yes and no are equally frequent.

    Args:
        seed: Two calls with one seed give the same scenes.
        scenes: How many altogether; three quarters for training, an eighth each for validation and test, drawn from
            different handwritten digits, which are turned and slanted a little where they are trained on.
    Returns:
        {"train", "valid", "test"}, each {"image": `Image`s of 30 x 30, "question", "answer"}, five to seven rows a scene.
    Raises:
        ValueError: `scenes` is under 16.
    """
    parts = {}
    rng = np.random.default_rng((seed, 1))
    for name, made, values in _drawn_scenes(seed, scenes, least=2, most=4):
        rows = [
            (ImageRef(values, place), *row)
            for place, scene in enumerate(made)
            for ask in QUESTIONS
            if (row := ask(scene, rng)) is not None
        ]
        columns = map(list, zip(*rows, strict=True))
        parts[name] = dict(zip(("image", "question", "answer"), columns, strict=True))
    return parts


Asked = tuple[str, str] | None


def _where(scene: Scene, rng: np.random.Generator) -> Asked:
    digit = _any(scene, rng)
    by_colour = rng.random() < 0.5 or _count(scene, "number", digit.number) > 1
    if by_colour and _count(scene, "colour", digit.colour) > 1:
        return None
    name = f"{COLOURS[digit.colour]} digit" if by_colour else NUMBERS[digit.number]
    return f"where is the {name}?", PLACES[digit.place]


def _which(scene: Scene, rng: np.random.Generator) -> Asked:
    digit = _any(scene, rng)
    if rng.random() < 0.5 or _count(scene, "colour", digit.colour) > 1:
        return f"which digit is at the {PLACES[digit.place]}?", NUMBERS[digit.number]
    return f"which digit is {COLOURS[digit.colour]}?", NUMBERS[digit.number]


def _what_colour(scene: Scene, rng: np.random.Generator) -> Asked:
    digit = _any(scene, rng)
    if rng.random() < 0.5 or _count(scene, "number", digit.number) > 1:
        return f"what colour is the digit at the {PLACES[digit.place]}?", COLOURS[digit.colour]
    return f"what colour is the {NUMBERS[digit.number]}?", COLOURS[digit.colour]


def _how_many(scene: Scene, rng: np.random.Generator) -> Asked:
    if rng.random() < 0.4:
        return "how many digits are there?", NUMBERS[len(scene)]
    colour = _any(scene, rng).colour if rng.random() < 0.8 else int(rng.integers(len(COLOURS)))
    return f"how many digits are {COLOURS[colour]}?", NUMBERS[_count(scene, "colour", colour)]


def _is_there(scene: Scene, rng: np.random.Generator) -> Asked:
    there, field = rng.random() < 0.5, str(rng.choice(["number", "colour"]))
    names = NUMBERS if field == "number" else COLOURS
    found = {getattr(digit, field) for digit in scene}
    choices = [value for value in range(len(names)) if (value in found) == there]
    if not choices:
        return None
    name = names[int(rng.choice(choices))]
    article = "an" if name == "eight" else "a"
    return f"is there {article} {name}{' digit' if field == 'colour' else ''}?", _yes(there)


def _beside(scene: Scene, rng: np.random.Generator) -> Asked:
    """The colour of what is in the next place."""
    ways = [
        (one, words, other)
        for one, other in itertools.permutations(scene, 2)
        if _count(scene, "colour", one.colour) == 1
        for words, (down, right) in NEIGHBOURS.items()
        if (one.place // SIDE + down, one.place % SIDE + right) == divmod(other.place, SIDE)
    ]
    if not ways:
        return None
    one, words, other = ways[int(rng.integers(len(ways)))]
    return f"what colour is the digit {words} the {COLOURS[one.colour]} one?", COLOURS[other.colour]


def _is_it_so(scene: Scene, rng: np.random.Generator) -> Asked:
    there = rng.random() < 0.5  # each pair stands in both orders, so that there are ways with either answer
    ways = []
    for one, other in itertools.permutations(scene, 2):
        if _count(scene, "colour", one.colour) > 1 or _count(scene, "colour", other.colour) > 1:
            continue
        for words, here, beyond in zip(
            ("above", "left of"), divmod(one.place, SIDE), divmod(other.place, SIDE), strict=True
        ):
            if here != beyond and (here < beyond) == there:
                ways.append((one, words, other))
    if not ways:
        return None
    one, words, other = ways[int(rng.integers(len(ways)))]
    return f"is the {COLOURS[one.colour]} digit {words} the {COLOURS[other.colour]} one?", _yes(there)


QUESTIONS: tuple[Callable[[Scene, np.random.Generator], Asked], ...] = (
    *(_where, _which, _what_colour, _how_many),
    *(_is_there, _beside, _is_it_so),
)


def _drawn_scenes(
    seed: int, scenes: int, *, most: int, least: int = 1
) -> Iterator[tuple[str, list[Scene], np.ndarray]]:
    """Name of a part, its scenes, and their images, uint8 (scenes, FRAME, FRAME, 3)."""
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
        made, images = [], np.zeros((size, FRAME, FRAME, 3), np.uint8)
        for image in images:
            places = np.sort(rng.choice(SIDE * SIDE, int(rng.integers(least, most + 1)), replace=False)).tolist()
            numbers, colours = (rng.integers(0, kinds, len(places)).tolist() for kinds in (10, len(COLOURS)))
            scene = tuple(map(Digit, places, numbers, colours))
            for digit in scene:
                drawing = bunch.images[rng.choice(by_digit[digit.number])]
                row, column = (PLACE * place for place in divmod(digit.place, SIDE))
                seen = _placed(drawing, rng, turns=name == "train")[..., None] * PAINT[digit.colour]
                image[row : row + PLACE, column : column + PLACE] = seen.astype(np.uint8)
            made.append(scene)
        yield name, made, images


def _placed(drawing: np.ndarray, rng: np.random.Generator, turns: bool) -> np.ndarray:
    """uint8, (PLACE, PLACE): the drawing, of some size and a little off the middle, turned and slanted if wanted."""
    side = rng.uniform(*SIZES)
    room = (PLACE - side) / 2
    middle = PLACE / 2 + rng.uniform(-room, room, 2)
    return draw_digit(drawing, middle, side, PLACE, _turned(rng) if turns else None)


def _turned(rng: np.random.Generator) -> np.ndarray:
    """float, (2, 2): a turn and a slant by up to TURN."""
    turn, slant = rng.uniform(-TURN, TURN, 2)
    cosine, sine = np.cos(turn), np.sin(turn)
    shape: np.ndarray = np.array([[cosine, -sine], [sine, cosine]]) @ [[1, 0], [slant, 1]]
    return shape


def _called(digit: Digit) -> str:
    return f"{COLOURS[digit.colour]} {NUMBERS[digit.number]}"


def _seen_from(before: Digit, digit: Digit) -> str:
    (row, column), (next_row, next_column) = divmod(before.place, SIDE), divmod(digit.place, SIDE)
    side = "left" if next_column < column else "right"
    if next_row == row:
        return f"to the {side} of it"
    return "below it" if next_column == column else f"below it to the {side}"


def _any(scene: Scene, rng: np.random.Generator) -> Digit:
    return scene[int(rng.integers(len(scene)))]


def _count(scene: Scene, field: str, value: int) -> int:
    return sum(getattr(digit, field) == value for digit in scene)


def _yes(so: bool) -> str:
    return "yes" if so else "no"
