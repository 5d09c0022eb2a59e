"""Unlabelled texts: what the language model gets to read, and the two trainings in one command."""

import pytest

from seqkit import check, load, prepare
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.fine_tuning import FineTuning
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.recipes.sentiment import sentiment
from seqkit.runs.pretraining import HELD_OUT, pretrained
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits

TRAIN = [f"good film {number}" for number in range(12)] + [f"bad film {number}" for number in range(12)]
LABELS = ["good"] * 12 + ["bad"] * 12
GIVEN = {
    **{"text": "text", "unit": "word", "lowercase": True, "vocabulary_size": 99, "min_count": 1, "seed": 0},
    **{"start_from": None, "data_dir": None, "workers": None, "worker": None, "overwrite": False, "resume": False},
    **{"embedding": Embedding(units=4), "stack": Stack(units=(4,), bidirectional=True), "pretraining": Training()},
    "fine_tuning": FineTuning(),
}


def splits_of(train, valid, test=()):
    return Splits(*(Examples({"text": list(rows), "label": list(rows)}, "rows") for rows in (train, valid, test)))


def test_no_text_of_a_validation_or_test_row_is_read(tmp_path):
    """Whichever of the sources it is in, and however its blanks and its case are written; every other one is, once."""
    (tmp_path / "more.txt").write_text("kept  one\nHeld\t OUT\n\ntested\nkept one\nkept two\nin training\n")
    seen = {}

    def language_model(data, *, valid, **settings):
        seen.update(settings, texts=[*data[0], *valid[0]], held=valid[0])

    splits = splits_of(train=["in training", "tested", "a\nb", *TRAIN], valid=["held out"], test=["tested"])
    out = tmp_path / "run"
    where = pretrained(language_model, splits, GIVEN | {"unlabelled": tmp_path / "more.txt", "out": out})
    assert sorted(seen["texts"]) == sorted(["kept one", "kept two", "in training", "a b", *TRAIN])
    assert where == seen["out"] == tmp_path / "run-language_model"
    assert len(seen["held"]) == len(seen["texts"]) // 10 < HELD_OUT
    assert seen["tied"]
    assert not seen["stack"].bidirectional


def test_the_data_itself_may_be_the_unlabelled_texts(tmp_path):
    seen = []
    splits = splits_of(train=TRAIN, valid=["held out"])
    given = GIVEN | {"unlabelled": ([*TRAIN, "held out"],), "out": tmp_path / "run"}
    pretrained(lambda data, *, valid, **settings: seen.extend([*data[0], *valid[0]]), splits, given)
    assert sorted(seen) == sorted(TRAIN)


@pytest.mark.parametrize(("overwrite", "resume"), [(True, False), (False, False), (True, True)])
def test_a_language_model_that_is_another_is_replaced_where_that_is_meant(tmp_path, overwrite, resume):
    asked = []

    def language_model(data, *, valid, out, resume=False, overwrite=False, **settings):
        asked.append((resume, overwrite))
        if resume:
            raise InputError("The run was started with other settings.")

    given = GIVEN | {"unlabelled": (["a", "b"],), "out": tmp_path / "run", "overwrite": overwrite, "resume": resume}
    if overwrite and not resume:
        pretrained(language_model, splits_of(TRAIN, ["held out"]), given)
        assert asked == [("auto", False), (False, True)]
    else:
        with pytest.raises(InputError, match="other settings"):
            pretrained(language_model, splits_of(TRAIN, ["held out"]), given)


def unknown_share(run, texts):
    _, facts = run.task.encode(run.task.read((texts,), {"text": "text"}, role="asked"), 8)
    return facts["unknown_token_share"]


@pytest.mark.parametrize("unit", ["word", pytest.param("unigram", marks=pytest.mark.slow)])
def test_one_command_pretrains_and_goes_on(tmp_path, unit):
    table, more = tmp_path / "rows.tsv", tmp_path / "more.txt"
    rows = zip(TRAIN, LABELS, strict=True)
    table.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))
    more.write_text("".join(f"an unlabelled thriller {number}\n" for number in range(20)))
    flags = ["--data", str(table), "--unlabelled", str(more), "--out", str(tmp_path / "run"), "--min-count", "1"]
    flags += ["--unit", unit]
    quick = [f"--{part}.{flag}" for part in ("training", "pretraining") for flag in ("epochs=1", "batch-size=4")]
    quick.append("--training.epoch-steps=0")
    command = ["train", "sentiment", *flags, *quick, "--embedding.units", "4", "--stack.units", "4"]
    assert main(command) == 0
    run, before = load(tmp_path / "run"), load(tmp_path / "run-language_model")
    assert run.report["baselines"]
    assert not before.report  # of one that is made for another
    assert unknown_share(run, ["thriller"]) == 0
    assert run.task.vocabulary == before.task.vocabulary
    assert run.info["started_from"]["run"] == str(before.path)
    assert run.info["started_from"]["new"] == ["lstm_1 backward", "logits"]
    assert main([*command, "--overwrite", "--training.learning-rate", "0.01"]) == 0  # which trains the second one anew
    assert load(before.path).info["digest"] == before.info["digest"]


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"start_from": "somewhere"}, "give one of them"),
        ({"unit": "character"}, "needs unit word or whitespace or subword or unigram"),
        ({"unit": "subword", "pretraining": Training(sampled=10)}, r"pretraining\.sampled is 10 with unit subword"),
        (
            {"unit": "subword", "fine_tuning": FineTuning(language_model=0.5)},
            r"fine_tuning\.language_model is 0\.5 with unit subword",
        ),
        ({"workers": "localhost:1,localhost:2", "worker": 0}, "is for one worker"),
    ],
)
def test_what_is_not_done_is_refused(tmp_path, other, sentence):
    given = GIVEN | {"unlabelled": (["a", "b"],), "out": tmp_path / "run"} | other
    with pytest.raises(InputError, match=sentence):
        pretrained(None, splits_of(train=TRAIN, valid=["held out"]), given)


def test_a_check_trains_nothing_and_a_preparation_is_refused(tmp_path):
    rows = (TRAIN, LABELS)
    check(sentiment, rows, unlabelled=(["a", "b"],), min_count=1)
    with pytest.raises(InputError, match="not prepared: train the language model by itself"):
        prepare(sentiment, rows, unlabelled=(["a", "b"],), out=tmp_path / "prepared")
    with pytest.raises(InputError, match="pretraining.epochs is 9, but a training without unlabelled texts"):
        sentiment(rows, pretraining=Training(epochs=9), out=tmp_path / "never")
