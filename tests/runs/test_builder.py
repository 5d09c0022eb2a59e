"""A run in the making: it stands once it is trained, whatever comes after; it goes on with what it was started with."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.arguments import PLACES, parts_of
from seqkit.core.errors import InputError, TrainingError
from seqkit.core.registry import recipes
from seqkit.core.settings import Embedding, Search, Stack, Training
from seqkit.core.wide import Wide
from seqkit.metrics.metric import _DECLARED, Metric, declare
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.recipes.translation import translation
from seqkit.runs.contents import write_info
from seqkit.runs.opening import load_model
from seqkit.runs.parts import add_baseline, add_parts, lacking, without_report
from seqkit.runs.rehearsal import few, rehearse
from seqkit.runs.run import Run
from seqkit.sources.examples import Examples
from seqkit.tasks.sentiment import Sentiment
from tests.cases import QUICK, write_small_table

SMALL = {
    "embedding": Embedding(units=2),
    "stack": Stack(cell="gru", units=(2,)),
    "training": Training(epochs=2, batch_size=8),
    "min_count": 1,
}


class StopAfterAnEpoch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


class Trained(Exception):  # noqa: N818
    """The training has begun."""


class StopAtOnce(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise Trained


class StopAfterTheFirst(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise Trained


def texts(kind):
    return [f"{word} {kind} film {number}" for number in range(8) for word in ("good", "bad")], ["+", "-"] * 8


def fails(*arguments, **options):
    raise ValueError("it fell over")


# What fails of a run once it is trained: where, and what it is called.
LATE = {
    "samples": ("seqkit.runs.parts.add_samples", "samples, without which nothing is exported"),
    "all baselines": ("seqkit.tasks.sentiment.Sentiment.fit_baselines", "baselines"),
    "a baseline's fitting": ("seqkit.baselines.classifiers.LinearTfidf.fit", "baseline linear"),
    "a baseline's answers": ("seqkit.baselines.classifiers.LinearTfidf.probabilities", "baseline linear"),
    "the sections": ("seqkit.tasks.sentiment.Sentiment.sections", "sections of the report"),
    "the page": ("seqkit.runs.evaluation.write_html", "report.html"),
    "the scores": ("seqkit.tasks.sentiment.Sentiment.scorer", "evaluation"),
    "the report's place": ("seqkit.runs.parts.write_evaluation", "evaluation"),
}


@pytest.mark.parametrize(("path", "what"), LATE.values(), ids=LATE.keys())
def test_what_fails_after_the_training_is_named_and_takes_nothing_else(small, tmp_path, monkeypatch, path, what):
    run = bare(small, tmp_path / "run")
    rows = run.task.read(small.parent / "rows.tsv", run.task.columns)
    monkeypatch.setattr(path, fails)
    add_parts(run, rows, rows, rows)
    monkeypatch.undo()
    run = load(run.path)
    assert run.failed.keys() == {what}
    assert run.failed[what].startswith("ValueError, test_builder.py line")
    assert "it fell over" in run.failed[what]
    assert run.predict(["a good film"])[0]["label"] in ("good", "bad")
    if what != "evaluation":
        assert run.report["failed"] == run.failed
        assert run.report["metrics"].keys() >= {"accuracy", "macro_f1"}
    if what not in ("evaluation", "report.html"):
        page = (run.path / "evaluations" / "training" / "report.html").read_text(encoding="utf-8")
        assert f"Failed: {what}" in page
    every = {"majority", "linear", "naive_bayes"}
    fitted = {"baselines": set(), "baseline linear": every - {"linear"}}.get(what, every)
    assert set(run.report.get("baselines", fitted)) == fitted


def bare(folder, path):
    """The run in a folder of its own, as it stands before anything is added."""
    shutil.copytree(folder, path, ignore=shutil.ignore_patterns("baselines", "evaluations", "samples*"))
    info = json.loads((path / "run.json").read_text())
    info["files"] = {name: digest for name, digest in info["files"].items() if (path / name).exists()}
    write_info(path, info)
    return load(path)


def test_a_run_that_lacks_something_ends_with_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("seqkit.baselines.classifiers.LinearTfidf.fit", fails)
    out, table = tmp_path / "run", write_small_table(tmp_path)
    assert main(["train", "sentiment", "--data", str(table), "--out", str(out), *QUICK]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == str(out)
    assert "Traceback" not in captured.err
    said = captured.err.splitlines()[-1]
    assert said.startswith(f"seqkit: {out} stands and can be used, but this failed: baseline linear (ValueError")


def test_a_run_whose_making_is_stopped_after_the_training_stands(tmp_path, monkeypatch, capsys):
    def pressed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("seqkit.runs.parts.add_baseline", pressed)
    command = ["train", "sentiment", "--data", str(write_small_table(tmp_path)), "--out", str(tmp_path / "run"), *QUICK]
    assert main(command) == 130
    assert f"{tmp_path / 'run'} stands" in capsys.readouterr().err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.tsv", "run"]
    assert load(tmp_path / "run").predict(["a good film"])


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run whose making was stopped at its linear baseline, beside its data."""

    def pressed(run, name, baseline):
        if name == "linear":
            raise KeyboardInterrupt
        add_baseline(run, name, baseline)

    folder, said = tmp_path_factory.mktemp("stopped"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
        patch.setattr("seqkit.runs.parts.add_baseline", pressed)
        assert main(training_of(folder)) == 130
    assert "--resume adds it" in said.getvalue().splitlines()[-1]
    return folder


def training_of(folder):
    """The command that makes a run in a folder of data that is there too."""
    return ["train", "sentiment", "--data", str(write_small_table(folder)), "--out", str(folder / "run"), *QUICK]


@pytest.fixture
def unfinished(stopped, tmp_path):
    """The command of that run, which lies in a folder of its own."""
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    return training_of(tmp_path)


def test_what_a_run_lacks_is_added_by_the_command_with_resume(unfinished, small, tmp_path, monkeypatch, capsys):
    before = load(tmp_path / "run")
    assert lacking(before) == ["baseline linear", "baseline naive_bayes", "evaluation"]
    kept = {name: (tmp_path / "run" / name).stat().st_mtime_ns for name in before.info["files"]}
    with monkeypatch.context() as patch:
        patch.setattr("seqkit.runs.builder.Trainer", fails)  # nothing is trained again
        assert main([*unfinished, "--resume"]) == 0
    run = load(tmp_path / "run")
    said = capsys.readouterr().err.replace("\n", " ")
    assert "what it lacks is added: baseline linear, baseline naive_bayes, evaluation" in said
    assert lacking(run) == []
    assert kept.items() <= {name: (run.path / name).stat().st_mtime_ns for name in run.info["files"]}.items()
    for part in ("metrics", "baselines", "compared"):
        assert run.report[part] == load(small).report[part]  # of the same command, which was not stopped
    assert main([*unfinished, "--resume"]) == 2
    assert "lacks nothing: leave --resume out" in capsys.readouterr().err
    assert main([*unfinished, "--resume", "auto"]) == 0
    assert "is trained, and lacks nothing" in capsys.readouterr().err


def test_a_part_that_failed_is_tried_again_and_nothing_else_is_done_on_other_data_or_settings(
    unfinished, tmp_path, monkeypatch, capsys
):
    assert main([*unfinished, "--resume", "--min-count", "3"]) == 2
    assert "min_count 2, now it is 3: use the same settings" in capsys.readouterr().err
    assert main([*unfinished, "--resume", "--test", str(tmp_path / "rows.tsv")]) == 2
    assert "was started with other test rows (" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("seqkit.baselines.classifiers.LinearTfidf.fit", fails)
        assert main([*unfinished, "--resume"]) == 1
    assert lacking(load(tmp_path / "run")) == ["baseline linear"]
    assert main([*unfinished, "--resume"]) == 0
    run = load(tmp_path / "run")
    assert (run.failed, set(run.report["baselines"])) == ({}, {"majority", "linear", "naive_bayes"})


EARLY = {
    "the model's file": ("seqkit.runs.opening.keras.saving.load_model", "keeping the model"),
    "a baseline's fitting": ("seqkit.baselines.classifiers.LinearTfidf.fit", "the baseline linear"),
    "a baseline's answers": ("seqkit.baselines.classifiers.LinearTfidf.probabilities", "scoring"),
    "answers": ("seqkit.tasks.sentiment.Sentiment.answers", "answering"),
    "scores": ("seqkit.tasks.sentiment.Sentiment.scorer", "scoring"),
    "sections": ("seqkit.tasks.sentiment.Sentiment.sections", "scoring"),
    "the page": ("seqkit.runs.evaluation.write_html", "scoring"),
    "what is served": ("seqkit.tasks.sentiment.Sentiment.serving", "exporting"),
    "samples": ("seqkit.runs.exporting.read_samples", "exporting"),
}


@pytest.mark.usefixtures("rehearsed")
@pytest.mark.parametrize(("path", "what"), EARLY.values(), ids=EARLY.keys())
def test_what_would_fail_at_the_end_fails_in_the_first_epoch(tmp_path, monkeypatch, path, what):
    monkeypatch.setattr(path, fails)
    with pytest.raises((TrainingError, InputError), match=f"(?s)After the first steps {what} was tried.*it fell over"):
        sentiment(texts("data"), valid=texts("valid"), out=tmp_path / "run", callbacks=[StopAfterTheFirst()], **SMALL)
    assert not list(tmp_path.iterdir())


def test_what_is_tried_comes_after_the_first_steps_and_changes_nothing(tmp_path, monkeypatch):
    """Nor the rate at which is learned, which falls where an epoch gets no better, nor a callback's wish to stop."""
    tried, tokens = [], [["a", "b", "a"], ["b", "a"]] * 8
    tags = [["x" if word == "a" else "y" for word in row] for row in tokens]
    settings = {
        "valid": (tokens, [row[::-1] for row in tags]),  # which get worse
        "embedding": Embedding(units=2),
        "stack": Stack(cell="gru", units=(2,), dropout=0.5),
        "training": Training(epochs=4, batch_size=8, epoch_steps=2, plateau_patience=1, learning_rate=0.02),
    }
    steps = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: tried.append(batch))

    def wishing(*arguments):
        model = arguments[1].model
        model.stop_training = True
        rehearse(*arguments)
        tried.append(("all", model.stop_training))
        model.stop_training = False

    monkeypatch.setattr("seqkit.runs.builder.rehearse", wishing)
    one = tagging((tokens, tags), out=tmp_path / "one", callbacks=[steps], **settings)
    assert tried == [0, ("all", True), 1, *[0, 1] * 3]
    other = tagging((tokens, tags), out=tmp_path / "other", **settings)
    for weights, same in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, same)
    assert [row["learning_rate"] for row in history(one)] == [row["learning_rate"] for row in history(other)]
    rates = [float(row["learning_rate"]) for row in history(one)]
    assert rates[-1] < rates[0] == pytest.approx(0.02)


def test_a_signal_ends_what_is_tried_at_once_and_leaves_nothing(tmp_path, monkeypatch):
    def rehearse(*arguments):
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("it went on")

    monkeypatch.setattr("seqkit.runs.builder.rehearse", rehearse)
    with pytest.raises(KeyboardInterrupt, match="the first steps, which are not saved"):
        sentiment(texts("data"), valid=texts("valid"), out=tmp_path / "run", **SMALL)
    assert not list(tmp_path.iterdir())


def history(run):
    with open(run.path / "history.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("rehearsed")
def test_a_file_that_gives_another_model_back_is_found_in_the_first_epoch(tmp_path, monkeypatch):
    def other(path):
        model = load_model(path)
        head = model.get_layer("logits")
        head.set_weights([weight + 0.01 for weight in head.get_weights()])
        return model

    monkeypatch.setattr("seqkit.runs.run.load_model", other)
    with pytest.raises(
        TrainingError, match=r"keeping the model was tried.*the file's model answers otherwise by 0\.0\d+"
    ):
        sentiment(texts("data"), valid=texts("valid"), out=tmp_path / "run", callbacks=[StopAfterTheFirst()], **SMALL)


@pytest.mark.usefixtures("rehearsed")
def test_rehearsal_scores_of_each_epoch_and_report_are_of_one_graph_of_the_model(tmp_path):
    run = sentiment(texts("data"), valid=texts("valid"), out=tmp_path / "run", **SMALL)
    assert run.forward._run.experimental_get_tracing_count() == 1
    assert run.predict(["good film"]) == load(tmp_path / "run").predict(["good film"])  # with the weights of now


@pytest.mark.usefixtures("rehearsed")
def test_a_baseline_that_finds_a_few_rows_too_few_is_tried_on_all(tmp_path, monkeypatch):
    fit, asked = Sentiment.fit_baselines, []

    def needs_many(self, train):
        asked.append(len(train))
        return {name: (one if len(train) >= 16 else fails) for name, one in fit(self, train).items()}

    monkeypatch.setattr(Sentiment, "fit_baselines", needs_many)
    with pytest.raises(Trained):
        sentiment(texts("data"), valid=texts("valid"), out=tmp_path / "run", callbacks=[StopAfterTheFirst()], **SMALL)
    assert set(asked) == {8, 16}


def test_a_full_place_is_found_before_the_training(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"0 MB left, while this training writes about .* make room"):
        sentiment(texts("data"), valid=texts("valid"), out=tmp_path / "run", callbacks=[StopAtOnce()], **SMALL)


class Asked:
    """What `few` looks at of a task."""

    fields = ("text",)


def test_a_few_rows_hold_the_shortest_and_every_answer():
    words = ["one", "", "three words here", "two words"] * 10
    labels = ["a"] * 30 + ["b"] * 10
    kept = few(Examples({"text": words, "label": labels}, "here"), Asked, 4)
    assert kept["text"][0] == ""
    assert set(kept["label"]) == {"a", "b"}
    assert len(kept) == 4
    assert len(few(Examples({"text": ["one"], "label": ["a"]}, "here"), Asked, 4)) == 1


class Vanishes(keras.callbacks.Callback):
    """Somebody removes the folder in the middle."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        shutil.rmtree(self.path)


def test_a_folder_that_vanishes_while_a_model_is_trained_is_made_again(tmp_path):
    run = sentiment(
        texts("data"),
        valid=texts("valid"),
        out=tmp_path / "run",
        callbacks=[Vanishes(tmp_path / ".run.partial")],
        **SMALL,
    )
    assert run.failed == {}
    assert load(tmp_path / "run").predict(["a good film"]) == run.predict(["a good film"])


def test_an_interrupted_run_goes_on_with_its_own_data_only(tmp_path):
    """Python's data has no name: only what it holds tells whether it is the same. Other test rows change no weight."""
    data = {name: texts(name) for name in ("data", "valid", "test")}
    with pytest.raises(KeyboardInterrupt):
        sentiment(**data, out=tmp_path / "run", callbacks=[StopAfterAnEpoch()], **SMALL)
    for name, called in (("data", "rows to train on"), ("valid", "validation rows")):
        rows, labels = data[name]
        others = {
            "a label": (rows, [*labels[:-2], "-", "+"]),
            "a text": ([*rows[:-1], "bad film"], labels),
            "a row less": (rows[:-1], labels[:-1]),
            "another order": (rows[::-1], labels[::-1]),
        }
        for other in others.values():
            with pytest.raises(InputError, match=f"was started with other {called} "):
                sentiment(**data | {name: other}, out=tmp_path / "run", resume=True, **SMALL)
    resumed = sentiment(**data | {"test": texts("another")}, out=tmp_path / "run", resume=True, **SMALL)
    assert [row["epoch"] for row in resumed.history] == [1, 2]
    assert resumed.info["data"]["test"]["digest"] == resumed.report["data"]["digest"]


def clockless(run):
    return [{name: row[name] for name in row.keys() - {"seconds", "tokens_per_second"}} for row in run.history]


def test_a_finished_run_is_extended_as_if_it_had_been_longer_from_the_first(tmp_path):

    class StopInTheThirdEpoch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    data = {name: texts(name) for name in ("data", "valid", "test")}
    settings, out = data | SMALL, tmp_path / "run"
    with pytest.raises(InputError, match="no run with its last checkpoint"):
        sentiment(**settings, out=out, extend_epochs=2)
    with without_report():
        before = sentiment(**settings, out=out, resume="auto")  # there is none to resume
    history, seconds = clockless(before), before.info["training_seconds"]
    cosine = dataclasses.replace(SMALL["training"], schedule="cosine")
    with pytest.raises(InputError, match="training.schedule is cosine, which is laid out over all epochs"):
        sentiment(**settings | {"training": cosine}, out=out, extend_epochs=2)
    with pytest.raises(KeyboardInterrupt):
        sentiment(**settings, out=out, extend_epochs=2, callbacks=[StopInTheThirdEpoch()])
    assert clockless(load(out)) == history  # which stands until the longer one does
    extended = sentiment(**settings, out=out, extend_epochs=2, resume="auto")
    longer = dataclasses.replace(SMALL["training"], epochs=4)
    straight = sentiment(**settings | {"training": longer}, out=tmp_path / "straight")
    assert clockless(extended) == clockless(straight)
    assert clockless(extended)[:2] == history
    assert extended.report["metrics"] == straight.report["metrics"]
    assert extended.info["settings"]["training"]["epochs"] == 4
    assert extended.info["training_seconds"] >= seconds
    for one, other in zip(extended.model.get_weights(), straight.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_plays_no_part_in_training_may_change_on_the_way(tmp_path, monkeypatch, capsys):
    """A search is another afterwards; what the weights depend on is refused."""
    monkeypatch.setattr("seqkit.runs.builder.add_parts", lambda *arguments: None)
    pairs = [f"{word} {number}" for number in ("one", "two", "three") for word in ("a", "b", "c", "d")]
    settings = {
        "data": (pairs, pairs),
        "valid": (pairs, pairs),
        "unit": "symbol",
        "embedding": Embedding(units=4),
        "encoder": Stack(cell="gru", units=(4,)),
        "decoder": Stack(cell="gru", units=(4,)),
        "training": Training(epochs=2, batch_size=6),
        "out": tmp_path / "run",
    }
    with pytest.raises(KeyboardInterrupt):
        translation(**settings, search=Search(beam=2, longest=3), callbacks=[StopAfterAnEpoch()])
    faster = Training(epochs=2, batch_size=6, learning_rate=1.0)
    with pytest.raises(
        InputError, match="max_length 100, now it is 50; training.learning_rate 0.001, now it is 1.0: use"
    ):
        translation(**settings | {"training": faster}, search=Search(beam=2, longest=3), max_length=50, resume=True)
    capsys.readouterr()
    translation(**settings, search=Search(beam=1, longest=4), resume=True)
    assert "Resumed with other settings, which play no part in training: search" in capsys.readouterr().err
    assert load(tmp_path / "run").task.search.longest == 4
    assert load(tmp_path / "run").info["settings"]["search"]["longest"] == 4
    scored = {"training": Training(epochs=2, batch_size=6, monitor="chrf"), "out": tmp_path / "scored"}
    with pytest.raises(KeyboardInterrupt):
        translation(**settings | scored, search=Search(beam=1, longest=3), callbacks=[StopAfterAnEpoch()])
    with pytest.raises(InputError, match="was started with search.* use the same settings"):  # answers choose the epoch
        translation(**settings | scored, search=Search(beam=1, longest=4), resume=True)


def test_each_argument_of_each_recipe_says_what_it_plays_a_part_in():
    for name in recipes.names():
        parts = parts_of(recipes.find(name).function)
        assert {one for one, part in parts.items() if part == "place"} == {*PLACES, "strict"}
        assert {one for one, part in parts.items() if part == "source"} - {
            "on_error",
            "start_from",
            "contextual",
            "unlabelled",
            "teacher",
        } == {
            "data",
            "valid",
            "test",
            "data_dir",
        }
        assert {one for one, part in parts.items() if part == "answers"} <= {"search", "background"}


@pytest.mark.parametrize("ema", [pytest.param(0.0, marks=pytest.mark.slow), 0.9])
def test_the_kept_epoch_scores_on_the_validation_rows_what_the_history_says(tmp_path, ema, capsys):
    """By the same scorer as the report, so that evaluating these rows gives the figure again, where no paths are weighed."""
    valid = texts("valid")[0], ["+", "-", "-"] * 5 + ["+"]
    training = Training(epochs=4, batch_size=8, learning_rate=0.1, monitor="macro_f1", ema=ema)
    run = sentiment(
        texts("data"), valid=valid, out=tmp_path / "run", wide=Wide(ngrams=0), **SMALL | {"training": training}
    )
    kept, told = run.info["kept"], [row["val_macro_f1"] for row in run.history]
    assert kept == {"epoch": kept["epoch"], "monitor": "val_macro_f1", "value": max(told)}
    assert told[kept["epoch"] - 1] == max(told)
    assert run.report["kept"] == kept
    assert f"Kept the weights of epoch {kept['epoch']} of 4" in capsys.readouterr().err
    assert run.evaluate(valid)["metrics"]["macro_f1"]["value"] == pytest.approx(max(told))
    assert "paths" not in run.info


@pytest.mark.usefixtures("rehearsed")
def test_a_metric_of_ones_own_is_declared_or_refused(tmp_path, monkeypatch):
    """As the training begins where the task doesn't name it; and a scorer that gives another one is refused as well."""
    scorer = Sentiment.scorer

    def with_hinge(self, examples, outputs):
        score = scorer(self, examples, outputs)
        return lambda rows: {"hinge": 1.0 - score(rows)["accuracy"]} | score(rows)

    monkeypatch.setattr(Sentiment, "scorer", with_hinge)
    data = {name: texts(name) for name in ("data", "valid", "test")}
    with pytest.raises(InputError, match="After the first steps.*Nothing is known of the metric 'hinge'"):
        sentiment(**data, out=tmp_path / "refused", **SMALL)
    monkeypatch.setattr(Sentiment, "metrics", ("hinge", *Sentiment.metrics))
    monkeypatch.setattr(Sentiment, "scorer", None)  # which nobody gets to
    monkeypatch.setattr(Run, "scored", None)
    with pytest.raises(InputError, match="Nothing is known of the metric 'hinge'"):
        sentiment(**data, out=tmp_path / "refused_before", **SMALL)
    monkeypatch.undo()
    monkeypatch.setattr(Sentiment, "scorer", with_hinge)
    monkeypatch.setattr(Sentiment, "metrics", ("hinge", *Sentiment.metrics))
    monkeypatch.setattr(Sentiment, "monitor", "hinge")
    monkeypatch.setattr("seqkit.metrics.metric._DECLARED", dict(_DECLARED))
    declare(Metric("hinge", "hinge loss", better="low", headline=True))
    run = sentiment(**data, out=tmp_path / "run", **SMALL)
    told = [row["val_hinge"] for row in run.history]
    assert told[run.info["kept"]["epoch"] - 1] == min(told)
    assert "hinge loss (" in (tmp_path / "run" / "evaluations" / "training" / "report.html").read_text()


def test_the_recurrent_path_learns_beside_a_wide_one_as_it_does_alone(tmp_path):
    """The same weights, but for the one that its scores got in the sum."""
    valid = texts("valid")[0], ["+", "-", "-"] * 5 + ["+"]
    given = {"data": texts("data"), "valid": valid, **SMALL}
    both = sentiment(**given, out=tmp_path / "both", wide=Wide(ngrams=2))
    with without_report():
        alone = sentiment(**given, out=tmp_path / "alone", wide=Wide(ngrams=0))
    assert [row["val_loss"] for row in both.history] == [row["val_loss"] for row in alone.history]
    weighed = {weight.path: np.asarray(weight) for weight in both.model.trainable_weights}
    for weight in alone.model.trainable_weights:
        factor = both.info["paths"]["recurrent"] if weight.path.startswith("logits") else 1.0
        np.testing.assert_allclose(weighed[weight.path], factor * np.asarray(weight), rtol=1e-5, atol=1e-7)
    assert both.info["paths"]["recurrent"] != 1.0
    assert both.info["kept"]["weighed"] == both.report["metrics"]["accuracy"]["value"], (
        "of the sum, on the rows that weighed it"
    )
