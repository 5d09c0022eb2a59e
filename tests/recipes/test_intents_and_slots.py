"""Intents and slots from the command line: both kinds of answer, their scores, and a chain of tags beside a label."""

import json

import numpy as np
import pytest
import tensorflow as tf

from seqkit import load
from seqkit.cli.main import main
from seqkit.export.serving import TaggerAndClassifier
from seqkit.layers.crf import CRF, crf_loss
from seqkit.tasks.intents_and_slots import chain_and_label_loss

CITIES = ("new york", "boston", "san jose", "denver")
QUICK = ["--training.epochs", "6", "--training.batch-size", "4", "--training.learning-rate", "0.03"]
SMALL = ["--embedding.units", "8", "--stack.units", "8", "--character-units", "4", "--max-word-length", "5"]
INTENTS = {"fly from": "book", "cancel from": "cancel"}


def rows(twist=""):
    """Two intents, from one city to another; `twist` is put behind each label."""
    lines = []
    for opening, intent in INTENTS.items():
        for start in CITIES:
            for goal in CITIES:
                lines += [f"# intent = {intent}{twist}", *(f"{word}\tO" for word in opening.split())]
                for kind, city in (("from", start), ("to", goal)):
                    lines += [f"{part}\t{'I' if n else 'B'}-{kind}" for n, part in enumerate(city.split())]
                    lines += ["to\tO"] if kind == "from" else []
                lines.append("")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("requests") / "rows.conll"
    path.write_text(rows())
    return path


@pytest.fixture(scope="module")
def run(table):
    out = table.with_name("crf")
    flags = ["--output", "crf", *QUICK, *SMALL, "--pooling", "attention"]
    given = ["--data", str(table), "--valid", str(table), "--test", str(table), "--out", str(out)]
    assert main(["train", "intents_and_slots", *given, *flags]) == 0
    return load(out)


def test_both_answers_are_given_scored_and_reported(run):
    report = run.report
    assert list(report["metrics"])[:3] == ["exact_match", "accuracy", "macro_f1"]
    assert {"span_f1", "token_accuracy"} <= report["metrics"].keys()
    assert report["metrics"]["exact_match"]["value"] > 0.9
    assert report["baselines"].keys() == {"most_frequent", "linear"}
    assert report["baselines"]["most_frequent"]["accuracy"]["value"] == 0.5
    assert report["kept"]["monitor"] == "val_exact_match"
    assert {row["label"]: row["support"] for row in report["per_class"]} == {"book": 16, "cancel": 16}
    assert {row["label"]: row["support"] for row in report["per_span"]} == {"from": 32, "to": 32}
    (answer,) = run.predict(["cancel from San Jose to boston"])
    assert answer["label"] == "cancel"
    assert answer["tags"] == ["O", "O", "B-from", "I-from", "O", "B-to"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
    assert run.predict([""])[0]["tags"] == []


def test_a_row_is_right_where_its_label_and_all_its_tags_are(run):
    """Counted by hand, over rows of which a tag, the label, both or neither is turned."""
    words = [["fly", "from", "boston", "to", "denver"]] * 4
    (found,) = run.predict(words[:1])
    other = [*found["tags"][:-1], "O"]
    labels = [found["label"], "cancel" if found["label"] == "book" else "book"]
    report = run.evaluate((words, [found["tags"], other] * 2, [labels[0]] * 2 + [labels[1]] * 2), name="turned")
    assert report["metrics"]["exact_match"]["value"] == 0.25
    assert report["metrics"]["accuracy"]["value"] == 0.5
    assert report["metrics"]["token_accuracy"]["value"] == 18 / 20


def test_labels_that_the_model_does_not_know_are_counted_and_wrong(run, table, capsys):
    odd = table.with_name("odd.conll")
    odd.write_text(rows().replace("intent = book", "intent = refund"))
    assert main(["evaluate", str(run.path), "--data", str(odd), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["data"]["unseen_labels"] == 16
    assert report["metrics"]["accuracy"]["value"] <= 0.5
    odd.write_text(rows("-x"))
    assert main(["evaluate", str(run.path), "--data", str(odd), "--name", "none"]) == 2
    assert "none of them is a class of the model" in capsys.readouterr().err


def test_artefacts_of_a_chain_answer_as_the_run(run, monkeypatch):
    """Proven as they are written; and a SavedModel, of which nothing is traced twice, by its own answers."""
    run.export("onnx")
    tags, traced = TaggerAndClassifier._tags, []
    monkeypatch.setattr(TaggerAndClassifier, "_tags", lambda self, tokens: traced.append(1) or tags(self, tokens))
    saved = tf.saved_model.load(str(run.export("savedmodel") / "savedmodel"))
    assert len(traced) == 2  # "serve", which is the default, and "serve_tokens"
    texts = ["fly from denver to new york", "", "cancel\tfrom\tSan Jose\t"]
    served = saved.signatures["serving_default"](text=tf.constant(texts))
    for row, answer in enumerate(run.predict(texts)):
        tags = [tag.decode() for tag in served["tags"][row].numpy() if tag]
        assert (served["label"][row].numpy().decode(), tags) == (answer["label"], answer["tags"])
        np.testing.assert_allclose(served["probabilities"][row], list(answer["probabilities"].values()), atol=1e-5)


def test_the_loss_of_a_chain_and_a_label_is_that_of_each(rng):
    """Two tags, of which the chain is as if alone, and two labels, whose cross-entropy is NumPy's."""
    tags, labels = rng.normal(size=(1, 3, 2)).astype("float32"), rng.normal(size=(1, 2)).astype("float32")
    mask = np.array([[True, True, False]])  # two words and the end
    packed = np.full((1, 3, 4), -1e4, "float32")
    packed[:, :2, :2], packed[:, 2, 2:] = tags[:, :2], labels
    allowed = np.zeros((5, 5), bool)
    allowed[np.ix_([0, 1, 4], [0, 1, 4])] = True
    alone = crf_loss(tf.constant([[1, 0]]), CRF()(tf.constant(tags[:, :2]), mask=tf.constant(mask[:, :2])))
    both = chain_and_label_loss(
        tf.constant([[1, 0, 3]]), CRF(allowed)(tf.constant(packed), mask=tf.constant(mask)), tags=2
    )
    np.testing.assert_allclose(both[0, :2], alone[0], rtol=1e-4)
    np.testing.assert_allclose(both[0, 2], np.log(np.exp(labels).sum()) - labels[0, 1], rtol=1e-5)
