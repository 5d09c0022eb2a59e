"""Rows that were trained on are known again, against a search by hand through plain strings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.checks.leaks import Seen, check_leak
from seqkit.sources.examples import Examples

words = st.lists(st.sampled_from(["good", "Good", "bad", "É", "é", "straße"]), max_size=3)
texts = st.builds(lambda words, blank: blank.join(words), words, st.sampled_from([" ", "  ", "\t", " \n "]))
columns = st.lists(texts, min_size=1, max_size=8)


def by_hand(text):
    return " ".join(text.casefold().split())


@settings(max_examples=200)
@given(columns, columns)
def test_rows_of_the_training_data_are_found_up_to_case_and_blanks(train, test):
    train, test = Examples({"text": train}, "train.tsv"), Examples({"text": test}, "test.tsv", lines=range(2, 99))
    seen = Seen.of([train], ("text",))
    plain = [by_hand(text) in set(map(by_hand, train["text"])) for text in test["text"]]
    exact = [text in train["text"] for text in test["text"]]
    assert seen.rows(test, ("text",)).tolist() == plain
    assert seen.rows(test, ("text",), exact=True).tolist() == exact
    found = check_leak(seen, test, ("text",), "test")
    assert [finding.count for finding in found] == [sum(plain)] * any(plain)
    if found:
        assert found[0].harm == "error"  # it is more than a hundredth of so few
        assert found[0].places == tuple(f"test.tsv, line {row + 2}" for row, leaked in enumerate(plain) if leaked)
        assert f"({sum(exact)} of them to the letter)" in found[0].what


def test_rows_of_several_fields_tokens_and_arrays_are_the_same_only_as_a_whole(tmp_path):
    images = [np.full((2, 2, 3), shade, np.uint8) for shade in (1, 2)]
    train = Examples({"image": images, "question": ["what?", "who?"], "answer": ["a", "b"]}, "train")
    test = Examples({"image": images[::-1], "question": ["What?", "what?"], "answer": ["a", "c"]}, "test")
    seen = Seen.of([train], ("image", "question"))
    seen.save(tmp_path / "seen.npz")
    seen = Seen.load(tmp_path / "seen.npz")
    assert seen.rows(test, ("image", "question")).tolist() == [False, True]
    tokens = Seen.of([Examples({"tokens": [("The", "cat")]}, "train")], ("tokens",))
    assert tokens.rows(Examples({"tokens": [("the", "cat"), ("cat", "the")]}, "test"), ("tokens",)).tolist() == [
        True,
        False,
    ]


def test_running_text_is_known_by_its_long_lines():
    line = "It was the best of times, it was the worst of times,"
    train = Examples({"text": [f"one\n{line}\n", "two\n"], "stretch": ["0", "1"]}, "train.txt")
    test = Examples({"text": ["one\ntwo\n", f"three\n{line.upper()}\nfour\n"], "stretch": ["0", "1"]}, "test.txt")
    assert Seen.of([train], ("text",)).rows(test, ("text",)).tolist() == [False, True]
