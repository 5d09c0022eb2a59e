"""Columns in files: what was written is read, whole, in parts and in any order."""

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.sources.examples import Examples, hold_out
from seqkit.sources.pixels import ImageRef
from seqkit.sources.reading import read
from seqkit.sources.stored import BLOCK, Names, chained
from seqkit.sources.stored_frames import Images, Videos
from seqkit.sources.storing import Gathered, stored_in, storing, write_column

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
KINDS = {
    "texts": (texts, False),
    "names": (texts, True),
    "name_lists": (st.lists(texts, max_size=4).map(tuple), True),
    "text_lists": (st.lists(texts, max_size=4).map(tuple), False),
    "numbers": (st.integers(0, 2**40), False),
    "number_lists": (st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple), False),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_was_written_is_read(kind, data, tmp_path_factory):
    cell, named = KINDS[kind]
    cells = data.draw(st.lists(cell, min_size=1, max_size=6))
    rows = data.draw(st.lists(st.integers(0, len(cells) - 1), max_size=8))
    column = write_column(tmp_path_factory.mktemp("column") / "field", cells, named=named)
    assert column.kind == kind
    assert (len(column), list(column), column[:], column[-1]) == (len(cells), cells, cells, cells[-1])
    assert column == cells
    assert [column[row] for row in range(len(cells))] == cells
    some = column.take(rows)
    assert (len(some), list(some), some[1:]) == (
        len(rows),
        [cells[row] for row in rows],
        [cells[row] for row in rows][1:],
    )
    assert list(some.take(range(0, len(rows), 2))) == [cells[row] for row in rows][::2]
    assert [some.count(one) for one in cells] == [[cells[row] for row in rows].count(one) for one in cells]
    with pytest.raises(IndexError):
        some[len(rows)]


def test_a_long_column_is_read_block_by_block(tmp_path):
    numbers = list(range(2 * BLOCK + 3))
    for named in (False, True):
        column = write_column(tmp_path / f"{named}", [str(number % 7) for number in numbers], named=named)
        assert list(column) == [str(number % 7) for number in numbers]
    assert list(chained([column, column])) == list(column) * 2


def test_a_column_is_gathered_in_a_list_or_in_files(tmp_path):
    def gathered():
        column = Gathered("label", named=True)
        for cell in "aba":
            column.append(cell)
        return column.done()

    assert gathered() == ["a", "b", "a"]
    with stored_in(tmp_path):
        assert storing()
        column = gathered()
    assert isinstance(column, Names)
    assert (list(column), column.names, storing()) == (["a", "b", "a"], ("a", "b"), False)


@given(labels=st.lists(st.sampled_from("baéZ"), min_size=25, max_size=40), seed=st.integers(0, 3))
def test_a_tenth_is_held_out_alike(labels, seed, tmp_path_factory):
    column = write_column(tmp_path_factory.mktemp("column") / "label", labels, named=True)
    parts = [hold_out(Examples({"label": own}, "here"), by="label", seed=seed) for own in (labels, column)]
    assert [list(part["label"]) for part in parts[0]] == [list(part["label"]) for part in parts[1]]


def test_images_are_written_once_and_recordings_one_after_the_other(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    images = write_column(tmp_path / "image", [ImageRef(pixels, place) for place in (1, 0, 1)], named=False)
    assert isinstance(images, Images)
    assert [np.asarray(image).tolist() for image in images] == [pixels[place].tolist() for place in (1, 0, 1)]
    assert (tmp_path / "image.values").stat().st_size == pixels.nbytes
    frames = [np.ones((3, 2), np.float32), np.zeros((1, 2), np.float32)]
    videos = write_column(tmp_path / "frames", frames, named=False)
    assert isinstance(videos, Videos)
    assert [video[:].tolist() for video in videos.take([1, 0])] == [own.tolist() for own in frames[::-1]]


def _conll(path, rows):
    path.write_text("a\tX\nb\tO\n\n" * rows)


def _by_pandas(path, rows):
    frame = pd.DataFrame({"tokens": ["a b"] * rows, "tags": ["X O"] * rows})
    if path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path, index=False, row_group_size=rows // 8)


@pytest.mark.parametrize(("name", "write"), [("a.conll", _conll), ("a.xlsx", _by_pandas), ("a.parquet", _by_pandas)])
def test_what_is_stored_is_read_row_by_row(name, write, tmp_path, monkeypatch):
    """Nine thousand rows more take no more memory, but for 80 bytes a row that openpyxl keeps; in it, they take 165 to 270.

    So many, because what the collector hasn't freed yet is some 200,000 bytes more or less.
    """
    for held in ("workbooks.ROWS", "stored.BLOCK", "storing.BLOCK", "text_files._BLOCK"):
        monkeypatch.setattr(f"seqkit.sources.{held}", 64)
    most = []
    for rows in (100, 1_000, 10_000):  # the first imports what is imported once
        write(tmp_path / name, rows)
        gc.collect()
        tracemalloc.start()
        with stored_in(tmp_path / f"{rows}") as read_from:
            examples = read(tmp_path / name, {"tokens": "tokens", "tags": "tags"})
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (len(examples), examples["tokens"][-1], examples["tags"][-1]) == (rows, ("a", "b"), ("X", "O"))
        assert read_from == [tmp_path / name]
    assert most[2] - most[1] < 9_000 * 140, most
