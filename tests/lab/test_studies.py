"""Studies: what is planned, what is refused before anything is trained, what a stop leaves, and what a search remembers."""

import csv
import io
import json
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import seqkit
from seqkit import Embedding, Range, Stack, Training
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.variations import parsed_grid, parsed_ranges
from seqkit.lab import studies
from seqkit.lab.study_search import Search
from seqkit.lab.study_worker import trained
from seqkit.recipes.language_model import language_model
from seqkit.recipes.sentiment import sentiment
from seqkit.runs.contents import read_info, write_info
from seqkit.runs.lock import FolderLock
from seqkit.sources.prepared import MANIFEST
from tests.cases import write_small_table

TINY = {
    "embedding": Embedding(units=4),
    "stack": Stack(units=(4,)),
    "training": Training(epochs=3, checkpoint_minutes=0),
}


@pytest.fixture
def table(tmp_path):
    return str(write_small_table(tmp_path))


def study(table, out, **given):
    return seqkit.Study(sentiment, table, valid=table, out=out, **(TINY | given))


def test_each_combination_has_a_name_and_its_settings(table, tmp_path):
    made = study(table, tmp_path / "study", grid={"stack.cell": ["lstm", "gru"], "stack.units": [4, (4, 8)]}, seeds=2)
    assert [one.name for one in made.plan] == [
        f"cell={cell},units={units},seed={seed}"
        for cell in ("lstm", "gru")
        for units in ("4", "4+8")
        for seed in (0, 1)
    ]
    assert made.plan[0].changes["stack.units"] == (4,), "a single layer's"
    assert made.name_of({"embedding.units": 3, "stack.units": (4,)}, 0) == "embedding.units=3,stack.units=4,seed=0"
    assert parsed_grid(sentiment, ["stack.units=4,4+8", "unit=word"]) == {
        "stack.units": [(4,), (4, 8)],
        "unit": ["word"],
    }
    assert parsed_ranges(sentiment, ["training.learning_rate=1e-4..1e-2", "stack.units=16..32"]) == {
        "training.learning_rate": Range(1e-4, 1e-2),
        "stack.units": Range(16, 32),
    }
    assert not (tmp_path / "study").exists(), "nothing is made before it runs"


def test_a_range_of_a_float_is_of_floats_though_its_ends_are_whole(table, tmp_path):
    ranges = {"training.learning_rate": Range(1, 10), "training.weight_decay": Range(0, 1), "stack.units": Range(4, 8)}
    made = study(table, tmp_path / "study", ranges=ranges)
    assert [span.whole for span in made.ranges.values()] == [False, False, True]


def test_a_recipe_s_own_search_is_a_setting_like_any_other(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(seqkit.Study, "run", lambda made: asked.append(made))
    grid = ["--grid", "search.length_penalty=0.5,1.0"]
    assert main(["study", "translation", "--search.beam", "3", *grid, "--out", str(tmp_path / "study")]) == 0
    settled = [asked[0]._settled(one.changes, 0)["search"] for one in asked[0].plan]
    assert [(search.beam, search.length_penalty) for search in settled] == [(3, 0.5), (3, 1.0)]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--grid", "stack.cel=lstm"], "There is no setting 'stack.cel': did you mean stack.cell"),
        (["--grid", "stack.cell=lstm,grru"], "stack.cell is 'grru': choose one of .*; did you mean gru"),
        (["--grid", "stack.units=a"], "stack.units can't be 'a': expected a tuple with a whole number"),
        (["--grid", "stack.cell"], "written as stack.cell=lstm,gru, not as 'stack.cell'"),
        (["--grid", "training.ar=0.1,0.2"], "training.ar is 0.1, but .* doesn't read it"),
        (["--ranges", "training.learning_rate=1e-2..1e-4"], "give the lower end first"),
        (["--ranges", "training.learning_rate=low..high"], "from 'low' to 'high': give numbers"),
        (["--ranges", "training.label_smoothing=0.5..2.0"], "training.label_smoothing is 2.0: give a share"),
        (["--grid", "seed=1,2"], "seed is set by the study"),
        (
            ["--grid", "stack.cell=lstm", "--grid", "stack.cell=gru,rnn"],
            "given twice: .* at once, stack.cell=lstm,gru,rnn",
        ),
        (["--ranges", "stack.units=4..8", "--ranges", "stack.units=8..16"], "stack.units has two ranges: give one"),
        (
            ["--ranges", "stack.units=4..8", "--grid", "stack.units=4,8"],
            "stack.units has values in the grid, and a range",
        ),
        (["--grid", "stack.units=4,4"], "Two runs of the grid would be called units=4,seed=0"),
        (["--jobs", "0"], "jobs is 0: give a number of at least 1"),
    ],
)
def test_what_is_wrong_gets_a_sentence_before_anything_is_trained(table, tmp_path, capsys, flags, complaint):
    out = tmp_path / "study"
    assert main(["study", "sentiment", "--data", table, "--valid", table, "--out", str(out), *flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(complaint, error)
    assert not out.exists()


def test_a_cell_at_a_path_is_imported_where_it_is_trained(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = "from seqkit.recurrence.cells import CELLS\nleaky = CELLS['simple_rnn']\n"
    (tmp_path / "neighbour.py").write_text(text)
    made = study(table, tmp_path / "study", grid={"stack.cell": ["neighbour:leaky"]}, training=Training(epochs=1))
    order = pickle.dumps(made._order(made.plan[0], bare=True))
    del sys.modules["neighbour"]
    assert trained(pickle.loads(order), io.StringIO(), queue.SimpleQueue()) == {"done": "trained", "lacking": {}}
    del sys.modules["neighbour"]
    with pytest.raises(InputError, match="There is no module 'absent'"):
        study(table, tmp_path / "study", grid={"stack.cell": ["absent:leaky"]})


def test_seeds_that_hold_out_other_rows_are_refused(table, tmp_path):
    how, prepared = {"out": tmp_path / "study", "seeds": 2}, tmp_path / "prepared"
    prepared.mkdir()
    (prepared / MANIFEST).touch()
    for recipe, data, given in [
        (sentiment, table, {}),
        (sentiment, "tfds:imdb_reviews", {}),  # whose own validation or test split nobody named
        (language_model, table, {"contiguous": False}),
        (language_model, table, {"grid": {"contiguous": [True, False]}}),
    ]:
        with pytest.raises(InputError, match="Each seed holds out other rows"):
            seqkit.Study(recipe, data, **how, **given)
    for recipe, data, given in [
        (sentiment, prepared, {}),
        (sentiment, "tfds:imdb_reviews", {"test": "tfds:imdb_reviews"}),
        (language_model, table, {}),  # the end of a running text
    ]:
        assert len(seqkit.Study(recipe, data, **how, **given).plan) == 2


def test_it_goes_on_where_it_was_stopped_and_trains_nothing_twice(table, tmp_path, monkeypatch):
    """One run is there already, the other is stopped after an epoch, by an end of the whole study."""
    out = tmp_path / "study"
    made = study(table, out, seeds=2)
    sentiment(table, valid=table, seed=0, out=out / "seed=0", **TINY)
    before = {path: path.read_bytes() for path in (out / "seed=0").rglob("*") if path.is_file()}
    heard = seqkit.Study._heard

    def stopping(self, name, what):
        heard(self, name, what)
        raise KeyboardInterrupt

    monkeypatch.setattr(seqkit.Study, "_heard", stopping)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        made.run()
    assert list((out / ".seed=1.partial" / "checkpoint").iterdir()), "its state was saved"
    monkeypatch.setattr(seqkit.Study, "_heard", heard)
    found = study(table, out, seeds=2).run()
    assert "resumed_with" in json.loads((out / "seed=1" / "run.json").read_text())
    assert before == {path: path.read_bytes() for path in before}, "nothing of the first was touched"
    assert {group["seeds"][0] for group in found.groups} == {0, 1}
    rows = list(csv.DictReader((out / "study.csv").read_text().splitlines()))
    assert [(row["seed"], row["state"]) for row in rows] == [("0", "there already"), ("1", "trained")]
    assert {path.suffix for path in out.glob("comparison.*")} == {".html", ".csv", ".tex", ".json"}
    with pytest.raises(
        InputError, match=r"seed=0 was trained with other settings \(training\..*: choose another --out"
    ):
        study(table, out, seeds=2, training=Training(epochs=2)).run()
    others = out / "seed=0-language_model"  # as a run leaves one that starts from it
    others.mkdir()
    write_info(others, read_info(out / "seed=0") | {"recipe": "language_model"})
    study(table, out, seeds=3)._check_same_rows()
    with open(table, "a") as file:
        file.write("good\tanother film\n")
    assert len(study(table, out, seeds=2).run().groups) == 2, "nothing is left to be trained, or read"
    with pytest.raises(
        InputError, match=r"seed=0 was trained with other training rows \(40\) than .* today \(41\): choose"
    ):
        study(table, out, seeds=3).run()
    assert not list(out.glob("*seed=2*"))


@pytest.mark.parametrize(
    "given", [{"test": "t.tsv", "valid": "v.tsv"}, {"valid": "v.tsv"}, {"test": pd.DataFrame({"text": ["a", "b"]})}, {}]
)
def test_runs_of_other_symbols_are_compared_on_the_study_s_own_rows(table, tmp_path, monkeypatch, capsys, given):
    for name in ("load_task", "read_info"):
        monkeypatch.setattr(studies, name, lambda *arguments: None)
    asked = []
    monkeypatch.setattr(studies, "compare", lambda runs, **options: asked.append(options))
    made = study(table, tmp_path / "study", seeds=2)
    made.arguments = {name: value for name, value in made.arguments.items() if name not in ("test", "valid")} | given
    monkeypatch.setattr(studies, "by_bits", lambda tasks: True)
    made._compared([tmp_path, tmp_path])
    assert asked == [{"data": value} for value in list(given.values())[:1]]
    assert ("seqkit compare takes --data" in capsys.readouterr().err) == (not given)
    monkeypatch.setattr(studies, "by_bits", lambda tasks: False)
    made._compared([tmp_path, tmp_path])
    assert asked[-1] == {}, "as they were scored"


def test_a_search_remembers_what_was_tried(tmp_path):
    """And a trial that was under way as it was killed comes back with the same settings."""
    pytest.importorskip("optuna")
    ranges, choices = {"training.learning_rate": Range(1e-4, 1e-1)}, {"stack.cell": ["lstm", "gru"]}
    search = Search(tmp_path, choices, ranges, 0, 1)
    tried = []
    for _ in range(6):
        number, drawn = search.ask()
        assert 1e-4 <= drawn["training.learning_rate"] <= 1e-1
        tried.append(drawn)
        search.done(number, "val_loss", abs(drawn["training.learning_rate"] - 0.01))
    best = min(tried, key=lambda drawn: abs(drawn["training.learning_rate"] - 0.01))
    assert search.best() == best, "the lower a loss the better"
    _, cut = search.ask()
    again = Search(tmp_path, choices, ranges, 0, 1)
    assert (again.wanted(7), again.wanted(6)) == (True, False)
    number, drawn = again.ask()
    assert drawn == cut
    poor = {"monitor": "val_loss", "figures": {"val_loss": 9.0}, "epoch": 1}
    assert not again.poor(number, poor), "nobody else has told of that epoch"
    again.pruned(number)
    assert not again.wanted(7)
    for _ in range(2):
        again.failed(again.ask()[0])
    assert (again.wanted(10), again.wanted(9)) == (True, False), "a trial that failed has ended too"
    (tmp_path / "first").mkdir()
    drawn = [Search(tmp_path / "first", choices, ranges, 0, 1).ask()[1]]
    assert drawn[0] == tried[0], "another search with this seed draws alike"
    going_on = Search(tmp_path, choices, ranges, 0, 1).ask()[1]
    assert going_on not in [*tried, cut], "one that goes on draws what it hasn't"


@pytest.mark.slow
def test_a_study_that_is_killed_leaves_nobody_behind(table, tmp_path):
    """SIGKILL of the study: what it trains saves its state and ends, and the same call goes on."""
    out = tmp_path / "study"
    program = (
        "import sys, seqkit\nfrom seqkit.recipes.sentiment import sentiment\nfrom seqkit import Training\n"
        "seqkit.Study(sentiment, out=sys.argv[1], seeds=2, jobs=2, training=Training(epochs=30, batch_size=64)).run()"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(out)])
    deadline = time.monotonic() + 300
    while len(list(out.glob(".seed=*.partial/checkpoint/step-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(_locked(place) for place in out.glob(".seed=*.partial")):
        time.sleep(0.5)
    assert not any(_locked(place) for place in out.glob(".seed=*.partial")), "its processes have ended"
    assert not (out / "seed=0").exists()
    made = seqkit.Study(sentiment, out=out, seeds=2, jobs=2, training=Training(epochs=30, batch_size=64))
    assert len(made.run().groups) == 2
    assert all("resumed_with" in json.loads((out / one.name / "run.json").read_text()) for one in made.plan)


def _locked(folder):
    try:
        with FolderLock(folder):
            return False
    except InputError:
        return True
