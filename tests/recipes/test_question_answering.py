"""Question answering on files: a table with its images, answers to other tables, and what may be wrong with them."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.recipes.question_answering import question_answering

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}
SIDES = ("left", "right")
QUICK = {
    "encoder": Encoder(filters=(), units=48),
    "embedding": Embedding(units=8),
    "stack": Stack(cell="gru", units=(48,)),
    "hops": 1,
    "training": Training(epochs=1, batch_size=16, learning_rate=0.02),
}


def write_table(path, rng, images, extra=()):
    """Images of two halves, each of a colour, and a question about each."""
    (path.parent / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(images):
        colours = rng.choice(list(COLOURS), 2)
        halves = [np.full((4, 2, 3), COLOURS[colour], np.uint8) for colour in colours]
        name = f"{path.stem}_{number}.png"
        Image.fromarray(np.concatenate(halves, axis=1)).save(path.parent / "images" / name)
        asked = [(f"what is on the {side}?", colour) for side, colour in zip(SIDES, colours, strict=True)]
        asked += [
            (f"is the {side} red?", "yes" if c == "red" else "no") for side, c in zip(SIDES, colours, strict=True)
        ]
        rows += [(name, *one) for one in asked]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "question", "answer"), *rows, *extra])
    return path


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("halves"), np.random.default_rng(0)
    train = write_table(folder / "train.csv", rng, 120)
    test = write_table(folder / "test.csv", rng, 20, [("train_0.png", "what is on the left?", "purple")])
    return train, test


@pytest.fixture(scope="module")
def trained(tables, tmp_path_factory):
    quick = QUICK | {"training": Training(epochs=40, batch_size=16, learning_rate=3e-3, schedule="cosine")}
    return question_answering(tables[0], test=tables[1], out=tmp_path_factory.mktemp("runs") / "halves", **quick)


def test_both_image_and_question_are_read(trained):
    report = trained.report
    assert 0.95 < report["metrics"]["accuracy"]["value"] <= 80 / 81  # training didn't have one of the answers
    assert report["data"]["unseen_answers"] == 1
    assert report["data"]["images"] == 21
    for name in ("majority", "question_alone", "image_alone"):
        assert report["baselines"][name]["accuracy"]["high"] < 0.7, name
    kinds = {row["kind"]: row for row in report["per_kind"]}
    assert {kind: row["support"] for kind, row in kinds.items()} == {"what is": 41, "is the": 40}
    assert kinds["is the"]["accuracy"] > 0.95
    assert "purple" in [row["label"] for row in report["mistakes"]]
    valid = trained.info["data"]["valid"]
    assert valid["rows"] == 48
    assert valid["source"].startswith("a tenth of the images of ")


def test_the_report_shows_what_each_look_weighs(trained):
    looks = trained.report["looks"]
    assert {row["title"].split()[0] for row in looks[:2]} == {"what", "is"}  # one of each kind, then mistakes
    for row in looks:
        weights = np.array(row["weights"])
        assert weights.shape == (1, 4, 4)
        np.testing.assert_allclose(weights.sum(axis=(1, 2)), 1.0, atol=1e-2)
    page = (trained.path / "evaluations" / "training" / "report.html").read_text()
    assert page.count("hop 1") >= 3
    assert "wrong: it is purple" in page


def test_a_table_is_answered_as_its_rows_are(trained, tables, capsys):
    capsys.readouterr()
    assert main(["predict", str(trained.path), str(tables[1])]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == 81
    file = tables[1].parent / "images" / "test_0.png"
    question = "what is on the right?"
    (one,) = [row for row in answers[:4] if row["question"] == question]
    assert load(trained.path).predict([(file, question), (np.asarray(Image.open(file)), question)]) == [one, one]


def test_a_row_whose_image_cannot_be_read_keeps_its_place_among_the_answers(trained, tables):
    skipping = load(trained.path, on_error="skip")
    file, question = tables[1].parent / "images" / "test_0.png", "what is on the right?"
    (answer,) = trained.predict([(file, question)])
    first, *others = skipping.predict([("nowhere.png", "where?"), (file, question), (np.zeros((2, 2)), "why?")])
    assert first == {
        "question": "where?",
        "left_out": "There is no image nowhere.png: correct the path or restore the file.",
    }
    assert others[0] == answer
    assert "float64" in others[1]["left_out"]
    with pytest.raises(InputError, match="on_error is 'ignore': choose one of stop, skip"):
        load(trained.path, on_error="ignore")


def test_other_columns_name_the_image_and_the_kind(tables, tmp_path):
    rows = [("question", "image", "sort", "reply"), *(
        ("what is on the left?", "train_0.png", f"sort {row % 2}", str(row % 2)) for row in range(6)
    ), ("what is on the left?", "train_1.png", "sort 1", "1")]  # fmt: skip
    path = tables[0].parent / "other.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    names = {"image": "image", "answer": "reply", "kind": "sort"}
    run = question_answering(path, valid=path, out=tmp_path / "run", **names, **QUICK)
    assert {row["kind"]: row["support"] for row in run.report["per_kind"]} == {"sort 0": 3, "sort 1": 4}


def test_written_answers_are_scored_as_texts(tables, tmp_path, capsys):
    """One epoch teaches little: here counts that any text is scored, those that no training row has too."""
    run = question_answering(tables[0], test=tables[1], out=tmp_path / "run", answer_as="text", **QUICK)
    report = run.report
    assert report["data"]["rows"] == 81
    assert list(report["metrics"]) == ["exact_match", "chrf", "length_ratio"]  # BLEU counts runs of four words
    for name in ("majority", "question_alone", "image_alone"):
        assert 0 < report["baselines"][name]["exact_match"]["value"] < 0.7, name
    by_kind = sum(row["accuracy"] * row["support"] for row in report["per_kind"]) / 81
    assert report["metrics"]["exact_match"]["value"] == pytest.approx(by_kind)
    assert len(report["looks"]) >= 3
    for row in report["looks"]:
        np.testing.assert_allclose(np.sum(row["weights"], axis=(1, 2)), 1.0, atol=1e-2)
    capsys.readouterr()
    assert main(["predict", str(run.path), str(tables[1])]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(answer) for answer in answers] == [{"question", "answer", "score"}] * 81
    asked = [(tables[1].parent / "images" / "test_3.png", row["question"]) for row in answers[12:16]]
    for alone, row in zip(load(run.path).predict(asked), answers[12:16], strict=True):
        assert alone == row | {"score": pytest.approx(row["score"], abs=1e-5)}


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (["no pair"], r"Input 0 is a str, where \(image, question\)"),
        ([("nowhere.png", "what?")], "There is no image nowhere.png"),
        ([(np.zeros((2, 2, 3)), "what?")], "float64"),
    ],
)
def test_a_wrong_input_is_told(trained, ask, complaint):
    with pytest.raises(InputError, match=complaint):
        trained.predict(ask)


def test_commands_tell_what_is_wrong(trained, tables, tmp_path, capsys):
    assert main(["predict", str(trained.path)]) == 2
    assert "Standard input has no place for images" in capsys.readouterr().err
    broken = tmp_path / "broken.csv"
    broken.write_text("image,question,answer\nnowhere.png,what?,red\n")
    assert main(["evaluate", str(trained.path), "--data", str(broken)]) == 2
    assert "broken.csv, line 2: there is no image 'nowhere.png'" in " ".join(capsys.readouterr().err.split())
    for wrong, complaint in (({"hops": 0}, "hops is 0"), ({"answer_as": "word"}, "answer_as is 'word'")):
        with pytest.raises(InputError, match=complaint):
            question_answering(tables[0], out=tmp_path / "run", **QUICK | wrong)
