"""Inputs as they come: what is not asked for yet is not in memory."""

import itertools
import json
import tracemalloc

import pytest

from seqkit.core.errors import InputError
from seqkit.sources import streams, text_files
from seqkit.sources.reading import read
from seqkit.sources.streams import asked_of, inputs_of
from seqkit_runner.__main__ import inputs_of as alone
from seqkit_runner.errors import ArtefactError

WRITTEN = {
    "lines.txt": ("", "{}\n"),
    "table.tsv": ("label\ttext\n", "x\t{}\n"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_inputs_is_read_as_it_is_asked_for(tmp_path, name):
    head, row = WRITTEN[name]
    texts = [f"a film of number {number} {'and so on ' * 40}" for number in range(25_000)]
    (tmp_path / name).write_text(head + "".join(row.format(text) for text in texts))
    assert list(itertools.chain(*inputs_of(str(tmp_path / name), {"text": "text"}))) == texts
    del texts
    tracemalloc.start()
    for chunk in inputs_of(str(tmp_path / name), {"text": "text"}):
        assert len(chunk) <= 4096
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 7e6  # the texts have 11 MB


LINES = ["one\rtwo", "", "three\x85\u2028four", "", "last"]


@pytest.mark.parametrize(
    "read_lines", [lambda file: inputs_of(file, {"text": "text"}), lambda file: alone(file, "tag")]
)
@pytest.mark.parametrize("file", ["lines.txt", "-"])
def test_a_text_a_line_is_the_same_from_a_file_from_a_stream_and_by_the_runner(tmp_path, monkeypatch, read_lines, file):
    path = tmp_path / "lines.txt"
    path.write_bytes("\ufeff{}\r\n{}\n\ufeff{}\n{}\n{}".format(*LINES).encode())
    monkeypatch.chdir(tmp_path)
    with open(path, encoding="latin1") as given:
        monkeypatch.setattr("sys.stdin", given)
        assert list(itertools.chain(*read_lines(file))) == LINES
    path.write_bytes(b"one\n\ntw\xff\n")
    with open(path, encoding="latin1") as given:
        monkeypatch.setattr("sys.stdin", given)
        with pytest.raises(
            (InputError, ArtefactError), match="(lines.txt|standard input), line 3: byte 0xff is not UTF-8"
        ):
            list(read_lines(file))


def test_tokens_a_text_a_line_are_read_as_they_are_asked_for(tmp_path):
    (tmp_path / "lines.txt").write_text("a good film\n" * 30_000 + json.dumps(["x", "y"]) + "\n")
    chunks = inputs_of(str(tmp_path / "lines.txt"), {"tokens": "tokens", "tags": "tags"})
    assert next(chunks)[0] == "a good film"
    assert sum(map(len, chunks)) > 20_000


TAGGED = {"tokens": "tokens", "tags": "tags"}
SENTENCES = {
    "a.conll": ("", "word{0} X\nof Y\n\n", TAGGED),
    "a.conllu": ("", "1\tword{0}" + "\t_" * 8 + "\n2\tof" + "\t_" * 8 + "\n\n", TAGGED),
    "flights.conll": ("", "# intent = there\nword{0} X\nof Y\n\n", TAGGED | {"label": "label"}),
    "untagged.txt": ("a Z\n\n", "word{0} X\nof Y\n\n", TAGGED | {"label": "label"}),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_are_read_as_they_are_asked_for(tmp_path, name, monkeypatch):
    """With the truths that `read` finds, where it finds any."""
    monkeypatch.setattr(streams, "CHUNK", 50)
    monkeypatch.setattr(text_files, "_BLOCK", 1 << 12)
    head, sentence, columns = SENTENCES[name]
    path = tmp_path / name
    path.write_text(head + "".join(map(sentence.format, range(2_000))))
    there = {"a.conll": TAGGED, "flights.conll": columns}.get(name, {"tokens": "tokens"})
    found = read(path, TAGGED if name == "a.conllu" else there)
    rows = [dict(zip(there, row, strict=True)) for row in zip(*(found[field] for field in there), strict=True)]
    assert list(itertools.chain(*asked_of(str(path), columns))) == rows
    assert list(itertools.chain(*inputs_of(str(path), columns))) == [row["tokens"] for row in rows]
    del found, rows
    for stream in (asked_of, inputs_of):
        tracemalloc.start()
        assert {len(chunk) for chunk in stream(str(path), columns)} <= {1, 50}
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4e5  # all the sentences have 0.7 MB and more
