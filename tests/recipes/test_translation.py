"""Translation from the command line: units, several answers, and what can be wrong with pairs."""

import json

import numpy as np
import pytest
import sacrebleu
import tensorflow as tf

import seqkit_runner
from seqkit import load
from seqkit.cli.main import main
from seqkit.core.settings import Search
from seqkit.corpora.number_words import number_words
from seqkit.export.portable import portable
from seqkit.sources.examples import Examples
from seqkit.tasks.translation import Translation
from seqkit.text.vocabulary import learn_vocabulary
from seqkit_runner.artefact import alike

SMALL = {
    "vocabulary-size": 120,
    "embedding.units": 8,
    "encoder.units": 6,
    "decoder.units": 8,
    "training.epochs": 1,
    "source": "en",
    "target": "de",
}
DRAWN = {"search__temperature": 0.8, "search__top_p": 0.9, "search__replace_unknown": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Parallel files of English and German."""
    path = tmp_path_factory.mktemp("pairs")
    for split, columns in number_words(seed=0, rows=160).items():
        for suffix, texts in zip(("en", "de"), columns.values(), strict=True):
            (path / f"{split}.{suffix}").write_text("".join(f"{text}\n" for text in texts))
    return path


def train(folder, out, data="train", **flags):
    """The exit status of the command; `flags` are its own names with _ for - and __ for a dot."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in flags.items()}
    given = {"data": folder / data, "valid": folder / "valid", "out": folder / out} | SMALL | named
    several = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    return main(["train", "translation", *(f"--{name}={one}" for name, values in several.items() for one in values)])


@pytest.mark.parametrize(
    "unit", ["unigram", *(pytest.param(unit, marks=pytest.mark.slow) for unit in ("marked_word", "symbol"))]
)
def test_each_unit_goes_through_the_command_line(folder, unit, capsys):
    search = DRAWN if unit == "marked_word" else {"search__beam": 3}
    flags = {"search__n_best": 2, "search__longest": 12, "test": folder / "test"} | search
    if unit == "symbol":
        flags |= {"encoder__units": [6, 6], "encoder__pyramidal": True}
    if unit == "unigram":
        flags |= {"shared_vocabulary": True, "shared_embedding": True, "lowercase": True, "search__no_repeat": 1}
        flags["max_length"] = 12
    assert train(folder, unit, unit=unit, **flags) == 0
    run = load(folder / unit)
    if unit == "unigram":
        assert 0 < run.info["training_facts"]["pairs_left_out_as_too_long"] < 120
    assert set(run.report["metrics"]) == {"bleu", "chrf", "exact_match", "length_ratio"}
    assert set(run.report["baselines"]) == {"copy", "nearest"}
    case = "lc" if unit == "unigram" else "mixed"
    assert [f"case:{case}|" in run.report["signatures"][name] for name in ("bleu", "chrf")] == [True, True]
    for one, row in zip(run.report["attention"], run.report["written"], strict=False):
        if unit == "symbol":
            symbols = [*row["source"], "<end>"]
            assert one["places"] == ["".join(symbols[first : first + 2]) for first in range(0, len(symbols), 2)]
        assert len(one["weights"]) == len(one["written"])
        assert {len(row) for row in one["weights"]} == {len(one["places"])}
        assert [sum(row) for row in one["weights"]] == pytest.approx([1] * len(one["weights"]), abs=0.01)
    page = (run.path / "evaluations" / "training" / "report.html").read_text()
    assert "Where it looks" in page
    assert "What it writes" in page
    capsys.readouterr()
    asked = folder / "asked.txt"
    asked.write_text("forty-two\n\n" + "one hundred and " * 200 + "one\n")  # an empty one, and one longer than any seen
    assert main(["predict", str(run.path), str(asked)]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == 3
    assert answers[1] == {
        "translation": "",
        "score": 0.0,
        "others": [{"translation": "", "score": 0.0}] * (unit == "marked_word"),
    }
    for answer in (answers[0], answers[2]):
        assert unit == "marked_word" or answer["score"] >= answer["others"][0]["score"]
    if unit == "marked_word":
        check_drawn(run)


def check_drawn(run):
    """100 rows in one batch of what a SavedModel serves, and in batches of 64 and by themselves of the run."""
    texts = [f"{text} of 7" for text in number_words(seed=3, rows=800)["valid"]["source"]]
    assert len(texts) == 100
    answers = [answer["translation"] for answer in run.predict(texts)]
    served = run.task.serving(portable(run.model)).serve(tf.constant(texts))
    assert [text.decode() for text in served["text"].numpy()] == answers
    assert [run.predict([text])[0]["translation"] for text in texts[:20:5]] == answers[:20:5]
    assert len(set(answers)) > 20
    assert not any("<unknown>" in answer for answer in answers)
    of_source = [set(text.split()) & set(answer.split()) for text, answer in zip(texts, answers, strict=True)]
    assert any(word not in run.task.target.tokens for words in of_source for word in map("▁{}".format, words))


@pytest.mark.slow
def test_a_savedmodel_gives_the_best_answer_alone_and_other_formats_more(folder):
    pyramid = {"encoder__units": [6, 6], "encoder__pyramidal": True}
    assert train(folder, "several", unit="symbol", search__n_best=2, search__beam=3, search__longest=12, **pyramid) == 0
    run, texts = load(folder / "several"), ["forty-two", "", "one hundred"]
    expected = run.predict(texts)
    assert [len(answer["others"]) for answer in expected] == [1, 0, 1]
    alone, whole = (seqkit_runner.load(run.export(format)) for format in ("savedmodel", "onnx"))
    assert [alone.manifest["task"]["search"]["n_best"], whole.manifest["task"]["search"]["n_best"]] == [1, 2]
    for answer, best, several in zip(expected, alone.predict(texts), whole.predict(texts), strict=True):
        assert alike(answer, several, 1e-5)
        assert alike({name: value for name, value in answer.items() if name != "others"}, best, 1e-5)


def test_folded_translations_are_scored_folded():
    vocabulary = learn_vocabulary(["a b"], unit="marked_word", lowercase=True)
    task = Translation({}, vocabulary, vocabulary, Search(), 9)
    texts, references = ["two men are by the window"], ["Two men are at the Window."]
    scores = task.scorer(Examples({"target": references}, "here"), texts)(np.array([0]))
    assert scores["bleu"] == pytest.approx(sacrebleu.corpus_bleu(texts, [references], lowercase=True).score)
    assert scores["bleu"] > 1.2 * sacrebleu.corpus_bleu(texts, [references]).score


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ({"max_length": 1}, "every pair has more than max_length 1 units on a side"),
        ({"embedding__units": 9}, "tied needs an embedding as wide as the decoder: give embedding.units 8"),
        ({"shared_embedding": True}, "turn shared_vocabulary on"),
        ({"decoder__bidirectional": True}, "leave decoder.bidirectional off"),
        ({"decoder__units": [8, 8], "decoder__pyramidal": True}, "decoder.pyramidal is on, but there is an answer"),
        ({"attention__kind": "none", "attention__feeding": True}, "attention.feeding is on with attention.kind none"),
        ({"attention__units": 4, "attention__feeding": True}, "which scores in the decoder's width: leave it 0"),
        ({"attention__copying": True}, "attention.copying is on without shared_vocabulary"),
        (
            {
                "unit": "marked_word",
                "search__replace_unknown": True,
                "encoder__units": [8, 8],
                "encoder__pyramidal": True,
            },
            "where a place is several words",
        ),
        ({"search__n_best": 6}, "search.n_best is 6 with a beam of 5"),
        ({"search__top_p": 0.5}, "search.top_p 0.5 with search.temperature 0, where nothing is drawn"),
        ({"search__replace_unknown": True}, "search.replace_unknown is on with unit subword and attention.kind"),
        ({"vocabulary_size": 10}, "there is room for 6 pieces"),
        ({"training__batch_tokens": 0}, "training.batch_tokens is 0: give a number of at least 1"),
        ({"training__ar": 1}, "training.ar is 1.0, but the recipe translation doesn't read it"),
    ],
)
def test_settings_that_can_not_be_are_named(folder, flags, complaint, capsys):
    assert train(folder, "never", overwrite=True, **flags) == 2
    assert complaint in capsys.readouterr().err
    assert not (folder / "never").exists()


def test_files_of_different_lengths_are_refused_with_both_counts(folder, capsys):
    (folder / "longer.en").write_text("one\ntwo\nthree\n")
    (folder / "longer.de").write_text("eins\nzwei\n")
    assert train(folder, "never", data="longer", overwrite=True) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in ("3", "2", "longer.de"))
