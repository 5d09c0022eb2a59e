"""An ensemble: the mean of the members' probabilities, as one run that is exported."""

import numpy as np
import pytest

import seqkit_runner
from seqkit import ensemble, load
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Search, Stack, Training
from seqkit.corpora.number_words import number_words
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.translation import translation
from seqkit.runs.parts import without_report
from seqkit.sources.examples import Examples
from seqkit.text.vocabulary import BEGIN, END, SPECIAL, UNKNOWN
from tests.cases import ROWS

ASKED = ["a good film", "", "a bad film number 3 and more"]


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    folder = tmp_path_factory.mktemp("members")
    for name, rows in {"rows": ROWS[::2], "valid": ROWS[1::2]}.items():
        (folder / f"{name}.tsv").write_text("label\ttext\n" + "".join("\t".join(row) + "\n" for row in rows))
    for name, seed in (("one", 0), ("two", 1)):
        sentiment(
            str(folder / "rows.tsv"),
            valid=str(folder / "valid.tsv"),
            seed=seed,
            out=folder / name,
            embedding=Embedding(units=4),
            stack=Stack(cell="lstm" if seed else "gru", units=(3,), bidirectional=not seed),
            training=Training(epochs=2 + 4 * seed, batch_size=4, learning_rate=3e-2),
        )
    return folder


def test_it_answers_with_the_mean_and_leaves_as_one(members, tmp_path, capsys):
    runs = [str(members / name) for name in ("one", "two")]
    test = str(members / "valid.tsv")
    assert main(["ensemble", *runs, "--out", str(tmp_path / "both"), "--test", test]) == 0
    assert "macro F1" in capsys.readouterr().out
    both = load(tmp_path / "both")
    answers = [[list(answer["probabilities"].values()) for answer in load(run).predict(ASKED)] for run in runs]
    found = both.predict(ASKED)
    probabilities = np.array([list(answer["probabilities"].values()) for answer in found])
    np.testing.assert_allclose(probabilities, np.mean(answers, axis=0), atol=2e-6)
    assert np.abs(np.subtract(*answers)).max() > 0.01
    assert set(both.report["baselines"]) == set(load(runs[0]).report["baselines"])
    assert [member["seed"] for member in both.info["members"]] == [0, 1]
    artefact = seqkit_runner.load(both.export("onnx"))
    for ours, theirs in zip(artefact.predict(ASKED), found, strict=True):
        assert ours["label"] == theirs["label"]
        assert ours["probabilities"] == pytest.approx(theirs["probabilities"], abs=1e-5)


def test_what_makes_no_ensemble_is_told(members, small, tmp_path):
    with pytest.raises(InputError, match="two runs or more, not of 1"):
        ensemble([members / "one"], out=tmp_path / "x")
    with pytest.raises(InputError, match="has another recipe, vocabulary or classes than"):
        ensemble([members / "one", small], out=tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def writers(tmp_path_factory):
    """Two translators of other cells, of which a place to look at is two symbols, and one that looks nowhere."""
    folder = tmp_path_factory.mktemp("writers")
    pairs = number_words(seed=0, rows=160)
    given = {"valid": pairs["valid"], "vocabulary_size": 100, "embedding": Embedding(units=6), "max_length": 24}
    for name, cell, attention in (
        ("one", "gru", "multiplicative"),
        ("two", "lstm", "additive"),
        ("blind", "gru", "none"),
    ):
        with without_report():
            translation(
                pairs["train"],
                out=folder / name,
                seed=len(name),
                encoder=Stack(cell=cell, units=(5, 4), pyramidal=True),
                decoder=Stack(cell=cell, units=(6,)),
                attention=Attention(attention),
                search=Search(beam=1 if name == "one" else 2, longest=9),
                training=Training(epochs=1, learning_rate=3e-2),
                **given,
            )
    return folder


def test_writers_choose_each_symbol_by_the_mean_of_their_probabilities(writers, tmp_path):
    one, two = (load(writers / name) for name in ("one", "two"))
    both = ensemble([one.path, two.path], out=tmp_path / "both").searching(beam=1)
    texts = ["seventeen", "ninety nine thousand and four", ""]
    reads = one.task.ids(Examples({"source": texts}, "here"), "source", cache=False)
    found = both.predict(texts)
    for place, text in enumerate(texts):
        ids, wrote, score = np.array([[*reads[place], END]], np.int32), [BEGIN], 0.0
        while text and len(wrote) < 10 and wrote[-1] != END:
            logits = [run.model([ids, np.array([wrote], np.int32)]).numpy()[0, -1] for run in (one, two)]
            shares = np.mean([np.exp(said) / np.exp(said).sum() for said in logits], axis=0)
            shares[[0, UNKNOWN, BEGIN]] = 0
            wrote.append(int(shares.argmax()))
            score += np.log(shares.max())
        symbols = [symbol for symbol in wrote if symbol >= len(SPECIAL)]
        assert (
            found[place]["translation"]
            == one.task.target.written(Ragged.of_lengths(np.array(symbols, np.int32), [len(symbols)]))[0]
        )
    artefact = seqkit_runner.load(both.export("onnx"))
    assert [answer["translation"] for answer in artefact.predict(texts)] == [answer["translation"] for answer in found]
    with pytest.raises(InputError, match="looks at other places than"):
        ensemble([one.path, writers / "blind"], out=tmp_path / "x")
