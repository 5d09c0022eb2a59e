"""What is noticed about labels and tags as they are read, and beside a model's classes."""

import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.sources.examples import Examples
from seqkit.sources.labels import named_as
from seqkit.sources.reading import read
from seqkit.sources.splits import read_splits

COLUMNS = {"text": "text", "label": "label"}
TAGGED = {"tokens": "tokens", "tags": "tags"}


def table(path, labels):
    path.write_text("text\tlabel\n" + "".join(f"row {n}\t{label}\n" for n, label in enumerate(labels)))
    return path


def found(examples, kind):
    return [finding for finding in examples.findings if finding.kind == kind]


def test_numbers_with_a_class_each_are_refused_to_train_on(tmp_path):
    path = table(tmp_path / "rows.tsv", np.random.default_rng(0).normal(size=200).round(4))
    with pytest.raises(InputError, match=r"has 200 rows and \d+ labels, which are numbers .* a class for each"):
        read(path, COLUMNS)
    assert len(read(path, COLUMNS, role="test")) == 200
    assert len(read(table(tmp_path / "few.tsv", [1, 2, 3] * 10), COLUMNS)) == 30  # classes by numbers


def test_labels_that_are_one_but_for_their_writing_are_named_with_their_lines(tmp_path):
    examples = read(table(tmp_path / "rows.tsv", ["0", "1", "0.0", "0", "Spam", "spam", "Spam "]), COLUMNS)
    near = {finding.what: (finding.harm, finding.places) for finding in found(examples, "near_labels")}
    assert near == {
        "the labels '0', '0.0' are one but for their writing, and count as 2 classes": (
            "error",
            (f"{tmp_path / 'rows.tsv'}, line 4",),
        ),
        "the labels 'Spam', 'spam' are one but for their writing, and count as 2 classes": (
            "warning",
            (f"{tmp_path / 'rows.tsv'}, line 7",),
        ),
    }
    assert [finding.places for finding in found(examples, "blanks")] == [(f"{tmp_path / 'rows.tsv'}, line 8",)]


def test_labels_are_read_as_the_classes_or_refused_with_both(tmp_path):
    rows = read(table(tmp_path / "rows.tsv", ["0.0", "1.0", "7"]), COLUMNS, role="test")
    named = named_as(rows, "label", ("0", "1"))
    assert named["label"] == ["0", "1", "7"]
    (note,) = found(named, "renamed_labels")
    assert "'0.0' as '0', '1.0' as '1'" in note.what
    assert note.count == 2
    assert named_as(rows, "label", ("0.0", "1.0", "7")) is rows
    with pytest.raises(InputError, match=r"labels '0\.0', '1\.0', '7', and none .* which are 'False', 'True'"):
        named_as(rows, "label", ("False", "True"))


def test_numbers_from_python_are_labels():
    labels = [np.float64(1.0), 0.0, True, 3]
    assert read((list("abcd"), labels), COLUMNS, role="test")["label"] == ["1.0", "0.0", "True", "3"]
    with pytest.raises(InputError, match="row 1: the label is a float"):
        read((["a", "b"], [1.0, float("nan")]), COLUMNS)


def test_the_scheme_is_said_and_stray_tags_are_named_with_their_lines(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("# text = Ada Brook sat\nAda\tPER-B\nBrook\tPER-I\nsat\to\n\nHere\tO\nEaston\tLOC-B\n")
    examples = read(path, TAGGED)
    assert [finding.what for finding in found(examples, "tag_scheme")] == [
        f"{path} marks spans by tags in BIO, written as PER-B: 'LOC-B', 'PER-B', 'PER-I'"
    ]
    (stray,) = found(examples, "stray_tag")
    assert (stray.harm, stray.places) == ("error", (f"{path}, line 4",))
    assert examples.take([1], "a part").place(0, 1) == f"{path}, line 7"


def test_tags_that_mark_no_spans_are_not_talked_about():
    rows = Examples({"tokens": [("a", "b")], "tags": [("NOUN", "VERB")]}, "here")
    assert read((rows["tokens"], rows["tags"]), TAGGED).findings == ()
    mixed = read(([("a", "b", "c", "d")], [("NOUN", "VERB", "B-PER", "I-PER")]), TAGGED)
    (stray,) = found(mixed, "stray_tag")
    assert stray.places == ("the arrays (train), row 0, token 1", "the arrays (train), row 0, token 2")
    assert "spans are read, and scored, where at least 80% of the tokens" in stray.what


def test_validation_labels_are_written_as_the_training_labels_are():
    """Or each would be a class of its own, which no training row has."""
    columns = {"text": "text", "label": "label"}
    valid = ["a", "b", "c"], ["1.0", "0.0", "2"]
    splits = read_splits((["a", "b"] * 3, ["1", "0"] * 3), valid, None, columns, seed=0, stratify="label")
    assert splits.valid["label"] == ["1", "0", "2"]
    [found] = [finding for finding in splits.valid.findings if finding.kind == "renamed_labels"]
    assert found.count == 2
