"""Teaching: a student learns from what a teacher answers, beside labels or without any."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.lab.nearest import nearest_rows
from seqkit.recipes.sentiment import sentiment
from seqkit.runs.checking import check, checked
from seqkit.training.objectives import distillation
from tests.cases import ROWS, write_small_table


def write_answers(path, rows):
    """(text, probabilities) as a teacher's answers."""
    path.write_text("".join(json.dumps({"text": text, "probabilities": shares}) + "\n" for text, shares in rows))
    return path


def test_the_loss_is_that_of_hinton_et_al(rng):
    """From the equations, in NumPy: and T^2 makes its gradient as large as that of a label, whatever T."""
    logits, temperature = rng.normal(size=(4, 3)) * 3, 4.0
    teacher = np.exp(rng.normal(size=(4, 3)) / temperature)
    teacher /= teacher.sum(axis=1, keepdims=True)

    def log_softmax(values):
        return values - np.log(np.exp(values).sum(axis=1, keepdims=True))

    taught = np.array([1, 1, 0, 0])
    expected = np.where(
        taught,
        -(temperature**2) * (teacher * log_softmax(logits / temperature)).sum(axis=1),
        -(teacher * log_softmax(logits)).sum(axis=1),
    )
    targets = tf.constant(np.concatenate([teacher, taught[:, None]], axis=1), tf.float32)
    loss = distillation(temperature).loss(targets, tf.constant(logits, tf.float32))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_small_table(tmp_path_factory.mktemp("taught"))


@pytest.fixture(scope="module")
def answers(small, table):
    """Of the shared run, by the command line, to all of its texts."""
    import contextlib
    import io

    path, said = table.with_name("answers.jsonl"), io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["predict", str(small), str(table), "--with-inputs"]) == 0
    path.write_text(said.getvalue())
    return path


def test_predict_writes_what_a_student_reads(small, answers):
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [row.pop("text") for row in rows] == [text for _, text in ROWS]
    own = load(small).predict([text for _, text in ROWS])
    assert [{name: row[name] for name in answer} for row, answer in zip(rows, own, strict=True)] == own


def test_a_student_learns_from_the_teacher_alone_what_no_label_says(tmp_path):
    """The teacher turns all labels round, and is sure of half of them: so does, and is, the student."""
    turned = {"good": "bad", "bad": "good"}
    valid = tmp_path / "valid.tsv"
    valid.write_text("label\ttext\n" + "".join(f"{turned[label]}\t{text}\n" for label, text in ROWS))
    sure = {"good": {"good": 0.02, "bad": 0.98}, "bad": {"good": 0.6, "bad": 0.4}}
    path, out = write_answers(tmp_path / "a.jsonl", [(text, sure[label]) for label, text in ROWS]), tmp_path / "run"
    flags = [
        "--training.epochs",
        "8",
        "--training.epoch-steps",
        "0",
        "--training.learning-rate",
        "0.03",
        "--training.batch-size",
        "8",
        "--wide.ngrams",
        "0",
    ]
    given = ["--teacher", str(path), "--valid", str(valid), "--out", str(out)]
    assert main(["train", "sentiment", *given, *flags, "--stack.units", "8"]) == 0
    run = load(out)
    good, bad = (answer["probabilities"] for answer in run.predict([ROWS[0][1], ROWS[-1][1]]))
    assert good["bad"] > 0.9
    assert 0.5 < bad["good"] < 0.8
    assert run.info["training_facts"]["taught_rows"] == len(ROWS)


def test_labels_and_softened_answers_are_learned_from_together(table, tmp_path):
    """A row of either, its target by hand: at T = 2 the teacher's odds of 9 are odds of 3, and count as often as is said."""
    path = write_answers(tmp_path / "a.jsonl", [("some film", {"good": 0.9, "bad": 0.1})])
    given = {"teacher": path, "temperature": 2.0, "teacher_weight": 5.0, "valid": table}
    found = checked(sentiment, [table], given)
    rows, _ = found.task.encode_for_training(found.splits.train, 8)
    assert found.task.classes == ("bad", "good")
    np.testing.assert_allclose(rows.columns["targets"][[0, -2, -1]], [[0, 1, 0], [1, 0, 0], [0.25, 0.75, 1]], rtol=1e-6)
    assert rows.columns["weights"].tolist() == [1.0] * len(ROWS) + [5.0]
    assert found.splits.train.place(len(ROWS)) == f"{path}, line 1"
    held = found.task.encode_for_training(found.splits.valid, 8)[0].columns
    assert set(held["weights"]) == {1.0}
    assert not held["targets"][:, -1].any()


WRONG = {
    "the teacher knows 'ugly', which no training or validation row has": {"good": 0.5, "bad": 0.4, "ugly": 0.1},
    "the teacher knows nothing of 'bad'": {"good": 1.0, "fair": 0.0},
    "line 1: the probabilities add up to 1.4, where 1 is expected": {"good": 0.7, "bad": 0.7},
    "line 1: the probability of 'bad' is -0.5": {"good": 1.5, "bad": -0.5},
    "line 1: 'probabilities' is a float": 0.5,
    "probabilities of the one label 'good'": {"good": 1.0},
}


@pytest.mark.parametrize("complaint", WRONG)
def test_answers_of_other_labels_or_none_are_named(table, tmp_path, complaint):
    path = write_answers(tmp_path / "a.jsonl", [("a film", WRONG[complaint])])
    if "nothing of" in complaint:
        path = write_answers(path, [("a film", {"good": 1.0, "fair": 0.0})])
        with pytest.raises(InputError, match="nothing of 'bad'"):
            check(sentiment, teacher=path, valid=table)
        return
    with pytest.raises(InputError, match=complaint):
        check(sentiment, table, teacher=path)


def test_lines_of_other_labels_or_without_text_are_named(table, tmp_path):
    path = write_answers(tmp_path / "a.jsonl", [("a", {"good": 1, "bad": 0}), ("b", {"good": 1, "Bad": 0})])
    with pytest.raises(InputError, match="line 2: the teacher gives probabilities of 'Bad', 'good', in line 1"):
        check(sentiment, table, teacher=path)
    path.write_text('{"label": "good", "probabilities": {"good": 1.0, "bad": 0.0}}\n')
    with pytest.raises(InputError, match="line 1: found 'label', 'probabilities', where 'text'"):
        check(sentiment, table, teacher=path)


def test_a_teacher_may_write_labels_in_another_case(table, tmp_path):
    path = write_answers(tmp_path / "a.jsonl", [("a fine film", {"Good": 0.9, "BAD": 0.1})] * 3)
    check(sentiment, table, teacher=path)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_rows_of_a_student_are_read_again_with_its_teachers(table, answers, tmp_path, labelled):
    settings = {"embedding": Embedding(units=4), "stack": Stack(units=(4,)), "training": Training(epochs=1)}
    teacher, data = shutil.copy(answers, tmp_path / "answers.jsonl"), str(table) if labelled else None
    student = sentiment(data, valid=str(table), teacher=teacher, out=tmp_path / "student", **settings)
    near = nearest_rows(student, ROWS[3][1], count=2 * len(ROWS), among=0)
    same = [one.row for one in near if one.columns["text"] == ROWS[3][1]]
    assert sorted(same) == [3, 3 + len(ROWS)][: 1 + labelled]
    assert len(near) == student.info["data"]["train"]["rows"] == len(ROWS) * (1 + labelled)
    teacher.write_text("".join(answers.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(InputError, match="holds other training rows today"):
        nearest_rows(student, ROWS[3][1])


def test_the_check_names_answers_to_test_texts(table, tmp_path):
    fresh = tmp_path / "test.tsv"
    fresh.write_text("label\ttext\ngood\tnobody has seen this\nbad\tnor that\n")
    path = write_answers(tmp_path / "a.jsonl", [("Nobody has seen  this", {"good": 0.9, "bad": 0.1})])
    (leak,) = (
        one for one in check(sentiment, table, teacher=path, test=fresh) if one.kind == "leak" and "test" in one.what
    )
    assert leak.what.startswith("1 of 2 test rows stand in the training")


def test_what_a_teacher_alone_reads_is_refused_without_one(table, tmp_path):
    with pytest.raises(InputError, match="temperature is 2.0, but a training without a teacher doesn't read it"):
        sentiment(table, temperature=2.0, out=tmp_path / "run")
    path = write_answers(tmp_path / "a.jsonl", [("a", {"good": 1, "bad": 0})])
    with pytest.raises(InputError, match=r"training.label_smoothing is 0.1"):
        sentiment(table, teacher=path, training=Training(label_smoothing=0.1), out=tmp_path / "run")
