"""Labels of rows beside tokens and tags: in comments, in columns, in tables."""

import json

import pytest

from seqkit.core.errors import InputError
from seqkit.sources.reading import read

COLUMNS = {"tokens": "tokens", "tags": "tags", "label": "label"}
ROWS = {"tokens": [("to", "oslo"), ("hello",)], "tags": [("O", "B-to"), ("O",)], "label": ["fly", "greet now"]}
COMMENTED = "# text = to oslo\n# {name} {mark} fly\nto\tO\noslo\tB-to\n\n#{name}{mark}greet now\nhello\tO\n"


def read_text(tmp_path, text, name="rows.conll", columns=COLUMNS):
    (tmp_path / name).write_text(text)
    return read(tmp_path / name, columns)


@pytest.mark.parametrize("name", ["label", "intent", "act"])
@pytest.mark.parametrize("mark", ["=", ":"])
def test_comments_have_the_label_of_the_sentence_behind_them(tmp_path, name, mark):
    columns = COLUMNS | ({"label": name} if name == "act" else {})
    examples = read_text(tmp_path, COMMENTED.format(name=name, mark=mark), columns=columns)
    assert examples.columns == ROWS
    assert [examples.place(row) for row in (0, 1)] == [f"{tmp_path / 'rows.conll'}, line {n}" for n in (3, 7)]


WAYS = {
    "a column by number": ("a.conll", "to fly O\noslo fly B-to\n\nhello greet_now O\n", {"label": "1"}),
    "a first column": ("a.conll", "fly to O\nfly oslo B-to\n\ngreet_now hello O\n", {"tokens": "1", "label": "0"}),
    "a header": ("a.conll", "act word tag\nfly to O\nfly oslo B-to\n\ngreet_now hello O\n",
                 {"tokens": "word", "tags": "tag", "label": "act"}),
    "CoNLL-U's comments": ("a.conllu", "# intent = fly\n1\tto\t_\tO" + "\t_" * 6 + "\n2\toslo\t_\tB-to" + "\t_" * 6
                           + "\n\n# intent = greet_now\n1\thello\t_\tO" + "\t_" * 6 + "\n", {}),
    "a column of CoNLL-U": ("a.conllu", "1\tto\t_\tO" + "\t_" * 5 + "\tfly\n2\toslo\t_\tB-to" + "\t_" * 5
                            + "\tfly\n\n1\thello\t_\tO" + "\t_" * 5 + "\tgreet_now\n", {"label": "misc"}),
    "a table": ("a.tsv", "label\ttokens\ttags\nfly\tto oslo\tO B-to\ngreet_now\thello\tO\n", {}),
    "objects": ("a.jsonl", json.dumps({"tokens": ["to", "oslo"], "tags": ["O", "B-to"], "label": "fly"}) + "\n"
                + json.dumps({"tokens": ["hello"], "tags": ["O"], "label": "greet_now"}) + "\n", {}),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_give_a_label_reads_the_same(tmp_path, way):
    name, text, columns = WAYS[way]
    examples = read_text(tmp_path, text, name, COLUMNS | columns)
    assert examples.columns == ROWS | {"label": ["fly", "greet_now"]}


COMPLAINTS = {
    "no label, where one is expected": "# intent = fly\nto\tO\n\nhello\tO\nyou\tO\n",
    "the labels 'fly', 'greet'": "# intent = fly\n# label = greet\nto\tO\noslo\tO\n\n# intent = fly\nhello\tO\n",
    "no label": "# intent = \nto\tO\noslo\tO\n\n# intent = fly\nhello\tO\n",
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_a_sentence_without_one_label_is_named(tmp_path, complaint):
    with pytest.raises(InputError, match=r"rows.conll, line \d: this sentence has " + complaint):
        read_text(tmp_path, COMPLAINTS[complaint])


def test_a_column_that_has_two_labels_in_a_sentence_is_named(tmp_path):
    with pytest.raises(InputError, match="line 2: the label is 'greet', at the first token of the sentence 'fly'"):
        read_text(tmp_path, "to fly O\noslo greet B-to\n\nhello fly O\n", columns=COLUMNS | {"label": "1"})
    with pytest.raises(InputError, match="label .*tags|tags .*label"):
        read_text(tmp_path, "to fly O\noslo fly B-to\n\nhello fly O\n", columns=COLUMNS | {"label": "2"})
