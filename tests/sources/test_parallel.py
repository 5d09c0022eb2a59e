"""Parallel text: line for line what is in the files, and one sentence for what doesn't fit together."""

import gzip

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
    sources = [(tmp_path / "train", COLUMNS), (table, NAMES), (tuple(PAIRS.values()), NAMES), (PAIRS, NAMES)]
    for source, columns in sources:
        examples = read_parallel(source, columns)
        assert examples.columns == PAIRS
        assert read_parallel(examples, columns) is examples


def test_what_is_asked_has_no_target_and_loses_no_row(tmp_path):
    asked = ["One dog.", "", "  "]
    assert read_parallel((asked,), {"source": "source"})["source"] == asked
    prefix = write(tmp_path, "One dog.\n\n", "")
    assert read_parallel(prefix, {"source": "en"}).columns == {"source": ["One dog.", ""]}


def test_pairs_of_nothing_are_left_out_and_said(tmp_path, capsys):
    prefix = write(tmp_path, "One dog.\n\nTwo dogs.\n", "Ein Hund.\n \nZwei Hunde.\n")
    assert read_parallel(prefix, COLUMNS)["source"] == ["One dog.", "Two dogs."]
    assert "left out 1 pairs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("english", "german", "complaint"),
    [
        ("a\nb\nc\n", "x\ny\n", "train.en has 3 lines and .*train.de has 2 lines"),
        ("a\nb\n", "x\n\n", "line 2: the target is empty"),
        ("a\n \n", "x\ny\n", "line 2: the source is empty"),
        ("", "", "are empty"),
        ("\n\n", "\n\n", "no line has two texts"),
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
        ("pairs.parquet", COLUMNS, "a table \\(.tsv"),
    ],
)
def test_a_prefix_without_files_says_what_is_there(tmp_path, name, columns, complaint):
    write(tmp_path, "a\n", "b\n")
    with pytest.raises(InputError, match=complaint):
        read_parallel(tmp_path / name, columns)


def test_a_table_with_one_empty_text_names_the_row():
    with pytest.raises(InputError, match="row 1: the target is empty"):
        read_parallel((["a", "b"], ["x", ""]), NAMES)


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


def test_tfds_gives_its_languages(prepared, capsys):
    examples = read_parallel("tfds:tiny_translate", COLUMNS, data_dir=prepared)
    assert set(zip(*examples.columns.values(), strict=True)) == set(zip(*PAIRS.values(), strict=True))
    assert "left out 1 pairs" in capsys.readouterr().err
    assert len(read("tfds:tiny_translate", COLUMNS, data_dir=prepared)) == 3
    with pytest.raises(InputError, match="no feature 'source': it has 'en', 'de'"):
        read_parallel("tfds:tiny_translate", NAMES, data_dir=prepared)
