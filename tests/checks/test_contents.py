"""Traces of wrong encodings are found, and good text of any script is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.checks.contents import check_contents, check_facts
from seqkit.sources.examples import Examples

letters = st.text("abcdeABC ,.", min_size=1)


def kinds(texts):
    return [one.kind for one in check_contents(Examples({"text": texts, "label": ["a"] * len(texts)}, "x.tsv"), "test")]


@settings(max_examples=100)
@given(letters, st.sampled_from("àáâäçèéêëíîïñóôöøùúûüßÄÖÜÉ’“–—"), st.sampled_from(["cp1252", "latin-1"]), letters)
def test_utf8_that_was_read_as_something_else_is_found(before, odd, encoding, after):
    text = before + odd + after
    try:
        broken = text.encode().decode(encoding)
    except UnicodeDecodeError:
        return
    assert kinds([broken]) == ["mojibake"]
    assert kinds([text]) == []


@pytest.mark.parametrize(
    "text",
    [
        "São Paulo, Ângela",
        "naïve café “quoted” — done",
        "Ελληνικά",
        "русский",
        "中文",
        "한국어",
        "हिन्दी",
        "a\tb\nc",
        "Â",
        "â la",
    ],
)
def test_good_text_is_left_in_peace(text):
    assert kinds([text]) == []


def test_replacement_and_control_characters_are_named_with_their_rows():
    examples = Examples({"tokens": [("fine",), ("b\ufffdd",), ("bell", "\x07")]}, "x.conll", lines=(1, 3, 5))
    assert [(one.kind, one.places) for one in check_contents(examples, "training")] == [
        ("replacement_character", ("x.conll, line 3",)),
        ("control_character", ("x.conll, line 5",)),
    ]


def test_images_of_one_colour_are_named(rng):
    plain, noise = np.full((4, 4, 3), (200, 10, 10)), rng.integers(0, 255, (4, 4, 3))
    stripes = np.tile(rng.integers(0, 255, (4, 1, 3)), (1, 4, 1))
    images = [noise, plain, stripes, stripes.swapaxes(0, 1)]
    [found] = check_contents(Examples({"image": images}, "images.tsv"), "test")
    assert (found.kind, found.places) == ("one_colour", ("images.tsv, row 1",))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"valid": {"unknown_token_share": 0.1}, "test": {"unknown_token_share": 0.15}}, []),
        ({"valid": {"unknown_token_share": 0.1}, "test": {"unknown_token_share": 0.6}}, ["foreign"]),
        ({"valid": {"unknown_token_share": 0.3}, "test": {"unknown_token_share": 0.5}}, ["unknown_tokens"]),
        ({"train": {"cut_texts": 4}, "valid": {}}, []),
        ({"train": {"cut_texts": 5}, "valid": {}}, ["cut"]),
        ({"valid": {"unknown_symbol_share": 0.0}, "test": {"unknown_symbol_share": 0.5}}, ["foreign"]),
    ],
)
def test_what_the_vocabulary_makes_of_the_data(facts, expected):
    splits = {name: Examples({"text": ["a"] * 100}, name) for name in facts}
    assert [one.kind for one in check_facts(facts, splits)] == expected
