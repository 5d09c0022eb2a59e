"""A search that is chosen after the training: asked for in a call, or on the validation rows for all calls to come."""

import dataclasses
import itertools
import json
import shutil

import pytest

from seqkit import load, predict_files, tune_search
from seqkit.cli.main import main
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Search, Stack, Training
from seqkit.corpora.number_words import number_words
from seqkit.corpora.scenes import described_scenes
from seqkit.recipes.captioning import captioning
from seqkit.recipes.translation import translation
from seqkit.runs.contents import read_info, write_info
from seqkit.runs.run import Run
from seqkit.sources.examples import Examples

pytestmark = pytest.mark.xdist_group("tuning")  # one process trains what all of them read
OWN = Search(beam=2, length_penalty=0.4, longest=12, ratio=0.0)
GRID = {"beams": (1, 4), "length_penalties": (0.0, 1.5), "coverage_penalties": (0.0, 0.8), "no_repeats": (0, 2)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run whose validation rows were held out."""
    folder = tmp_path_factory.mktemp("tuned")
    for split, columns in number_words(seed=0, rows=400).items():
        rows = list(zip(*columns.values(), strict=True))[: 200 if split == "train" else 30]
        lines = (json.dumps({"source": source, "target": target}) + "\n" for source, target in rows)
        (folder / f"{split}.jsonl").write_text("".join(lines))
    return translation(
        str(folder / "train.jsonl"),
        test=str(folder / "test.jsonl"),
        vocabulary_size=100,
        embedding=Embedding(units=12),
        encoder=Stack(cell="gru", units=(12,)),
        decoder=Stack(cell="gru", units=(12,)),
        training=Training(epochs=1, batch_size=100, learning_rate=1e-2),
        search=OWN,
        out=folder / "run",
    )


@pytest.fixture
def run(trained, tmp_path):
    """The same, for a test that changes it."""
    shutil.copytree(trained.path, tmp_path / "run")
    return load(tmp_path / "run")


@pytest.fixture(scope="module")
def tuning(trained):
    return tune_search(trained, metric="chrf", **GRID)


def held_out(run):
    """The validation rows as a table."""
    lines = (run.path / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    path = run.path.parent / "held_out.jsonl"
    known = [json.loads(line) for line in (run.path.parent / "train.jsonl").read_text().splitlines()]
    targets = {row["source"]: row["target"] for row in known}
    rows = [{"source": json.loads(line), "target": targets[json.loads(line)]} for line in lines]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_what_is_asked_for_is_what_answers_and_is_said(trained, tmp_path):
    asked = ["forty-two", "on Monday", "three hundred and five"]
    other = trained.searching(beam=1, shortest=5)
    assert trained.task.search == dataclasses.replace(OWN, seed=0)
    answers = other.predict(asked)
    assert answers != trained.predict(asked) == load(trained.path).predict(asked)
    texts = tmp_path / "in.txt"
    texts.write_text("".join(f"{text}\n" for text in asked))
    predict_files(trained.path, str(texts), tmp_path / "out", search={"beam": 1, "shortest": 5})
    lines = (tmp_path / "out" / "in.txt.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == answers
    with pytest.raises(InputError, match="or of another search"):
        predict_files(trained.path, str(texts), tmp_path / "out")


def test_commands_take_it_and_say_what_was_used(run, trained, capsys, monkeypatch):
    test = str(trained.path.parent / "test.jsonl")
    flags = ["--search.beam", "1", "--search.no-repeat", "2"]
    assert main(["evaluate", str(run.path), "--data", test, "--name", "plain"]) == 0
    assert main(["evaluate", str(run.path), "--data", test, *flags, "--against", str(run.path)]) == 0
    reports = [json.loads((run.path / "evaluations" / name / "report.json").read_text()) for name in ("plain", "test")]
    assert [report["search"]["beam"] for report in reports] == [2, 1]
    differences = {name: one["difference"] for name, one in reports[1]["against"]["metrics"].items()}
    values = [{name: score["value"] for name, score in report["metrics"].items()} for report in reports]
    assert differences == pytest.approx({name: values[1][name] - values[0][name] for name in differences})
    capsys.readouterr()
    assert main(["evaluate", str(run.path), "--data", test]) == 2
    assert "another search (beam 1, now 2; no_repeat 2, now 0)" in " ".join(capsys.readouterr().err.split())
    exported = []
    monkeypatch.setattr(Run, "export", lambda run, *args, **options: exported.append(run) or run.path)
    assert main(["export", str(run.path), "--format", "onnx", *flags]) == 0
    manifest = exported[0].task.description(exported[0].model).to_json()
    assert manifest["search"] == dataclasses.asdict(OWN) | {"beam": 1, "no_repeat": 2, "seed": 0}


def test_each_figure_is_that_of_a_search_of_its_own(trained, tuning):
    """The penalties choose among what ended in a beam, and the figures are those of `evaluate` with each of them."""
    data = held_out(trained)
    tried = {
        (one.search.beam, one.search.length_penalty, one.search.coverage_penalty, one.search.no_repeat): one
        for one in tuning.tried
    }
    assert set(itertools.product((4,), (0.0, 1.5), (0.0, 0.8), (0, 2))) < set(tried)
    assert len(tried) == len(tuning.tried) == 8 + 2 + 1
    assert len({one.metrics["chrf"] for one in tuning.tried}) > 4
    assert tuning.tried[0].search == trained.task.search
    for one in (tuning.tried[0], tried[4, 0.0, 0.0, 0], tried[4, 1.5, 0.8, 2]):
        alone = trained.searching(**dataclasses.asdict(one.search))
        examples = alone.task.read(str(data), alone.columns())
        report, _ = alone.scored(examples, {"source": "", "rows": len(examples), "digest": ""}, resamples=2)
        assert one.metrics == pytest.approx({name: score["value"] for name, score in report["metrics"].items()})
    assert tuning.best.metrics["chrf"] == max(one.metrics["chrf"] for one in tuning.tried)
    gained = tuning.best.metrics["chrf"] - tuning.tried[0].metrics["chrf"]
    assert tuning.difference["difference"] == pytest.approx(gained)
    assert tuning.data["digest"] == trained.info["data"]["valid"]["digest"]


@pytest.mark.slow
def test_what_weighs_words_by_all_rows_is_that_of_an_evaluation_too(tmp_path):
    scenes = {
        name: Examples({field: values[: 200 if name == "train" else 20] for field, values in columns.items()}, name)
        for name, columns in described_scenes(seed=0, scenes=300).items()
    }
    run = captioning(
        scenes["train"],
        valid=scenes["valid"],
        encoder=Encoder(filters=(4, 6), units=8),
        embedding=Embedding(units=8),
        decoder=Stack(cell="gru", units=(12,)),
        training=Training(epochs=4, batch_size=16, learning_rate=1e-2),
        search=Search(beam=4, longest=12),
        out=tmp_path / "run",
    )
    tuning = tune_search(run, data=scenes["valid"], beams=(1, 4), length_penalties=(0.0, 1.5, 4.0))
    assert len({one.metrics["cider"] for one in tuning.tried if one.search.beam == 4}) > 1
    for one in tuning.tried:
        alone = run.searching(**dataclasses.asdict(one.search))
        examples = alone.task.read(scenes["valid"], alone.columns())
        report, _ = alone.scored(examples, {"source": "", "rows": len(examples), "digest": ""}, resamples=2)
        assert one.metrics == pytest.approx({name: score["value"] for name, score in report["metrics"].items()})


def test_the_best_is_stored_only_where_that_is_asked_for(run, trained, tuning, capsys):
    assert "search" not in read_info(trained.path)  # which was tuned
    command = ["tune-search", str(run.path), "--beams", "2", "--no-repeats", "0", "1", "--metric", "chrf"]
    assert main([*command, "--store", "--search.shortest", "4"]) == 0
    told = capsys.readouterr().out
    stored = load(run.path)
    assert stored.task.search == dataclasses.replace(
        OWN, no_repeat=1, length_penalty=stored.task.search.length_penalty, shortest=4, seed=0
    )
    assert "--search.no-repeat 1 --search.shortest 4" in told
    assert stored.report["search"]["no_repeat"] == 0  # of the evaluation that was made before
    info = read_info(run.path)
    assert info["settings"]["search"] == dataclasses.asdict(OWN)
    info["search"]["settings"]["beam"] = 0
    write_info(run.path, info)
    with pytest.raises(InputError, match=r"run.json is damaged \(search: search.beam is 0"):
        load(run.path)


def test_test_rows_choose_nothing_and_other_rows_are_told_from_the_trainings(run, trained):
    with pytest.raises(InputError, match="are the test rows of"):
        tune_search(run, data=str(trained.path.parent / "test.jsonl"), beams=(1,))
    with pytest.raises(InputError, match="Columns say how data is read, and there is none: give --data"):
        tune_search(run, columns={"source": "en"}, beams=(1,))
    rows = (trained.path.parent / "train.jsonl").read_text().splitlines()
    changed = run.path.parent / "train.jsonl"
    changed.write_text("\n".join(rows[1:]) + "\n")
    info = read_info(run.path)
    info["settings"]["data"] = str(changed)
    write_info(run.path, info)
    with pytest.raises(InputError, match="holds other validation rows today"):
        tune_search(run.path, beams=(1,))
    info["settings"]["data"] = "<tuple>"
    write_info(run.path, info)
    with pytest.raises(InputError, match=r"lay in memory \(<tuple>\): give"):
        tune_search(run.path, beams=(1,))
    changed.unlink()
    info["settings"]["data"] = str(changed)
    write_info(run.path, info)
    with pytest.raises(InputError, match="does not exist.* Or give them"):
        tune_search(run.path, beams=(1,))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"beam": 1, "length_penalty": 0.5}, r"length_penalty is 0.5, but a greedy search \(beam 1\) doesn't read it"),
        ({"temperature": 0.5, "beam": 3}, "beam is 3, but a search with temperature 0.5"),
        ({"beam": 0}, "beam is 0"),
        ({"n_best": 3}, "n_best is 3 with a beam of 2"),
        ({"replace_unknown": True}, "replace_unknown is on, but translation has no words of a source here"),
        ({"width": 3}, "There is no search.width"),
    ],
)
def test_a_search_that_can_not_be_gets_one_sentence(trained, changes, complaint):
    with pytest.raises(InputError, match=complaint):
        trained.searching(**changes)


def test_what_looks_for_nothing_has_no_search(small, capsys):
    assert main(["predict", str(small), "--search.beam", "2"]) == 2
    assert "looks for no answers: leave search.beam out" in capsys.readouterr().err
    assert main(["tune-search", str(small)]) == 2
    assert "there is nothing to tune" in capsys.readouterr().err
