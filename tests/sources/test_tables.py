"""Tables as strangers write them: rows, labels and lines are those that pandas reads."""

import csv
import io
import json

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.sources.reading import read, read_asked, read_inputs
from seqkit.sources.tables import head
from seqkit.sources.text_files import open_text
from seqkit.sources.workbooks import workbook_head

COLUMNS = {"text": "text", "label": "label"}
TAGGED = {"tokens": "tokens", "tags": "tags"}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]

strange = st.text(
    st.sampled_from("\t\n\"',;# [a") | st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"),
    max_size=12,
)
labels = st.tuples(
    st.sampled_from(["", " ", "\u3000"]), st.sampled_from(["a", "b c"]), st.sampled_from(["", " ", "  "])
)
tables = st.lists(st.tuples(strange, labels.map("".join)), min_size=1, max_size=6)


def written(rows, suffix, line_end):
    """A table as Python's csv and json write it, and the line on which each row begins."""
    if suffix == "jsonl":
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        return "".join(line + line_end for line in lines), [*range(1, len(rows) + 1)]
    out, begins = io.StringIO(), []
    kind = {"quoting": csv.QUOTE_NONE, "delimiter": "\t", "quotechar": None} if suffix == "tsv" else {}
    writer = csv.writer(out, lineterminator=line_end, **kind)
    writer.writerow(["text", "label"])
    for row in rows:
        begins.append(out.getvalue().count("\n") + 1)
        writer.writerow(row)
    return out.getvalue(), begins


def by_pandas(path, suffix, encoding):
    if suffix == "jsonl":
        return pd.read_json(path, lines=True, dtype=str, encoding=encoding)
    kind = {"sep": "\t", "quoting": csv.QUOTE_NONE} if suffix == "tsv" else {}
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding, skip_blank_lines=False, **kind)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
@settings(max_examples=60)
@given(rows=tables, line_end=st.sampled_from(["\n", "\r\n"]), encoding=st.sampled_from(ENCODINGS), last=st.booleans())
@example(rows=[("a\nb\nc", "a"), ("d", "a")], line_end="\n", encoding="utf-8", last=True)
def test_strange_tables_are_read_as_pandas_reads_them(tmp_path_factory, suffix, rows, line_end, encoding, last):
    if suffix == "tsv":
        rows = [(text.translate({9: " ", 10: " "}), label) for text, label in rows]
    content, begins = written(rows, suffix, line_end)
    path = tmp_path_factory.mktemp("table") / f"rows.{suffix}"
    path.write_bytes((content if last else content.removesuffix(line_end)).encode(encoding))
    expected, found = by_pandas(path, suffix, encoding), read(path, COLUMNS)
    assert found["text"] == expected["text"].tolist()
    assert found["label"] == expected["label"].str.strip().tolist()
    assert [found.place(row) for row in range(len(rows))] == [f"{path}, line {line}" for line in begins]
    writings = {label for _, label in rows}
    trimmed = [finding for finding in found.findings if finding.kind == "blanks"]
    assert len(trimmed) == sum(sum(one.strip() == name for one in writings) > 1 for name in ("a", "b c"))


@given(
    rows=st.lists(
        st.lists(
            st.tuples(strange.filter(str.strip), st.sampled_from(["O", "B-x"])),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=3,
    ),
    how=st.sampled_from(["python", "json", "numpy"]),
)
@settings(max_examples=60)
def test_lists_in_cells_are_lists(tmp_path_factory, rows, how):
    write = {"python": str, "json": json.dumps, "numpy": lambda items: str(np.array(items, object))}[how]
    lists = [[[token for token, _ in row] for row in rows], [[tag for _, tag in row] for row in rows]]
    path = tmp_path_factory.mktemp("lists") / "rows.csv"
    pd.DataFrame({"tokens": map(write, lists[0]), "tags": map(write, lists[1])}).to_csv(path, index=False)
    found = read(path, TAGGED)
    assert found.columns == {"tokens": [*map(tuple, lists[0])], "tags": [*map(tuple, lists[1])]}


@pytest.mark.parametrize(
    ("tokens", "tags", "expected"),
    [
        ("a b", "[3, 0]", (("a", "b"), ("3", "0"))),  # classes by their numbers
        ("[1] [ x ]", "O O O O", (("[1]", "[", "x", "]"), ("O",) * 4)),  # brackets that are tokens
        (" a  b ", "O  O ", (("a", "b"), ("O", "O"))),
        ("['a', 1]", "O O", None),
        ("['a', b']", "O O", None),
        ("['a', x()]", "O O", None),
    ],
)
def test_what_is_no_list_is_text_or_refused(tmp_path, tokens, tags, expected):
    path = tmp_path / "rows.csv"
    pd.DataFrame({"tokens": [tokens], "tags": [tags]}).to_csv(path, index=False)
    if expected is None:
        with pytest.raises(InputError, match="line 2: the tokens .* begin and end as a list of strings and are none"):
            read(path, TAGGED)
    else:
        assert (read(path, TAGGED)["tokens"][0], read(path, TAGGED)["tags"][0]) == expected


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_files_put_together_lose_their_headers_and_marks_and_say_so(tmp_path, suffix):
    between = "\t" if suffix == "tsv" else ","
    path, header = tmp_path / f"rows.{suffix}", f"\ufefftext{between}label\n"
    rows = [f"row {n}{between}{'ab'[n % 2]}\n" for n in range(4)]
    path.write_text(header + "".join(rows[:2]) + header + "".join(rows[2:]), encoding="utf-8")
    found = read(path, COLUMNS)
    assert found["text"] == [f"row {n}" for n in range(4)]
    assert [found.place(row) for row in (0, 3)] == [f"{path}, line 2", f"{path}, line 6"]
    assert {finding.kind: finding.places for finding in found.findings} == dict.fromkeys(
        ("byte_order_mark", "header_row"), (f"{path}, line 4",)
    )


@pytest.mark.parametrize("before", ["\n", " \n\n"])
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_blank_lines_before_the_first_row_are_no_rows(tmp_path, suffix, before):
    """But in a table of one column, where one without a header may begin with an empty cell."""
    path, rows, lines = tmp_path / f"rows.{suffix}", [("a", "x"), ("b", "y")], before.count("\n")
    path.write_text(before + written(rows, suffix, "\n")[0])
    found = read(path, COLUMNS)
    assert [*zip(found["text"], found["label"], strict=True)] == rows
    assert found.place(0) == f"{path}, line {lines + 2}"
    assert list(read_inputs(path, "text", "text")) == ["a", "b"]
    assert [row["id"] for row in read_asked(path, {"text": "text"}, id="label")] == ["x", "y"]
    assert head(open_text(path), 9) == (["text", "label"], [["a", "x"], ["b", "y"]])
    assert read(path, {"text": "0", "label": "1"})["text"] == ["text", "a", "b"]
    with pytest.raises(InputError, match=f"line {lines + 1}: no column 'review' among 'text', 'label'"):
        read(path, COLUMNS | {"text": "review"})
    path.write_text(f"{path.read_text()}c\n")
    with pytest.raises(InputError, match=f"line {lines + 4}: found 1 cells where line {lines + 1} has 2"):
        read(path, COLUMNS)
    path.write_text(f"{before}text\n\na\n")
    assert read(path, {"text": "text"})["text"] == ["", "a"]
    assert read(path, {"text": "0"})["text"] == [*before.split("\n")[:-1], "text", "", "a"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.data", "text\tlabel\na\tx\nb\ty\n"),
        ("rows.txt", "text,label\na,x\nb,y\n"),
        ("rows.csv", "text;label\na;x\nb;y\n"),
        ("rows.csv", '"text";"label"\n"a";"x"\n"b";"y"\n'),
        ("rows.csv", '"text"\t"label"\n"a"\t"x"\n"b"\t"y"\n'),
        ("rows.tsv", "text,label\na,x\nb,y\n"),
        ("rows", '{"text": "a", "label": "x"}\n\n{"text": "b", "label": "y"}\n'),
    ],
)
def test_a_table_is_known_by_its_content(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    found = read(tmp_path / name, COLUMNS)
    assert found.columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert list(read_inputs(tmp_path / name, "text", "text")) == ["a", "b"]
    assert [finding.kind for finding in found.findings] == ["separator"] * (name in ("rows.csv", "rows.tsv"))


@pytest.mark.parametrize("first", ["Great, really;pos", '"Great";pos', "Great, really\tpos"])
def test_columns_by_number_are_parted_by_what_parts_all_rows(tmp_path, first):
    path, columns = tmp_path / "rows.csv", {"text": "0", "label": "1"}
    separator = first[-4]
    path.write_text(f"{first}\nBad{separator}neg\nOld, new, odd{separator}neg\n")
    assert read(path, columns)["label"] == ["pos", "neg", "neg"]
    path.write_text('a,x\n"b"c,y\n')  # parted by its own separator alone
    with pytest.raises(InputError, match="line 2: ',' expected after '\"'"):
        read(path, columns)
    path.write_text('"a"b,x\n')
    with pytest.raises(InputError, match="line 1: ',' expected after '\"'"):
        read(path, columns)


def test_lines_of_text_stay_lines(tmp_path):
    lines = ["text, label", "a, b", "", "c\td"]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    assert list(read_inputs(tmp_path / "lines.txt", "text", "text")) == lines


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.parquet"])
def test_workbooks_are_read_as_other_tables(tmp_path, name):
    frame = pd.DataFrame({"label": [1, 0, 1], "text": ["a", "b\nc", " d "], "score": [0.5, 1.5, 2.5]})
    frame.to_excel(tmp_path / name, index=False) if name.endswith("xlsx") else frame.to_parquet(tmp_path / name)
    found = read(tmp_path / name, COLUMNS)
    assert found.columns == {"text": ["a", "b\nc", " d "], "label": ["1", "0", "1"]}
    assert read(tmp_path / name, {"text": "text", "label": "score"})["label"] == ["0.5", "1.5", "2.5"]
    assert list(read_inputs(tmp_path / name, "text", "text")) == found["text"]
    with pytest.raises(InputError, match="has no column 'review': it has 'label', 'text', 'score'"):
        read(tmp_path / name, {"text": "review", "label": "label"})


def write_sheet(path, *rows, sized=True):
    """A workbook; one that isn't sized doesn't say how wide its sheet is, and ends each row with its last cell."""
    book = openpyxl.Workbook(write_only=not sized)
    sheet = book.active if sized else book.create_sheet()
    for row in rows:
        sheet.append(row)
    book.save(path)


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.parquet"])
def test_two_columns_of_a_workbook_with_one_name_are_told_apart_only_by_number(tmp_path, name):
    if name.endswith("xlsx"):
        write_sheet(tmp_path / name, ["text", "label", "label"], ["a", "x", "y"])
    else:
        table = pyarrow.table([["a"], ["x"], ["y"]], names=["text", "label", "label"])
        pyarrow.parquet.write_table(table, tmp_path / name)
    with pytest.raises(InputError, match=f"{name} has more than one column 'label': give each a name of its own"):
        read(tmp_path / name, COLUMNS)
    with pytest.raises(InputError, match="has more than one column 'label'"):
        list(read_asked(tmp_path / name, COLUMNS))
    assert list(read_asked(tmp_path / name, {"text": "text"})) == [{"text": "a"}]
    assert read(tmp_path / name, {"text": "0", "label": "2"})["label"][-1] == "y"


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.parquet"])
def test_workbooks_are_asked_by_number_as_they_are_read(tmp_path, name):
    rows, columns = [["a b", "x", "n1"], ["c", "y", "n2"]], {"text": "0", "label": "1"}
    if name.endswith("xlsx"):
        write_sheet(tmp_path / name, *rows)
    else:
        parts = dict(zip(("text", "label", "nr"), zip(*rows, strict=True), strict=True))
        pyarrow.parquet.write_table(pyarrow.table(parts), tmp_path / name)
    found = read(tmp_path / name, columns)
    asked = list(read_asked(tmp_path / name, columns, id="2"))
    assert asked == [
        {"text": text, "label": label, "id": id}
        for text, label, (*_, id) in zip(found["text"], found["label"], rows, strict=True)
    ]


def test_a_sheet_that_does_not_say_its_size_is_read_as_one_that_does(tmp_path):
    rows = [[None, None, None], ["label", "text", "note"], ["x", "a"], [None], ["y", "", "n"], ["x", "b", "n"]]
    sheets = [tmp_path / "sized.xlsx", tmp_path / "rows.xlsx"]
    for path in sheets:
        write_sheet(path, *rows, sized=path == sheets[0])
    both = [[workbook_head(path, 9), read(path, COLUMNS).columns, [*read_asked(path, COLUMNS)]] for path in sheets]
    assert both[0] == both[1]
    assert both[0][0][1][0] == ["x", "a", ""]


def test_blank_rows_of_a_sheet_count_as_lines(tmp_path):
    path, columns = tmp_path / "rows.xlsx", {"text": "text", "label": "label"}
    write_sheet(path, [None, None], ["text", "label"], ["a", "x"], [None, None], ["b", "y"], ["c", " "])
    with pytest.raises(InputError, match=r"rows\.xlsx, line 6: the label is empty"):
        read(path, columns)
    write_sheet(path, ["text", "label"], ["a", "x"], [None, None], ["b", "y"])
    assert [read(path, columns).place(row) for row in range(2)] == [f"{path}, line 2", f"{path}, line 4"]
    asked = read_asked(path, {"text": "text"}, id="label")
    assert [row["id"] for row in asked] == ["x", "y"]


def test_utf_16_without_its_mark_is_named(tmp_path):
    (tmp_path / "rows.tsv").write_bytes("text\tlabel\na\tb\n".encode("utf-16-le"))
    with pytest.raises(InputError, match="looks like UTF-16 without its mark"):
        read(tmp_path / "rows.tsv", COLUMNS)
