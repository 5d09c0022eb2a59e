"""A training in a given time: what fits, what is tried, which trial is kept, and that a stop loses none."""

import json
import shutil
import types

import keras
import pytest

import seqkit
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.lab import budget
from seqkit.lab.budget import Trial, seconds_of, train_within
from seqkit.recipes import language_model, sentiment
from tests.cases import write_small_table

TINY = {"embedding": Embedding(units=4), "stack": Stack(units=(4,)), "wide": seqkit.Wide(ngrams=0), "seed": 3}


@pytest.fixture
def told(tmp_path):
    return {"data": write_small_table(tmp_path), "out": tmp_path / "run", **TINY}


@pytest.fixture
def quick(monkeypatch):
    """One trial after the first, and a machine whose epochs are said to take ten seconds, while its clock stands."""
    monkeypatch.setattr(budget, "time", types.SimpleNamespace(monotonic=lambda: 0.0))
    monkeypatch.setattr(budget, "TRIALS", (Trial("half_the_batch", {"batch_size": 0.5, "units": 2.0}, 1.0),))

    class Slow(budget.Speed):
        def _measured(self):
            self.prepared, self.epoch, self.compiling = 3.0, 10.0, 2.0
            raise budget.Measured

    monkeypatch.setattr(budget, "Speed", Slow)


def test_what_is_tried_after_the_first_step_makes_no_step_slow(monkeypatch):
    # made, begun; a step of 2 s, of which most is compiling; 3 s of trying; two more
    clock = iter([0, 5, 7, 10, 10.5, 11])
    monkeypatch.setattr(budget, "time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    speed = budget.Speed(2.5)
    speed.set_params({"steps": 100})
    speed.on_train_begin()
    for batch in range(2):
        speed.on_train_batch_begin(batch)
        speed.on_train_batch_end(batch)
    speed.on_train_batch_begin(2)
    with pytest.raises(budget.Measured):
        speed.on_train_batch_end(2)
    assert (speed.prepared, speed.epoch, speed.compiling) == (8, 50, 1)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_a_budget_is_a_time(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["10", "0m", "m", "-1m", "ten minutes", "5d"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="give a time as 90s, 10m or 1.5h"):
        seconds_of(text)


def test_epochs_fit_and_the_best_trial_by_validation_rows_is_the_run(told, quick, monkeypatch):
    later = iter((0.4, 0.5))
    monkeypatch.setattr(budget, "validated", lambda info: ("val_accuracy", info["kept"]["value"] + 1))
    monkeypatch.setattr(budget, "metric", lambda name: types.SimpleNamespace(gain=lambda value: next(later)))
    default = Training(epochs=6, batch_size=16, learning_rate=2e-3, schedule="cosine")  # but for its steps an epoch
    run = train_within(sentiment, "50s", **told, training=default)
    of = json.loads((run.path / "run.json").read_text())
    trials = {one["name"]: one for one in of["budget"]["trials"]}
    assert trials["as_given"]["changes"] == {"training.epochs": 4}, "45 s for trials less 5 before steps are fast"
    assert trials["half_the_batch"]["changes"] == {"training.epochs": 4, "training.batch_size": 8}
    assert of["settings"]["training"]["batch_size"] == 8
    assert of["settings"]["stack"]["units"] == [4]
    assert trials["half_the_batch"]["value"] == of["kept"]["value"] + 1
    assert run.report["baselines"]
    assert not run.failed
    assert [one.name for one in told["out"].parent.iterdir() if "run" in one.name] == ["run"]


def test_a_stop_loses_no_trial_and_other_settings_are_refused(told, quick):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if self.model.optimizer.iterations.value > 3:  # 40 rows less 4 are 3 batches, of half the size 5
                raise KeyboardInterrupt

    given = {**told, "training": Training(epochs=1, batch_size=16)}
    with pytest.raises(KeyboardInterrupt):
        train_within(sentiment, "90s", **given, callbacks=[Stop()])
    with pytest.raises(InputError, match="go on with --resume"):
        train_within(sentiment, "90s", **given)
    with pytest.raises(InputError, match="started with seed 3, now it is 4"):
        train_within(sentiment, "90s", **{**given, "seed": 4}, resume=True)
    run = train_within(sentiment, "90s", **given, resume=True)
    assert [one["name"] for one in run.info["budget"]["trials"]] == ["as_given", "half_the_batch"]
    assert all("training.epochs" not in one["changes"] for one in run.info["budget"]["trials"]), "it was given"


def test_the_time_of_a_trial_is_that_before_and_after_a_stop(told, quick, monkeypatch):
    """On a clock that an epoch moves by 7 seconds: the first is the probe's."""
    epochs = []
    monkeypatch.setattr(budget, "time", types.SimpleNamespace(monotonic=lambda: 7.0 * len(epochs)))
    monkeypatch.setattr(budget, "TRIALS", ())

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            epochs.append(epoch)
            if len(epochs) == 3:
                raise KeyboardInterrupt

    given = {**told, "training": Training(epochs=4, batch_size=16), "callbacks": [Clock()]}
    with pytest.raises(KeyboardInterrupt):
        train_within(sentiment, "10m", **given)
    run = train_within(sentiment, "10m", **given, resume=True)
    (trial,) = run.info["budget"]["trials"]
    assert trial["seconds"] == run.info["budget"]["spent"] - 7 == 7 * len(epochs) - 7


def test_a_job_that_is_sent_again_finds_its_run_done(told, quick):
    default = Training(epochs=6, batch_size=16, learning_rate=2e-3, schedule="cosine")
    run = train_within(sentiment, "50s", **told, training=default, resume="auto")
    before = {path: path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}
    again = train_within(sentiment, "50s", **told, training=default, resume="auto")
    assert again.info["budget"]["trials"][0]["changes"] == {"training.epochs": 4}
    with pytest.raises(InputError, match="seed 3, now it is 4"):
        train_within(sentiment, "50s", **told | {"seed": 4}, training=default, resume="auto")
    assert {path: path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()} == before
    assert not told["out"].with_name("run.trials").exists()


def test_a_trial_that_the_recipe_refuses_is_left_out_for_good(tmp_path, quick, monkeypatch, capsys):
    """Such as twice the units of an embedding that is tied to a stack whose units were given."""
    twice, half = Trial("twice_the_units", {"units": 2.0}, 1.0), Trial("half_the_batch", {"batch_size": 0.5}, 1.0)
    monkeypatch.setattr(budget, "TRIALS", (twice, half))
    given = {"data": (["the cat sat on the mat."] * 20,), "out": tmp_path / "run", "tied": True, "contiguous": False}
    given |= {"stack": Stack(units=(64,)), "training": Training(epochs=1)}

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(budget._Within, "_kept", stop)
        with pytest.raises(KeyboardInterrupt):
            train_within(language_model, "90s", **given)
    assert "Trial twice_the_units is left out: " in capsys.readouterr().err
    run = train_within(language_model, "90s", **given, resume=True)
    assert "twice_the_units" not in capsys.readouterr().err
    assert [one["name"] for one in run.info["budget"]["trials"]] == ["as_given", "half_the_batch"]


def test_what_does_not_go_with_a_budget_is_refused(told, small):
    with pytest.raises(InputError, match="extend_epochs is given beside a budget"):
        train_within(sentiment, "1m", **told, extend_epochs=3)
    with pytest.raises(
        InputError, match="unlabelled is given beside a budget, each of whose trials would .* start_from"
    ):
        train_within(sentiment, "1m", **told, unlabelled="texts.txt")
    with pytest.raises(InputError, match="exists: choose another --out, or pass --overwrite"):
        train_within(sentiment, "1m", **{**told, "out": small})


def test_a_budget_is_for_one_process_however_the_others_are_told_of(told, monkeypatch):
    monkeypatch.setattr(budget, "_Within", None)  # nothing is begun
    with pytest.raises(InputError, match="Several processes train together here"):
        train_within(sentiment, "1m", **told, workers="a:1,b:2", worker=1)
    cluster = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(InputError, match="Several processes train together here"):
        train_within(sentiment, "1m", **told)


def test_what_was_wrong_leaves_nothing_in_the_way_of_what_is_right(told):
    for wrong in ({"data": told["out"].with_name("absent.tsv")}, {"text": "absent"}):
        with pytest.raises(InputError, match="absent"):
            train_within(sentiment, "1m", **told | wrong)
        assert [one.name for one in told["out"].parent.iterdir()] == ["rows.tsv"]


def test_what_is_no_run_is_never_replaced(told):
    """Neither the place, nor that of the trials; before anything is trained."""
    for place in (told["out"], told["out"].with_name("run.trials")):
        place.mkdir()
        (place / "precious").touch()
        with pytest.raises(InputError, match="is no run folder|holds something else than trials"):
            train_within(sentiment, "1m", **told, overwrite=True)
        assert (place / "precious").exists()
        shutil.rmtree(place)


def test_a_run_that_is_replaced_stays_until_the_new_one_is_there(told, quick, small, monkeypatch):
    shutil.copytree(small, told["out"])
    before = (told["out"] / "run.json").read_bytes()
    given = {**told, "training": Training(epochs=1, batch_size=16), "overwrite": True}

    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(budget.shutil, "copytree", stopped)
        with pytest.raises(KeyboardInterrupt):
            train_within(sentiment, "90s", **given)
    assert (told["out"] / "run.json").read_bytes() == before
    run = train_within(sentiment, "90s", **given, resume=True)
    assert len(run.info["budget"]["trials"]) == 2
    assert json.loads((told["out"] / "run.json").read_text())["seed"] == 3


def test_a_training_ends_before_an_epoch_that_would_be_late(told):
    run = sentiment(**told, training=Training(epochs=4), callbacks=[budget.Deadline(until=0.0)])
    assert run.info["trained_epochs"] == 1
