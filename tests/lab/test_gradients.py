"""The gradients of a run's model, and the page that shows them."""

import re

import numpy as np
import pytest
import tensorflow as tf

from seqkit.cli.main import main
from seqkit.core.settings import Attention, Stack, Training
from seqkit.lab.gradients import fresh_gradients, lead, run_gradients
from seqkit.recipes.translation import translation
from seqkit.runs.run import load
from seqkit.text.vocabulary import END
from tests.conftest import write_small_table


def test_the_gradient_of_a_run_is_that_of_its_loss_by_keras(small, tmp_path):
    table, run = write_small_table(tmp_path), load(small)
    found = run_gradients(run, table, rows=6)
    examples = run.task.read(table, run.columns(), role="test").take(range(6), "six")
    ids, labels = run.task.ids(examples, "text"), run.task.labels(examples)
    padded = np.zeros((6, int(max(ids.lengths)) + 1), np.int32)
    for row, own in enumerate(ids[number] for number in range(6)):
        padded[row, : len(own) + 1] = [*own, END]
    with tf.GradientTape() as tape:
        logits = run.model(padded, training=False)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    gradients = tape.gradient(loss, [weight.value for weight in run.model.trainable_variables])
    norm = np.sqrt(sum(np.sum(np.square(tf.convert_to_tensor(gradient))) for gradient in gradients))
    assert found["loss"] == pytest.approx(float(loss), rel=1e-4)
    assert found["weights"] == pytest.approx(norm, rel=1e-3)
    assert found["clipped"] == pytest.approx(min(norm, run.info["settings"]["training"]["global_clipnorm"]), rel=1e-3)
    assert found["rows"] == 6
    assert {len(layer["norms"]) for layer in found["layers"]} == {padded.shape[1]}
    assert all(np.max(layer["norms"]) > 0 for layer in found["layers"])


def test_the_steps_of_the_longest_row_are_shown_wherever_it_stands(small):
    run = load(small)
    texts, labels = ["a good film number 1 a good film number 2", "a bad film"], ["good", "bad"]
    given = ((texts, labels), (texts[::-1], labels[::-1]), (texts[:1], labels[:1]))
    for first, last, alone in zip(*(run_gradients(run, one)["layers"] for one in given), strict=True):
        assert len(first["norms"]) == len(first["jacobians"]) == 11, "ten words and the end"
        np.testing.assert_allclose(first["jacobians"], alone["jacobians"], rtol=1e-3)
        np.testing.assert_allclose(first["norms"], np.divide(alone["norms"], 2), rtol=1e-3)  # the mean of two rows
        np.testing.assert_allclose(last["norms"], first["norms"], rtol=1e-3)


def test_an_encoder_and_its_decoder_have_each_their_own_steps(tmp_path):
    pairs = (["one two three four five six", "seven"] * 8, ["uno dos tres", "siete"] * 8)
    parts = {"encoder": Stack(units=(4,)), "decoder": Stack(units=(4,)), "attention": Attention("none")}
    training = Training(epochs=1, batch_size=8)
    run = translation(pairs, valid=pairs, unit="word", tied=False, out=tmp_path / "run", training=training, **parts)
    for order in (slice(None, 2), slice(1, None, -1)):
        read, written = run_gradients(run, tuple(column[order] for column in pairs))["layers"]
        assert [len(layer["norms"]) for layer in (read, written)] == [7, 4]
        assert min(read["norms"] + written["norms"]) > 0


def test_the_page_names_each_cell_and_layer_and_what_becomes_of_its_gradient(small, tmp_path, capsys):
    table, page = write_small_table(tmp_path), tmp_path / "page.html"
    cells = ["--cell", "simple_rnn", "mingru", "--length", "30", "--units", "4", "--scale", "0.5", "2"]
    assert main(["gradients", str(small), "--data", str(table), "--rows", "3", "--to", str(page), *cells]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    assert "dies in simple_rnn (scale 0.5)" in text
    for said in ("closed form, scale 2", "mingru", "After training", "forget gate", "spectral radius"):
        assert said in text, said
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL))


def test_a_cell_that_does_the_same_at_every_scale_is_named_once():
    found = {
        "fresh": fresh_gradients(["gru"], 40, units=3, scales=(0.5, 0.6)),
        "trained": {"run": "r", "weights": 3, "clipped": 1},
    }
    assert "Over 40 steps before any training, it dies in gru." in lead(found)
    assert "a norm of 3, after clipping 1" in lead(found)


def test_rows_of_a_label_that_the_run_does_not_know_are_refused(small, tmp_path, capsys):
    (tmp_path / "rows.tsv").write_text("label\ttext\ngood\ta film\nnever\ta film\n")
    page = str(tmp_path / "page.html")
    assert main(["gradients", str(small), "--data", str(tmp_path / "rows.tsv"), "--to", page]) == 2
    assert "are labels that the run doesn't know" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["RUN"], "give them as data"),
        (["--data", "rows.tsv"], "Data is for the gradients of a run, and there is none: name one"),
        (["--cell", "gro"], "No cell is named 'gro'"),
        (["--length", "1"], "length is 1"),
        (["--cell", "gru", "--seed", "-1"], "seed is -1"),
    ],
)
def test_wrong_wishes_get_one_sentence(given, complaint, small, capsys, tmp_path):
    given = [str(small) if one == "RUN" else one for one in given]
    assert main(["gradients", *given, "--to", str(tmp_path / "page.html")]) == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
