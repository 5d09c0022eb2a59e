"""Parallel text: line for line what is in the files, and one sentence for what doesn't fit together."""

import gzip

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.sources.parallel import read_parallel
from seqkit.sources.reading import read

COLUMNS = {"source": "en", "target": "de"}
NAMES = {"source": "source", "target": "target"}
PAIRS = {"source": ["One dog.", "Two\u00a0dogs."], "target": ["Ein Hund.", "Zwei\u2028Hunde."]}

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r"), min_size=1, max_size=20)
lines = texts.filter(str.strip)


def write(folder, english, german, name="train"):
    (folder / f"{name}.en").write_bytes(english.encode())
    (folder / f"{name}.de").write_bytes(german.encode())
    return folder / name


def read_split_anywhere(path):
    """What reads a file wrongly: Python's own idea of lines, of which a line separator inside a text is one."""
    return path.read_text(encoding="utf-8").splitlines()


@given(pairs=st.lists(st.tuples(lines, lines), min_size=1, max_size=5), end=st.sampled_from(["\n", "\r\n"]))
def test_two_files_give_back_what_was_written(tmp_path_factory, pairs, end):
    folder = tmp_path_factory.mktemp("pairs")
    english, german = (list(side) for side in zip(*pairs, strict=True))
    prefix = write(folder, end.join(english) + end, end.join(german))
    assert read_parallel(str(prefix), COLUMNS).columns == {"source": english, "target": german}


def test_lines_end_where_files_say(tmp_path):
    prefix = write(tmp_path, *("\n".join(side) for side in PAIRS.values()))
    assert read_parallel(prefix, COLUMNS).columns == PAIRS
    assert read_split_anywhere(tmp_path / "train.de") != PAIRS["target"]


def test_every_source_gives_the_same_pairs(tmp_path):
    for field, suffix in COLUMNS.items():
        (tmp_path / f"train.{suffix}.gz").write_bytes(gzip.compress("\n".join(PAIRS[field]).encode()))
    table = tmp_path / "pairs.tsv"
    table.write_text("target\tsource\n" + "".join(f"{de}\t{en}\n" for en, de in zip(*PAIRS.values(), strict=True)))
    frame = pd.DataFrame(PAIRS)
    frame.to_excel(tmp_path / "pairs.xlsx", index=False)
    frame.to_parquet(tmp_path / "pairs.parquet")
    workbooks = [(tmp_path / name, NAMES) for name in ("pairs.xlsx", "pairs.parquet")]
    sources = [
        *workbooks,
        (tmp_path / "train", COLUMNS),
        (table, NAMES),
        (tuple(PAIRS.values()), NAMES),
        (PAIRS, NAMES),
    ]
    for source, columns in sources:
        examples = read_parallel(source, columns)
        assert examples.columns == PAIRS
        assert read_parallel(examples, columns) is examples


def test_what_is_asked_has_no_target_and_loses_no_row(tmp_path):
    asked = ["One dog.", "", "  "]
    assert read_parallel((asked,), {"source": "source"})["source"] == asked
    prefix = write(tmp_path, "One dog.\n\n", "")
    assert read_parallel(prefix, {"source": "en"}).columns == {"source": ["One dog.", ""]}


sides = st.sampled_from(["", " ", "\u00a0\t", "a", "b c"])


@given(pairs=st.lists(st.tuples(sides, sides), min_size=1, max_size=8))
def test_pairs_with_an_empty_side_are_left_out_and_said_with_their_lines(tmp_path_factory, pairs):
    prefix = write(
        tmp_path_factory.mktemp("pairs"), *("".join(f"{text}\n" for text in side) for side in zip(*pairs, strict=True))
    )
    whole = [number for number, (a, b) in enumerate(pairs, start=1) if a.strip() and b.strip()]
    if not whole:
        with pytest.raises(InputError, match="no pair has two texts"):
            read_parallel(prefix, COLUMNS)
        return
    examples = read_parallel(prefix, COLUMNS)
    assert list(zip(*examples.columns.values(), strict=True)) == [pairs[number - 1] for number in whole]
    assert [examples.place(row).rsplit(" ", 1)[1] for row in range(len(examples))] == [str(number) for number in whole]
    named = {finding.kind: [int(place.rsplit(" ", 1)[1]) for place in finding.places] for finding in examples.findings}
    lines = list(enumerate(pairs, start=1))
    expected = {
        "empty_source": [number for number, (a, b) in lines if not a.strip() and b.strip()],
        "empty_target": [number for number, (a, b) in lines if a.strip() and not b.strip()],
        "empty_pair": [number for number, (a, b) in lines if not a.strip() and not b.strip()],
    }
    assert named == {kind: numbers for kind, numbers in expected.items() if numbers}


@pytest.mark.parametrize(
    ("english", "german", "complaint"),
    [
        ("a\nb\nc\n", "x\ny\n", "train.en has 3 lines and .*train.de has 2 lines"),
        ("", "", "are empty"),
        ("\n\n", "\n\n", "no pair has two texts"),
    ],
)
def test_files_that_do_not_fit_get_one_sentence(tmp_path, english, german, complaint):
    with pytest.raises(InputError, match=complaint) as raised:
        read_parallel(write(tmp_path, english, german), COLUMNS)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "columns", "complaint"),
    [
        ("train", NAMES, "train.source does not exist .*there are 'train.de', 'train.en'.* --source"),
        ("train", {"source": "en", "target": "fr"}, "train.fr does not exist .*--target"),
        ("dev", COLUMNS, "dev.en does not exist .*no name there begins 'dev'"),
        ("pairs.xls", COLUMNS, "a table \\(.tsv.*.xlsx"),
    ],
)
def test_a_prefix_without_files_says_what_is_there(tmp_path, name, columns, complaint):
    write(tmp_path, "a\n", "b\n")
    with pytest.raises(InputError, match=complaint):
        read_parallel(tmp_path / name, columns)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A TFDS data set with languages as ted_hrlr_translate has them; its third pair lacks a side."""
    import tensorflow_datasets as tfds

    class TinyTranslate(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return self.dataset_info_from_configs(features=tfds.features.Translation(languages=("en", "de")))

        def _split_generators(self, manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for row, (en, de) in enumerate([*zip(*PAIRS.values(), strict=True), ("Three dogs.", "")]):
                yield row, {"en": en, "de": de}

    folder = tmp_path_factory.mktemp("tfds")
    TinyTranslate(data_dir=str(folder)).download_and_prepare()
    return str(folder)


def test_tfds_gives_its_languages(prepared):
    examples = read_parallel("tfds:tiny_translate", COLUMNS, data_dir=prepared)
    assert set(zip(*examples.columns.values(), strict=True)) == set(zip(*PAIRS.values(), strict=True))
    assert [(finding.kind, finding.count) for finding in examples.findings] == [("empty_target", 1)]
    assert len(read("tfds:tiny_translate", COLUMNS, data_dir=prepared)) == 3
    with pytest.raises(InputError, match="no feature 'source': it has 'en', 'de'"):
        read_parallel("tfds:tiny_translate", NAMES, data_dir=prepared)


def test_what_is_noticed_of_either_file_is_kept(tmp_path):
    (tmp_path / "pairs.en").write_text("one\ntwo\n", encoding="utf-16")
    (tmp_path / "pairs.de").write_text("eins\nzwei\n")
    examples = read_parallel(tmp_path / "pairs", {"source": "en", "target": "de"})
    assert examples["source"] == ["one", "two"]
    assert [finding.kind for finding in examples.findings] == ["encoding"]
