"""Answers for a file carry what their rows are called, what is right, and what of them was not read."""

import dataclasses
import json
from collections import deque

import numpy as np
import pandas as pd
import pytest

from seqkit import Embedding, InputError, Run, Stack, load, predict_file
from seqkit.cli.main import main
from seqkit.runs.run import CHUNK
from seqkit.tasks.tagging import Tagging, build_tagger
from seqkit.text.lexicon import Lexicon, split_tokens
from tests.cases import answers_alone

SENTENCES = [["go", "to", "oslo"], ["oslo", "to", "go"]]


@pytest.fixture(scope="module")
def classifier(small):
    """A run that reads five tokens, the end among them."""
    run = load(small)
    return Run(run.path, dataclasses.replace(run.task, max_length=5), run.model, run.info)


@pytest.fixture(scope="module", params=["softmax", "crf"])
def tagger(request, tmp_path_factory):
    """A run that has learned nothing."""
    words = Lexicon.build(split_tokens(SENTENCES), lowercase=True, size=9, min_count=1, longest=3)
    task = Tagging({"tokens": "tokens", "tags": "tags"}, words, ("B-x", "O"), None, request.param)
    model = build_tagger(task, "cnn", 4, Embedding(units=4), Stack(units=(4,)), None)
    return Run(tmp_path_factory.mktemp("run"), task, model, {"settings": {"training": {"optimizer": "adam"}}})


def asked(run, path, **how):
    return list(predict_file(run, str(path), **how))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_is_asked_by_its_column(classifier, library):
    texts = [" ".join(["good film bad"] * (place % 7 + 1)) for place in range(CHUNK + 7)]
    frame = pytest.importorskip(library).DataFrame({"nr": range(len(texts)), "text": texts})
    assert classifier.predict(frame) == classifier.predict(texts)
    with pytest.raises(InputError, match="no column 'text'"):
        classifier.predict(frame[["nr"]])


@pytest.mark.parametrize("kind", [tuple, deque, np.array, pd.Series])
def test_any_sequence_is_asked(classifier, kind):
    texts = ["good film", "bad", "good"]
    assert classifier.predict(kind(texts)) == classifier.predict(texts)


def test_an_answer_that_is_no_number_is_refused(classifier, tmp_path, monkeypatch):
    kind = type(classifier.task)
    outputs = kind.outputs
    monkeypatch.setattr(kind, "outputs", lambda *given: outputs(*given) * np.nan)
    (tmp_path / "a.txt").write_text("good\n")
    for ask in (lambda: classifier.predict(["good"]), lambda: asked(classifier, tmp_path / "a.txt")):
        with pytest.raises(InputError, match="is answered by what is no number"):
            ask()


@pytest.mark.parametrize("inputs", ["a text", b"a text", {"text": ["a"]}, {"a"}, iter("a"), 3])
def test_what_is_no_rows_is_refused(classifier, inputs):
    for ask in (classifier.predict, classifier.inspect):
        with pytest.raises(InputError, match="is no list of inputs: give"):
            ask(inputs)


def test_ids_and_truths_stay_with_their_rows(classifier, tmp_path):
    """Over many chunks of uneven texts, which batches put in another order."""
    rows = [(f"n{place}", " ".join(["good film bad"] * (place % 7 + 1)), place % 3) for place in range(2 * CHUNK + 7)]
    truths = ["good", "bad", ""]
    lines = [f'{name},"{text}",{truths[kind]}' for name, text, kind in rows]
    (tmp_path / "a.csv").write_text("number,text,label\n" + "\n".join(lines) + "\n")
    answers = asked(classifier, tmp_path / "a.csv", id="number")
    assert [answer["id"] for answer in answers] == [name for name, *_ in rows]
    assert [answer.get("true_label", "") for answer in answers] == [truths[kind] for *_, kind in rows]
    assert answers_alone("\n".join(map(json.dumps, answers))) == classifier.predict([text for _, text, _ in rows])
    for answer, (_, text, _) in zip(answers, rows, strict=True):  # with a place for the end, four tokens are read
        assert answer["cut_tokens"] == max(0, len(text.split()) - 4)
        assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_unknown_tokens_are_counted(classifier, tmp_path):
    known = next(token for token in classifier.task.vocabulary.tokens if token.isalpha())
    (tmp_path / "a.txt").write_text(f"{known} qwx {known} zzy\n\n{known}\n")
    assert [answer["unknown_tokens"] for answer in asked(classifier, tmp_path / "a.txt")] == [2, 0, 0]
    assert all("true_label" not in answer and "id" not in answer for answer in asked(classifier, tmp_path / "a.txt"))


def test_objects_keep_their_ids_and_may_lack_labels(classifier, tmp_path):
    rows = [
        {"text": "a good film", "key": 7, "label": "bad"},
        {"text": "a", "key": "x"},
        {"text": "b", "key": 0, "label": None},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = asked(classifier, tmp_path / "a.jsonl", id="key")
    assert [(answer["id"], answer.get("true_label")) for answer in answers] == [(7, "bad"), ("x", None), (0, None)]


def test_a_workbook_has_ids_too(classifier, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["nr", "text", "label"], [1, "a good film", "good"], [2, "a bad film", None]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    answers = asked(classifier, tmp_path / "a.xlsx", id="nr")
    assert [(answer["id"], answer.get("true_label")) for answer in answers] == [(1, "good"), (2, None)]


def test_the_command_line_and_many_files_say_the_same(classifier, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.tsv").write_text("nr\ttext\tlabel\n1\ta good film\tgood\n")
    answers = asked(load(classifier.path), tmp_path / "in" / "a.tsv", id="nr")
    assert main(["predict", str(classifier.path), str(tmp_path / "in" / "a.tsv"), "--id", "nr"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == answers
    many = ["--input", str(tmp_path / "in" / "*.tsv"), "--out", str(tmp_path / "out"), "--id", "nr"]
    assert main(["predict", str(classifier.path), *many]) == 0
    assert json.loads((tmp_path / "out" / "a.tsv.jsonl").read_text()) == answers[0]


@pytest.mark.parametrize(
    ("name", "text", "id", "sentence"),
    [
        ("a.csv", "text,label\na,b\n", "nr", "a.csv has no column 'nr' of ids: it has 'text', 'label'"),
        ("a.csv", "nr,text\n,b\n", "nr", "line 2: there is no id in the column 'nr'"),
        ("a.csv", "nr,text,text\n1,b,c\n", "nr", "line 1: more than one column is called 'text'"),
        ("a.txt", "a good film\n", "nr", "a.txt is no table, without a column 'nr' of ids"),
    ],
)
def test_ids_that_are_not_there_get_a_sentence(classifier, tmp_path, name, text, id, sentence):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        asked(classifier, tmp_path / name, id=id)
    with pytest.raises(InputError, match="standard input has a text a line"):
        asked(classifier, "-", id=id)


def test_tags_carry_truths_probabilities_and_counts(tagger, tmp_path):
    (tmp_path / "a.conll").write_text("go O\nto O\noslo B-x\n\nberlin B-x\n\n")
    (tmp_path / "b.jsonl").write_text(json.dumps({"nr": 3, "tokens": ["go", "to"], "tags": ["O", "O"]}) + "\n")
    (tmp_path / "c.conllu").write_text(
        "".join(f"{n}\t{word}" + "\t_" * 8 + "\n" for n, word in enumerate(["go", "to"], 1))
    )
    first, second = asked(tagger, tmp_path / "a.conll")
    assert (first["true_tags"], second["true_tags"]) == (("O", "O", "B-x"), ("B-x",))
    assert (first["cut_words"], second["cut_words"]) == (1, 1)  # of more than three characters
    assert (first["unknown_words"], second["unknown_words"]) == (0, 1)
    assert answers_alone("\n".join(map(json.dumps, [first, second]))) == tagger.predict(
        [["go", "to", "oslo"], ["berlin"]]
    )
    for answer in (first, second):
        assert len(answer["probabilities"]) == len(answer["tags"])
        assert all(0 < share <= 1 for share in answer["probabilities"])
    (row,) = asked(tagger, tmp_path / "b.jsonl", id="nr")
    assert (row["id"], row["true_tags"]) == (3, ("O", "O"))
    (row,) = asked(tagger, tmp_path / "c.conllu")
    assert "true_tags" not in row
