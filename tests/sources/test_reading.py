"""Sources: the same rows from every kind, and one sentence for everything that can be wrong with them."""

import csv
import datetime
import decimal
import gzip
import io
import json

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.core.files import json_text
from seqkit.sources.examples import Examples, hold_out
from seqkit.sources.reading import read, read_asked

COLUMNS = {"text": "text", "label": "label"}
NUMBERS = {"text": "1", "label": "0"}
TEXTS = ['a "quoted", text', "naïve £5 ☃", "   ", "x" * 200_000]
LABELS = ["a", "b", "a", "b"]

# a tab or a line end can't stand in a .tsv cell, and a cell of a table is never a lone surrogate
cells = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


def write(path, texts, labels):
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    if suffix == "jsonl":
        content = "".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in zip(texts, labels, strict=True))
    elif suffix == "csv":
        out = io.StringIO()
        csv.writer(out).writerows([("label", "text"), *zip(labels, texts, strict=True)])
        content = out.getvalue()
    else:
        content = "label\ttext\n" + "".join(f"{y}\t{t}\n" for t, y in zip(texts, labels, strict=True))
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["rows.tsv", "rows.csv", "rows.jsonl", "rows.tsv.gz", "rows.csv.gz", "rows.jsonl.gz"])
def test_every_table_gives_the_same_rows(tmp_path, name):
    examples = read(write(tmp_path / name, TEXTS, LABELS), COLUMNS)
    assert examples.columns == {"text": TEXTS, "label": LABELS}
    assert examples.digest() == read((TEXTS, LABELS), COLUMNS).digest()


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
@given(rows=st.lists(st.tuples(cells, st.sampled_from("ab")), min_size=1, max_size=5))
def test_a_table_gives_back_what_was_written(tmp_path_factory, suffix, rows):
    texts, labels = map(list, zip(*rows, strict=True))
    path = write(tmp_path_factory.mktemp("table") / f"rows.{suffix}", texts, labels)
    assert read(str(path), COLUMNS).columns == {"text": texts, "label": labels}


def test_validation_rows_are_never_taken_from_the_test_split(prepared):
    with pytest.raises(InputError, match="no split 'validation'"):
        read("tfds:tiny_reviews", COLUMNS, role="valid", data_dir=prepared)


def test_blank_lines_are_rows_where_there_is_one_column(tmp_path):
    for suffix in ("tsv", "csv"):
        path = tmp_path / f"rows.{suffix}"
        path.write_text("text\na\n\nb\n")
        assert read(path, {"text": "text"})["text"] == ["a", "", "b"]
        path.write_text("label{0}text\na{0}b\n\n".format("\t" if suffix == "tsv" else ","))
        assert read(path, COLUMNS)["text"] == ["b"]


def test_columns_go_by_number_without_a_header(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_bytes(b"flight\tto boston\r\nfare\thow much\r\n")
    assert read(path, NUMBERS).columns == {"text": ["to boston", "how much"], "label": ["flight", "fare"]}


def test_python_sources_give_the_same_rows():
    import tensorflow as tf

    numbers = np.array([1, 0, 1, 0])
    expected = {"text": TEXTS, "label": ["1", "0", "1", "0"]}
    elements = tf.data.Dataset.from_tensor_slices((TEXTS, numbers))
    named = tf.data.Dataset.from_tensor_slices({"label": numbers, "text": TEXTS})
    for source in ((TEXTS, numbers), {"text": TEXTS, "label": numbers}, elements, elements.batch(3), named):
        assert read(source, COLUMNS).columns == expected


@pytest.mark.parametrize(
    ("name", "content", "columns", "complaint"),
    [
        ("absent.tsv", None, COLUMNS, "absent.tsv does not exist"),
        ("empty.tsv", b"", COLUMNS, "empty.tsv is empty"),
        ("header.tsv", b"label\ttext\n", COLUMNS, "header.tsv has no rows"),
        ("rows.tsv", b"label\treview\na\tb\n", COLUMNS, "line 1: no column 'text' among 'label', 'review'.* --text"),
        ("rows.tsv", b"a\tb\n", {"text": "2", "label": "0"}, "no column number 2; the file has columns 0 to 1"),
        ("rows.tsv", b"a\tb\n", {"text": "text", "label": "0"}, "mix names and numbers"),
        ("rows.tsv", b"label\ttext\na\tb\na\tb\tc\n", COLUMNS, "line 3: found 3 cells where line 1 has 2"),
        ("rows.tsv", b"label\ttext\n \tb\n", COLUMNS, "line 2: the label is empty"),
        ("rows.tsv", b"label\ttext\na\tcaf\xe9\n", COLUMNS, "line 2: byte 0xe9 is not UTF-8.* iconv"),
        ("rows.csv", b'label,text\na,"b\n', COLUMNS, "line 2: .* Check the quotes"),
        ("rows.jsonl", b'{"text": "b"}\n', COLUMNS, "line 1: no key 'label' among 'text'"),
        ("rows.jsonl", b'{"text": 1.5, "label": "a"}\n', COLUMNS, "line 1: the text is a float"),
        ("rows.jsonl", b"[1]\n", COLUMNS, "line 1: a JSON list"),
        ("rows.jsonl", b"{\n", COLUMNS, "line 1: no JSON"),
        ("rows.jsonl", b'{"text": "cut \\ud83d", "label": "a"}', COLUMNS, "line 1: the text holds half a character"),
        ("rows.csv", b'label,text\na,"b\nc"\n,d\n', COLUMNS, "line 4: the label is empty"),
        ("rows.tsv.gz", b"label\ttext\n", COLUMNS, "no whole gzip file"),
        ("rows.ods", b"PK", COLUMNS, "no table that seqkit reads: expected .tsv, .csv, .jsonl"),
        ("rows.parquet", b"PAR1", COLUMNS, "is no Parquet file that pyarrow reads .*: write it again"),
        ("rows.xlsx", b"PK", COLUMNS, "is no workbook that openpyxl reads .*: save it as .csv"),
        ("folder.tsv", ..., COLUMNS, "is a folder"),
    ],
)
def test_a_wrong_file_gets_one_sentence(tmp_path, name, content, columns, complaint):
    path = tmp_path / name
    if content is ...:
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=complaint) as raised:
        read(path, columns)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ((["a"], ["b", "c"]), "different lengths"),
        (([b"caf\xe9"], ["b"]), "row 0: the text is not UTF-8"),
        (([None], ["b"]), "row 0: the text is a NoneType"),
        ({"text": ["a"]}, "no column 'label': it has 'text'"),
        (42, "The train data is a int: give a path"),
        (([], []), "has no rows"),
        (
            ("ab", ["a", "b"]),
            r"the arrays \(train\): the column of the text is a str, whose characters would be rows: give",
        ),
        ({"text": ["a", "b"], "label": b"ab"}, "the column of the label is a bytes, whose characters would be rows"),
    ],
)
def test_a_wrong_python_source_gets_one_sentence(source, complaint):
    with pytest.raises(InputError, match=complaint):
        read(source, COLUMNS)


@given(
    labels=st.lists(st.sampled_from("aaab"), min_size=2, max_size=200),
    seed=st.integers(0, 5),
)
def test_the_held_out_tenth_is_stratified_and_loses_nothing(labels, seed):
    examples = Examples({"text": [str(row) for row in range(len(labels))], "label": labels}, "here")
    if max(map(labels.count, set(labels))) == 1:
        with pytest.raises(InputError, match="too few rows"):
            hold_out(examples, by="label", seed=seed)
        return
    try:
        kept, held = hold_out(examples, by="label", seed=seed)
    except InputError:
        assert len(labels) < 20
        return
    assert sorted(kept["text"] + held["text"]) == sorted(examples["text"])
    assert held.columns == hold_out(examples, by="label", seed=seed)[1].columns
    for label in set(labels):
        assert abs(held["label"].count(label) - labels.count(label) / 10) <= 1
        assert label in kept["label"]


def test_one_row_can_not_be_split():
    with pytest.raises(InputError, match="too few rows .*--valid for seqkit train"):
        hold_out(Examples({"text": ["a"], "label": ["b"]}, "here"), by="label", seed=0)


# TFDS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A TFDS data set, made here, prepared as one that was downloaded."""
    import tensorflow_datasets as tfds

    class TinyReviews(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["neg", "pos"])}
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager):
            return {
                "train": self._generate_examples(5),
                "test": self._generate_examples(3),
                "unlabelled": self._generate_examples(2, -1),
            }

        def _generate_examples(self, rows, label=None):
            for row in range(rows):
                yield row, {"text": f"text {row}", "label": row % 2 if label is None else label}

    folder = tmp_path_factory.mktemp("tfds")
    TinyReviews(data_dir=str(folder)).download_and_prepare()
    return str(folder)


@pytest.mark.parametrize(
    ("source", "role", "rows"),
    [("tfds:tiny_reviews", "train", 5), ("tfds:tiny_reviews", "test", 3), ("tfds:tiny_reviews:train[:2]", "test", 2)],
)
def test_tfds_gives_texts_and_label_names(prepared, source, role, rows):
    examples = read(source, COLUMNS, role=role, data_dir=prepared)
    every = {f"text {row}": ("neg", "pos")[row % 2] for row in range(5)}
    got = dict(zip(examples["text"], examples["label"], strict=True))
    assert len(got) == len(examples) == rows
    assert got.items() <= every.items()


@pytest.mark.parametrize(
    ("source", "columns", "complaint"),
    [
        ("tfds:tiny_reviews", {"text": "body", "label": "label"}, "no feature 'body': it has .* --text"),
        ("tfds:no_such_data_set_at_all", COLUMNS, "TFDS knows no such data set"),
        ("tfds:tiny_reviews:dev", COLUMNS, "no split 'dev': it has .*'unlabelled'.* Name one"),
        ("tfds:tiny_reviews:unlabelled", COLUMNS, "rows without a label"),
    ],
)
def test_a_wrong_tfds_source_gets_one_sentence(prepared, source, columns, complaint):
    with pytest.raises(InputError, match=complaint):
        read(source, columns, data_dir=prepared)


def test_without_a_network_the_error_says_how_to_go_on(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def unreachable(self, *args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", unreachable)
    with pytest.raises(InputError, match=r"could not fetch .*ConnectionError.*`tfds build imdb_reviews .*--data-dir"):
        read("tfds:imdb_reviews", COLUMNS, data_dir=str(tmp_path))


def test_tables_that_fit_a_pattern_are_one(tmp_path):
    """In the order of their names, however each is written; lines are those of each file."""
    write(tmp_path / "part-1.tsv", TEXTS[:2], LABELS[:2])
    write(tmp_path / "part-2.jsonl.gz", TEXTS[2:], LABELS[2:])
    examples = read(str(tmp_path / "part-*"), COLUMNS)
    assert examples.columns == {"text": TEXTS, "label": LABELS}
    assert [examples.place(row) for row in range(4)] == [
        f"{tmp_path / name}, line {line}"
        for name, line in (("part-1.tsv", 2), ("part-1.tsv", 3), *[("part-2.jsonl.gz", n) for n in (1, 2)])
    ]
    assert examples.take([3, 0], "some").place(0) == f"{tmp_path / 'part-2.jsonl.gz'}, line 2"
    write(tmp_path / "part-3.tsv", ["one"], [" "])
    with pytest.raises(InputError, match=r"part-3\.tsv, line 2: the label is empty"):
        read(str(tmp_path / "part-*"), COLUMNS)
    with pytest.raises(InputError, match="No file's name fits the pattern"):
        read(str(tmp_path / "none-*.tsv"), COLUMNS)


def test_ids_are_what_json_can_say(tmp_path):
    """Or their row is named."""
    day, noon = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12)
    kinds = {
        "text": ["a", "b"], "whole": [1, -2], "float": [0.5, -1.0], "flag": [True, False], "day": [day, day],
        "noon": [noon, noon], "decimal": [decimal.Decimal("1.10"), decimal.Decimal("2.00")],
        "hole": [1.5, float("nan")], "list": [[1], [2]], "bytes": [b"a", b"b"], "none": ["a", None],
    }  # fmt: skip
    path, columns = tmp_path / "rows.parquet", {"text": "text"}
    pyarrow.parquet.write_table(pyarrow.table(kinds), path)
    as_text = {"day": str(day), "noon": noon.isoformat(), "decimal": "1.10"}
    for kind, values in kinds.items():
        if kind in ("hole", "list", "bytes", "none"):
            with pytest.raises(InputError, match=rf"rows\.parquet, line {2 if kind in ('hole', 'none') else 1}: .* id"):
                list(read_asked(path, columns, id=kind))
        else:
            ids = [row["id"] for row in read_asked(path, columns, id=kind)]
            assert ids[0] == as_text.get(kind, values[0])
            assert [*map(type, json.loads(json_text(ids)))] == [*map(type, ids)]
