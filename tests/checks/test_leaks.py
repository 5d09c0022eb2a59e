"""Rows that were trained on are known again, against a search by hand through plain strings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.checks.leaks import Seen, check_leak
from seqkit.checks.rows import Prints
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
    seen = Seen.of([Prints.of(train, ("text",))])
    plain = [by_hand(text) in set(map(by_hand, train["text"])) for text in test["text"]]
    exact = [text in train["text"] for text in test["text"]]
    prints = Prints.of(test, ("text",))
    assert seen.rows(prints).tolist() == np.flatnonzero(plain).tolist()
    assert seen.rows(prints, exact=True).tolist() == np.flatnonzero(exact).tolist()
    found = check_leak(seen, test, prints, "test")
    assert [finding.count for finding in found] == [sum(plain)] * any(plain)
    if found:
        assert found[0].harm == "error"  # it is more than a hundredth of so few
        assert found[0].places == tuple(f"test.tsv, line {row + 2}" for row, leaked in enumerate(plain) if leaked)
        assert f"({sum(exact)} of them to the letter)" in found[0].what


def test_rows_of_several_fields_tokens_and_arrays_are_the_same_only_as_a_whole(tmp_path):
    images = [np.full((2, 2, 3), shade, np.uint8) for shade in (1, 2)]
    train = Examples({"image": images, "question": ["what?", "who?"], "answer": ["a", "b"]}, "train")
    test = Examples({"image": images[::-1], "question": ["What?", "what?"], "answer": ["a", "c"]}, "test")
    seen = Seen.of([Prints.of(train, ("image", "question"))])
    seen.save(tmp_path / "seen.npz")
    seen = Seen.load(tmp_path / "seen.npz")
    assert seen.rows(Prints.of(test, ("image", "question"))).tolist() == [1]
    train, test = ([("The", "cat")], [("the", "cat"), ("cat", "the")])
    train, test = (Prints.of(Examples({"tokens": rows}, "x"), ("tokens",)) for rows in (train, test))
    assert Seen.of([train]).rows(test).tolist() == [0]


def test_what_is_read_from_a_disk_is_read_once():
    class Film:
        reads = 0

        def digest(self):
            Film.reads += 1
            return b"film"

    Prints.of(Examples({"frames": [Film()]}, "films"), ("frames",))
    assert Film.reads == 1


def test_running_text_is_known_by_its_long_lines():
    line = "It was the best of times, it was the worst of times,"
    train = Examples({"text": [f"one\n{line}\n", "two\n"], "stretch": ["0", "1"]}, "train.txt")
    test = Examples({"text": ["one\ntwo\n", f"three\n{line.upper()}\nfour\n"], "stretch": ["0", "1"]}, "test.txt")
    assert Seen.of([Prints.of(train, ("text",))]).rows(Prints.of(test, ("text",))).tolist() == [1]


def test_of_very_much_running_text_some_lines_are_known_the_same_in_all_data(monkeypatch, tmp_path):
    lines = [f"It was the best of times, it was time number {number}\n" for number in range(200)]
    whole = Examples({"text": ["".join(lines)], "stretch": ["0"]}, "train.txt")
    every_line = Prints.of(whole, ("text",))
    monkeypatch.setattr("seqkit.checks.rows.LINES", 40)
    train = Prints.of(whole, ("text",))
    assert train.every == 8
    assert 10 < len(train.plain) <= 40
    kept = every_line.plain % train.every == 0
    for name in ("rows", "plain", "exact"):
        np.testing.assert_array_equal(getattr(train, name), getattr(every_line, name)[kept])
    Seen.of([train]).save(tmp_path / "seen.npz")
    seen = Seen.load(tmp_path / "seen.npz")
    pieces = Examples({"text": lines, "stretch": list("0" * 200)}, "test.txt")
    prints = Prints.of(pieces, ("text",))
    assert seen.rows(prints).tolist() == np.flatnonzero(kept).tolist()
    assert "of whose lines one in 8 was looked at" in check_leak(seen, pieces, prints, "test")[0].what
