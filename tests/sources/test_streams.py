"""Inputs as they come: what is not asked for yet is not in memory."""

import itertools
import json
import tracemalloc

import pytest

from seqkit.sources.streams import inputs_of

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


def test_tokens_a_text_a_line_are_read_as_they_are_asked_for(tmp_path):
    (tmp_path / "lines.txt").write_text("a good film\n" * 30_000 + json.dumps(["x", "y"]) + "\n")
    chunks = inputs_of(str(tmp_path / "lines.txt"), {"tokens": "tokens", "tags": "tags"})
    assert next(chunks)[0] == "a good film"
    assert sum(map(len, chunks)) > 20_000
