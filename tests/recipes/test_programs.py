"""Programs: data of one's own, programs of several lines, and what can be wrong with the settings."""

import json

import pytest

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.corpora.programs import draw_programs
from seqkit.recipes.programs import programs
from seqkit.sources.examples import Examples

SMALL = {
    "embedding": Embedding(units=4),
    "encoder": Stack(cell="gru", units=(6,), bidirectional=True),
    "decoder": Stack(cell="gru", units=(6,)),
    "training": Training(epochs=1, batch_size=32),
}


def written(path, part, rows):
    """Real programs with line ends inside, as a table has them."""
    columns = draw_programs("programs", (2, 2), rows, part=part, seed=0)
    lines = [{"code": a, "prints": b} for a, b in zip(columns["source"], columns["target"], strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    data = {part: written(folder / f"{part}.jsonl", part, rows) for part, rows in (("train", 64), ("test", 20))}
    return programs(data["train"], test=data["test"], source="code", target="prints", out=folder / "run", **SMALL)


def test_a_nearest_program_is_looked_for_among_a_part_that_is_told(run, monkeypatch):
    monkeypatch.setattr("seqkit.tasks.programs.NEIGHBOURS", 8)
    rows = [str(number) for number in range(64)]
    nearest = run.task.fit_baselines(Examples({"source": rows, "target": rows}, "here"))["nearest"]()
    assert (nearest.characters, nearest.bounds) == (True, "fitted on 8 of 64 rows, drawn at random")
    assert not set(nearest.sources) <= set(rows[:8])


def test_data_of_ones_own_has_no_curriculum_and_no_sizes(run):
    assert run.report["sizes"] == []
    assert run.info["data"]["test"]["rows"] == 20
    assert "stage_accuracy" not in run.history[0]
    assert set(run.report["metrics"]) == {"exact_match", "character_accuracy"}
    assert set(run.report["baselines"]) == {"most_frequent", "nearest"}


def test_a_program_of_several_lines_is_one_row(run, capsys):
    test = run.path.parent / "test.jsonl"
    asked = [json.loads(line)["code"] for line in test.read_text().splitlines()]
    assert any("\n" in text for text in asked)
    assert main(["predict", str(run.path), str(test)]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answers == load(run.path).predict(asked)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--nesting", "11"], "nesting=11: give a number from 1 to 10"),
        (["--length", "0"], "length=0: give a number from 1 to 15"),
        (["--rows", "3"], "rows is 3: give a number of at least 16"),
        (["--rows", "20000000"], "rows=20000000: give a number from 16 to 10,000,000"),
        (["--task", "sorting"], "sorting"),
        (["--search.replace-unknown"], "programs are read and written symbol by symbol: leave it off"),
    ],
)
def test_a_wrong_setting_gets_one_sentence(tmp_path, capsys, flags, complaint):
    out = tmp_path / "run"
    assert main(["train", "programs", "--out", str(out), *flags]) == 2
    assert complaint in capsys.readouterr().err
    assert not out.exists()
