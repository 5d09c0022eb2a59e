"""An ensemble: the mean of the members' probabilities, as one run that is exported."""

import numpy as np
import pytest

import seqkit_runner
from seqkit import ensemble, load
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.recipes.sentiment import sentiment
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
