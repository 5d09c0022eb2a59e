"""What is said of tags: their scheme, and those that are none of it, with their lines."""

import pytest

from seqkit.sources.reading import read

COLUMNS = {"tokens": "tokens", "tags": "tags"}


@pytest.fixture
def found(tmp_path):
    def of(tags):
        path = tmp_path / "a.conll"
        path.write_text("\n".join(f"word\t{tag}" if tag else "" for tag in tags))
        return {finding.kind: finding for finding in read(path, COLUMNS).findings}

    return of


def test_the_scheme_is_said(found):
    (finding,) = found(["PER-B", "PER-I", "O", "", "LOC-B"]).values()
    assert (finding.kind, finding.harm) == ("tag_scheme", "note")
    assert "a.conll marks spans by tags in BIO, written as PER-B: 'LOC-B'" in finding.what
    same = found(["B-PER", "E-PER", "", "S-LOC", "O"])["tag_scheme"].what
    assert "in BIOES (or BMES, which looks the same here)" in same
    assert "(or" not in found(["B-PER", "I-PER", "E-PER", "", "S-LOC", "O"])["tag_scheme"].what


def test_the_tag_outside_of_spans_is_said(found):
    noted = found(["B-PER", "I-PER", "NIL", "", "NIL", "NIL"])
    assert noted.keys() == {"tag_scheme"}
    assert "in BIO, with NIL outside: 'B-PER', 'I-PER'" in noted["tag_scheme"].what
    assert "in BIO, written as B: 'B', 'I'" in found(["B", "I", "O", "", "O", "B", "I"])["tag_scheme"].what


def test_strays_are_named_with_their_lines(found):
    noted = found(["B-PER", "I-PER", "o", "", *["O"] * 9, "o", "E-PER", *["B-PER", "I-PER"] * 5])
    assert "in BIO" in noted["tag_scheme"].what
    stray = noted["stray_tag"]
    assert stray.harm == "error"
    assert [place.rpartition(" ")[2] for place in stray.places] == ["3", "14", "15"]
    assert "the tags 'E-PER', 'o' of 3 of the 24 tokens" in stray.what


def test_where_most_are_strays_it_is_said_that_no_spans_are_scored(found):
    noted = found(["B-PER", "I-PER", "o", "o", "", "o", "o", "O"])
    assert noted.keys() == {"stray_tag"}
    assert noted["stray_tag"].harm == "error"
    assert (
        "the tags 'B-PER', 'I-PER' look like spans in BIO, but the tag 'o' of 4 of the 7 tokens"
        in noted["stray_tag"].what
    )
    assert "at least 80%" in noted["stray_tag"].what
    assert [place.rpartition(" ")[2] for place in noted["stray_tag"].places] == ["3", "4", "6", "7"]


def test_tags_that_mark_no_spans_are_left_alone(found):
    assert found(["NOUN", "VERB", "S-ADJ", "O"]) == {}
