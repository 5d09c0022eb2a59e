"""Data frames: the rows of pandas and polars are those of the same lists, and missing cells are named by row."""

import pytest

from seqkit import InputError
from seqkit.sources.reading import read

COLUMNS = {"text": "body", "label": "stars"}
ROWS = {"other": [1, 2, 3], "body": ["a", "b ☃", ""], "stars": [5, 4, 5]}


@pytest.fixture(params=["pandas", "polars"])
def frame(request):
    """Makes a data frame of one library."""
    return pytest.importorskip(request.param).DataFrame


def test_a_frame_is_read_as_its_columns(frame):
    found, expected = read(frame(ROWS), COLUMNS), read((ROWS["body"], ROWS["stars"]), COLUMNS)
    assert found.columns == expected.columns
    assert found.digest() == expected.digest()


def test_missing_cells_are_named_by_row(frame):
    with pytest.raises(InputError, match=r"lacks the text \(column 'body'\) in rows 1, 3: fill or leave out such rows"):
        read(frame({"body": ["a", None, "b", None], "stars": [1, 2, 1, 2]}), COLUMNS)
    with pytest.raises(InputError, match=r"lacks the label \(column 'stars'\) in row 0:"):
        read(frame({"body": ["a", "b"], "stars": [None, 2]}), COLUMNS)
    with pytest.raises(InputError, match=r"in rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"):
        read(frame({"body": [None] * 12 + ["b"], "stars": ["x"] * 13}), COLUMNS)


def test_a_column_that_is_not_there_is_told_with_those_there_are(frame):
    with pytest.raises(InputError, match="the data frame \\(train\\) has no column 'body': it has 'text'"):
        read(frame({"text": ["a"]}), COLUMNS)


def test_what_holds_no_rows_or_two_columns_of_a_name_is_refused():
    lazy = pytest.importorskip("polars").LazyFrame(ROWS)
    with pytest.raises(InputError, match="is a LazyFrame, which holds no rows yet: collect it first"):
        read(lazy, COLUMNS)
    frame = pytest.importorskip("pandas").DataFrame([["a", 1, "b"]], columns=["body", "stars", "body"])
    with pytest.raises(InputError, match="more than one column 'body'"):
        read(frame, COLUMNS)


def test_rows_of_a_filtered_frame_are_named_by_their_index_too():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"body": ["a", "b", None], "stars": [1, 2, 1]}).iloc[1:]
    with pytest.raises(InputError, match=r"in row 1 \(index 2\):"):
        read(frame, COLUMNS)
