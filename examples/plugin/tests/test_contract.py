"""The recipe, the cell and the exporter keep seqkit's contract."""

import numpy as np
import pytest
from seqkit_languages.languages import languages
from seqkit_languages.leaky import RATE

import seqkit
from seqkit.corpora.number_words import number_words
from seqkit.testing.cells import check_cell
from seqkit.testing.exporters import check_exporter
from seqkit.testing.runs import check_company, check_reload, check_report

WORDS = ["twenty-one", "einundzwanzig", "", "  ", "☃"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Which side of seqkit's built-in pairs of numbers a text is from."""
    pairs = number_words(rows=4000)["train"]
    labels = ["en"] * len(pairs["source"]) + ["de"] * len(pairs["target"])
    out = tmp_path_factory.mktemp("languages") / "run"
    return languages(
        (pairs["source"] + pairs["target"], labels), out=out, stack=seqkit.Stack(cell="leaky", units=(32,))
    )


def test_cell():
    def reference(x, states, kernel, bias, recurrent, vectors):
        (h,) = states
        return ((1 - RATE) * h + RATE * np.tanh(x @ kernel + bias + h @ recurrent[0]),)

    check_cell("leaky", reference)


def test_run(run):
    assert run.report["metrics"]["accuracy"]["value"] > 0.95
    assert [answer["label"] for answer in run.predict(WORDS[:2])] == ["en", "de"]
    check_report(run)
    check_company(run, WORDS)
    check_reload(run, WORDS)


def test_export(run):
    for format in ("savedmodel", "labels"):
        check_exporter(run, format)


def test_command_line(run, tmp_path, capsys):
    from seqkit.cli.main import main

    assert main(["recipes"]) == 0
    assert "languages: Name the language of a text" in capsys.readouterr().out
    (tmp_path / "words.txt").write_text("siebzehn\n")
    assert main(["predict", str(run.path), str(tmp_path / "words.txt")]) == 0
    assert '"label": "de"' in capsys.readouterr().out
