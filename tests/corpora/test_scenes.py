"""The built-in scenes: whoever sees the image can answer and describe; whoever doesn't can't."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from seqkit.baselines.classifiers import LinearTfidf
from seqkit.corpora.scenes import COLOURS, FRAME, NUMBERS, PLACE, PLACES, asked_scenes, described_scenes

HUES = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}


def crop(image, place):
    row, column = divmod(place, 3)
    return np.asarray(image)[row * PLACE : (row + 1) * PLACE, column * PLACE : (column + 1) * PLACE].astype(float)


def colours_seen(image):
    """Place -> colour, from the pixels: bright channels by their share of the brightest."""
    seen = {}
    for place in range(9):
        ink = crop(image, place).sum(axis=(0, 1))
        if ink.max() > 0:
            hue = tuple((ink > 0.6 * ink.max()).astype(int).tolist())
            seen[PLACES[place]] = next(name for name, value in HUES.items() if value == hue)
    return seen


def shape_at(image, place):
    return crop(image, PLACES.index(place)).max(axis=-1).ravel()


class Reader:
    """Reads digits, as it has learned from the answers to training questions about places."""

    def __init__(self, part):
        asked = [re.fullmatch(r"which digit is at the (.*)\?", question) for question in part["question"]]
        rows = [row for row, match in enumerate(asked) if match]
        shapes = [shape_at(part["image"][row], asked[row][1]) for row in rows]
        self.model = KNeighborsClassifier(1).fit(shapes, [part["answer"][row] for row in rows])

    def __call__(self, images):
        """Of each image, place -> digit."""
        places = [list(colours_seen(image)) for image in images]
        shapes = [shape_at(image, place) for image, seen in zip(images, places, strict=True) for place in seen]
        digits = iter(self.model.predict(shapes))
        return [{place: next(digits) for place in seen} for seen in places]


def where(place):
    return divmod(PLACES.index(place), 3)


def is_so(one, words, other):
    (row, column), (others_row, others_column) = where(one), where(other)
    return row < others_row if words == "above" else column < others_column


def answer(question, colours, digits):
    """From what is seen, without knowing how the question was made."""

    def only(values, wanted):
        (place,) = [place for place, value in values.items() if value == wanted]
        return place

    if match := re.fullmatch(r"where is the (\w+)( digit)?\?", question):
        return only(colours if match[2] else digits, match[1])
    if match := re.fullmatch(
        r"(which digit|what colour) is (?:the digit )?at the (.*)\?|what colour is the digit at the (.*)\?", question
    ):
        return (digits if question.startswith("which") else colours)[match[2] or match[3]]
    if match := re.fullmatch(r"which digit is (\w+)\?", question):
        return digits[only(colours, match[1])]
    if match := re.fullmatch(r"what colour is the (\w+)\?", question):
        return colours[only(digits, match[1])]
    if question == "how many digits are there?":
        return NUMBERS[len(colours)]
    if match := re.fullmatch(r"how many digits are (\w+)\?", question):
        return NUMBERS[list(colours.values()).count(match[1])]
    if match := re.fullmatch(r"is there an? (\w+)( digit)?\?", question):
        return "yes" if match[1] in (colours if match[2] else digits).values() else "no"
    if match := re.fullmatch(r"what colour is the digit (above|below|left of|right of) the (\w+) one\?", question):
        row, column = where(only(colours, match[2]))
        down, right = {"above": (-1, 0), "below": (1, 0), "left of": (0, -1), "right of": (0, 1)}[match[1]]
        return colours[PLACES[3 * (row + down) + column + right]]
    match = re.fullmatch(r"is the (\w+) digit (above|left of) the (\w+) one\?", question)
    return "yes" if is_so(only(colours, match[1]), match[2], only(colours, match[3])) else "no"


def needs_digits(question):
    return any(name in re.findall(r"\w+", question) for name in NUMBERS) or question.startswith("which")


@pytest.fixture(scope="module")
def asked():
    return asked_scenes()


@pytest.fixture(scope="module")
def reader(asked):
    return Reader(asked["train"])


def test_who_sees_the_image_can_answer(asked, reader):
    part = asked["test"]
    images = {image.place: image for image in part["image"]}
    digits = dict(zip(images, reader(list(images.values())), strict=True))
    seen = {place: (colours_seen(image), digits[place]) for place, image in images.items()}

    def right(question, expected, seen):
        try:
            return answer(question, *seen) == expected
        except (ValueError, KeyError):  # what is asked for isn't seen
            return False

    rows = [(image.place, *texts) for image, *texts in zip(*part.values(), strict=True)]
    by_colour = [row for row in rows if not needs_digits(row[1])]
    by_number = [row for row in rows if needs_digits(row[1])]
    assert min(len(by_colour), len(by_number)) > 300
    assert all(right(question, expected, seen[place]) for place, question, expected in by_colour)
    assert np.mean([right(question, expected, seen[place]) for place, question, expected in by_number]) > 0.93
    others = [right(question, expected, seen[len(seen) - 1 - place]) for place, question, expected in by_colour]
    assert np.mean(others) < 0.6  # with the eyes on another image


def test_neither_the_question_nor_the_image_alone_is_enough(asked):
    train, test = asked["train"], asked["test"]
    classes = sorted(set(train["answer"]))
    model = LinearTfidf.fit(train["question"], train["answer"], classes)
    guesses = [classes[place] for place in model.probabilities(test["question"]).argmax(axis=1)]
    assert np.mean([guess == truth for guess, truth in zip(guesses, test["answer"], strict=True)]) < 0.45
    thumbnails = [
        np.array([np.asarray(cell)[::3, ::3].ravel() / 255 for cell in part["image"][::6]]) for part in (train, test)
    ]
    linear = LogisticRegression(max_iter=200, tol=1e-2).fit(thumbnails[0], train["answer"][::6])
    assert linear.score(thumbnails[1], test["answer"][::6]) < 0.3
    yes_and_no = [answer for answer in train["answer"] if answer in ("yes", "no")]
    assert abs(yes_and_no.count("yes") / len(yes_and_no) - 0.5) < 0.03


def places_told(text):
    """(number, colour, row, column relations) of a caption, read word by word."""
    first, *others = text.split(", ")
    match = re.fullmatch(r"a (\w+) (\w+) at the (.*)", first)
    told = [(match[1], match[2], where(match[3]))]
    for one in others:
        match = re.fullmatch(r"a (\w+) (\w+) (?:to the (left|right) of it|below it(?: to the (left|right))?)", one)
        told.append(
            (match[1], match[2], (0 if match[3] else 1, {"left": -1, "right": 1, None: 0}[match[3] or match[4]]))
        )
    return told


def test_a_caption_says_what_is_there(reader):
    part, read = described_scenes(seed=2, scenes=800)["test"], []
    for image, (caption,), digits in zip(*part.values(), reader(part["image"]), strict=True):
        colours, told, before = colours_seen(image), places_told(caption), None
        assert len(told) == len(colours)
        in_order = sorted(colours, key=PLACES.index)
        for place, (colour, number, at) in zip(in_order, told, strict=True):
            assert colours[place] == colour
            here = where(place)
            seen = here if before is None else tuple(np.sign(np.subtract(here, before)).tolist())
            assert seen == at, caption
            before = here
            read.append(digits[place] == number)
    assert np.mean(read) > 0.9
    assert len({len(places_told(caption)) for (caption,) in part["caption"]}) == 3


def test_parts_are_of_a_size_and_one_seed_gives_one_set():
    for make in (asked_scenes, described_scenes):
        one, same, other = (make(seed=seed, scenes=40) for seed in (1, 1, 2))
        assert {name: len(part["image"][0].values) for name, part in one.items()} == {
            "train": 30,
            "valid": 5,
            "test": 5,
        }
        texts = [list(parts["train"].values())[1:] for parts in (one, same, other)]
        assert texts[0] == texts[1] != texts[2]
        images = [parts["train"]["image"][0].values for parts in (one, same, other)]
        assert images[0].shape == (30, FRAME, FRAME, 3)
        np.testing.assert_array_equal(images[0], images[1])
        assert (images[0] != images[2]).any()
        with pytest.raises(ValueError, match="scenes=15"):
            make(scenes=15)
    assert set(COLOURS) == set(HUES)
