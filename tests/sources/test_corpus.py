"""Running text: nothing is lost between a file and the ids, and what is held out is its end."""

import gzip
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.corpora.topics import topics
from seqkit.sources.corpus import STRETCH, as_stretches, hold_out_end, read_corpus
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import Vocabulary

texts = st.text(st.sampled_from("ab \n\t\u00e9\u2603"), min_size=1, max_size=60).map(lambda text: text * 60)


sizes = st.sampled_from([0, 7, STRETCH - 1, STRETCH, 2 * STRETCH + 1, 3 * STRETCH])
blocks = st.sampled_from(["a", "abc ", "\u2603\u00e9", "a\t\r"])
long_lines = st.lists(st.tuples(blocks, sizes), min_size=1, max_size=4).map(
    lambda parts: "\r\n".join(block * (size // len(block)) for block, size in parts)
)


@given(texts | long_lines)
def test_stretches_are_the_text(text):
    """Each of a bounded length, cut behind a line end, before a blank, or where there is neither."""
    rows = as_stretches([text], "here")["text"]
    assert "".join(rows) == text
    assert all(STRETCH <= len(row) <= 2 * STRETCH for row in rows[:-1])
    assert len(rows) <= 1 or STRETCH // 4 <= len(rows[-1]) <= 2.25 * STRETCH
    for row, after in itertools.pairwise(rows):
        second = (row + after)[STRETCH : 2 * STRETCH]
        assert not (row.endswith("\r") and after.startswith("\n"))
        assert row.endswith("\n") or ("\n" not in second and (after[0].isspace() or len(row) == 2 * STRETCH))
        assert row.endswith("\n") or after[0].isspace() or not any(map(str.isspace, second))


def test_a_running_text_knows_its_lines(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a line of text\n" * 300 + "word " * 1000)
    examples = read_corpus(path, {"text": "text"}, contiguous=True)
    before = [len("".join(examples["text"][:row]).split("\n")) for row in range(len(examples))]
    assert [examples.place(row) for row in range(len(examples))] == [f"{path}, line {line}" for line in before]
    path.write_text("one\n\n\ntwo\n")
    lines = read_corpus(path, {"text": "text"}, contiguous=False)
    assert [lines.place(row) for row in range(2)] == [f"{path}, line {line}" for line in (1, 4)]
    assert [(finding.kind, finding.places) for finding in lines.findings] == [
        ("empty_line", (f"{path}, line 2", f"{path}, line 3"))
    ]


@settings(max_examples=30)
@given(texts)
def test_symbols_are_the_characters(text):
    tokenizer = Tokenizer("symbol", lowercase=False)
    tokens = tokenize([text], tokenizer, cache=False)
    assert "".join(tokens.types[place] for place in tokens.indices.values) == text
    vocabulary = Vocabulary.build(tokens, tokenizer)
    assert "".join(vocabulary.tokens[symbol] for symbol in vocabulary.encode(tokens).values) == text


def test_files_are_read_as_they_are(tmp_path):
    text = "One line.\n\n  Another one\n" * 200
    path = tmp_path / "text.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    running = read_corpus(path, {"text": "text"}, contiguous=True)
    assert "".join(running["text"]) == text
    lines = read_corpus(path, {"text": "text"}, contiguous=False)
    assert lines["text"] == ["One line.", "  Another one"] * 200
    assert "stretch" not in lines.columns


def test_rows_of_a_table_are_the_lines_of_a_running_text(tmp_path):
    path = tmp_path / "text.tsv"
    path.write_text("text\nfirst\nsecond\n")
    assert read_corpus(path, {"text": "text"}, contiguous=True)["text"] == ["first\nsecond"]


def test_the_end_of_a_running_text_is_held_out():
    rows = as_stretches(["a line of text\n" * 2000], "here")
    train, valid = hold_out_end(rows, by=None, seed=0)
    assert train["text"] + valid["text"] == rows["text"]
    assert len(valid) == len(rows) // 10
    line = as_stretches(["word " * 10_000], "one line, as text8 is")
    assert "".join(text for part in hold_out_end(line, by=None, seed=0) for text in part["text"]) == "word " * 10_000
    with pytest.raises(InputError, match="too short"):
        hold_out_end(as_stretches(["short"], "here"), by=None, seed=0)


def test_the_topics_are_real_text_cut_in_order():
    parts = topics()
    sizes = [sum(map(len, parts[name]["text"])) for name in ("train", "valid", "test")]
    assert sum(sizes) > 300_000
    assert 0.08 < sizes[2] / sum(sizes) < 0.12
    assert "".join(parts["train"]["text"]).count("Python") > 50


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text(" \n")
    with pytest.raises(InputError, match="is empty"):
        read_corpus(path, {"text": "text"}, contiguous=True)


@pytest.mark.parametrize("contiguous", [True, False])
def test_what_is_noticed_of_a_file_is_kept(tmp_path, contiguous):
    path = tmp_path / "book.txt"
    path.write_text("one line\nand another\n" * 3, encoding="utf-16")
    examples = read_corpus(path, {"text": "text"}, contiguous=contiguous)
    assert "one line" in examples["text"][0]
    assert [finding.kind for finding in examples.findings] == ["encoding"]


@pytest.mark.parametrize("contiguous", [True, False])
def test_texts_that_fit_a_pattern_are_one(contiguous, tmp_path):
    for name, text in (("a.txt", "one line\n" * 200 + "no end"), ("b.txt", "\nanother\n" * 200)):
        (tmp_path / name).write_text(text)
    (tmp_path / "all").with_suffix(".text.txt").write_text("one line\n" * 200 + "no end\n" + "\nanother\n" * 200)
    several, one = (
        read_corpus(tmp_path / name, {"text": "text"}, contiguous=contiguous) for name in ("[ab].txt", "all.text.txt")
    )
    assert several.columns == one.columns
    places = [f"{tmp_path}/{'a' if line <= 201 else 'b'}.txt, line {line - 201 * (line > 201)}" for line in one.lines]
    assert [several.place(row) for row in range(len(several))] == places
