"""What a file's form tells of what it is for."""

import json

import pytest

from seqkit import InputError
from seqkit.sources import looking
from seqkit.sources.looking import Guess, guess, look_at

REVIEWS = [
    ("it was not a good film", "bad"),
    ("a fine film at last", "good"),
    ("the cast was dull and long", "bad"),
] * 4
LONG = [f"number {place} of the texts that go on and on" for place in range(12)]


def table(separator, rows, header=None):
    lines = [*([header] if header else []), *rows]
    return "".join(separator.join(map(str, row)) + "\n" for row in lines)


FORMS = {
    "a.csv": (
        table(",", [(n, text, label) for n, (text, label) in enumerate(REVIEWS)], ("id", "review", "verdict")),
        Guess("text_classification", {"text": "review", "label": "verdict"}),
    ),
    "b.tsv": (  # without a header
        table("\t", [(label, text) for text, label in REVIEWS]),
        Guess("text_classification", {"text": "1", "label": "0"}),
    ),
    "c.jsonl": (
        "".join(json.dumps({"body": text, "stars": len(label)}) + "\n" for text, label in REVIEWS),
        Guess("text_classification", {"text": "body", "label": "stars"}),
    ),
    "d.csv": (  # of several columns that might be the label, the one that is called so
        table(",", [(label, text, len(label), "x y"[:1]) for text, label in REVIEWS], ("topic", "text", "n", "same")),
        Guess("text_classification", {"text": "text", "label": "topic"}, {"label": ["n"]}),
    ),
    "e.conllu": ("1\tgo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n\n", Guess("tagging", {"tokens": "tokens", "tags": "tags"})),
    "f": ("a B-X\nb O\n\nc O\nd O\n\n", Guess("tagging", {"tokens": "tokens", "tags": "tags"})),
    "g.jsonl": (
        json.dumps({"words": ["a", "b"], "ner_tags": ["X", "O"], "id": 3}) + "\n",
        Guess("tagging", {"tokens": "words", "tags": "ner_tags"}),
    ),
    "h.tsv": (
        table("\t", [(text, text[::-1]) for text in LONG], ("en", "de")),
        Guess("translation", {"source": "en", "target": "de"}),
    ),
    "i.txt": ("to be, or not\nto be, that\n", Guess("language_model")),
    "j.csv": (
        table(",", [(n, text) for n, text in enumerate(LONG)], ("id", "text")),
        Guess("language_model", {"text": "text"}),
    ),
    "k.csv": (
        table(",", [(f"{n}.png", text, "yes") for n, text in enumerate(LONG)], ("file", "Question", "answer")),
        Guess("question_answering", {"image": "file", "question": "Question", "answer": "answer"}),
    ),
    "l.csv": (
        table(",", [(f"{n}.JPG", text) for n, text in enumerate(LONG)], ("image", "caption")),
        Guess("captioning", {"image": "image", "caption": "caption"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_the_form_tells_the_recipe_and_its_columns(tmp_path, name):
    text, wanted = FORMS[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = guess(look_at(tmp_path / name))
    assert (found.recipe, found.columns) == (wanted.recipe, wanted.columns)
    assert {field: columns for field, columns in found.others.items() if columns} == wanted.others


def test_a_recipe_that_is_named_finds_its_own_columns(tmp_path):
    (tmp_path / "a.csv").write_text(FORMS["a.csv"][0])
    looked = look_at(tmp_path / "a.csv")
    assert guess(looked, "sentiment") == Guess(
        "sentiment", {"text": "review", "label": "verdict"}, {"label": [], "text": []}
    )
    assert guess(looked, "language_model").columns == {"text": "review"}
    assert guess(looked, "video_frames") == Guess("video_frames")
    with pytest.raises(InputError, match="the columns 'id', 'review', 'verdict', in which tagging finds nothing"):
        guess(looked, "tagging")


def test_a_look_may_end_inside_a_quoted_cell(tmp_path, monkeypatch):
    """Whichever line it ends with; where the file itself ends there, reading it says so."""
    monkeypatch.setattr(looking, "LOOKED_AT", 40)
    rows = [(number, f'"a\nfilm, {text}\n\nof three "', label) for number, (text, label) in enumerate(REVIEWS * 2)]
    for more in range(4):
        text = table(",", rows, ("id", '"of the review' + more * "\n" + '"', "verdict"))
        (tmp_path / "a.csv").write_text(text)
        found = guess(look_at(tmp_path / "a.csv"))
        assert (found.recipe, found.columns["label"]) == ("text_classification", "verdict")
    text = table(",", rows[:3])
    (tmp_path / "a.csv").write_text(text[: text.rindex('"')])
    with pytest.raises(InputError, match="Check the quotes there"):
        look_at(tmp_path / "a.csv")


def test_parallel_files_are_a_pair(tmp_path):
    for language in ("en", "de"):
        (tmp_path / f"train.{language}").write_text("a b\n")
    assert guess(look_at(tmp_path / "train")) == Guess("translation", {"source": "de", "target": "en"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n3,4\n", "has the columns 'a', 'b', which doesn't tell what it is for: name the recipe"),
    ],
)
def test_what_does_not_tell_gets_a_sentence(tmp_path, text, sentence):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        guess(look_at(tmp_path / "a.csv"))
