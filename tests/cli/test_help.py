"""Help a newcomer can read, the nearest right flag, what to do next, and completion."""

import inspect
import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from seqkit.cli.main import main
from seqkit.core.registry import recipes
from tests.cases import write_small_table

GROUPS = ["Data", "Model", "Training", "Output"]
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z._-]*")


def page(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def flags(text):
    """Those that are listed, however their names are broken over lines."""
    return {flag for flag in FLAG.findall(re.sub(r"\n│ +(?=\.)", "", text)) if not flag.startswith("--no-")}


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize("name", ["text_classification", "programs"])
def test_ten_settings_come_first_and_all_of_them_when_asked(name, wide, capsys):
    short, whole = page(capsys, "train", name, "--help"), page(capsys, "train", name, "--help", "all")
    assert page(capsys, "train", name, "--help-all") == whole
    assert f"seqkit train {name} --help all" in short
    recipe = recipes.find(name)
    wanted = {"--" + setting.replace("_", "-") for setting in recipe.first}
    assert wanted <= flags(short)
    assert len(flags(short) - wanted - {f for f in flags(short) if ".empty-" in f or ".no-" in f}) <= 4
    for text in (short, whole):
        found = re.findall(r"╭─ (\w+) ─", text)
        assert found == [group for group in GROUPS if group in found]
    parameters = inspect.signature(recipe.function).parameters
    assert {f"--{one.replace('_', '-')}" for one in parameters if one in ("seed", "overwrite", "resume")} <= flags(
        whole
    )
    assert "--training.ema" in whole
    assert "--training.ema" not in short
    assert len(flags(whole)) > 3 * len(flags(short))


def test_each_group_has_what_it_says(wide, capsys):
    whole = page(capsys, "train", "tagging", "--help", "all")
    parts = dict(re.findall(r"╭─ (\w+) ─+╮\n(.*?)╰", whole, re.DOTALL))
    for group, some in {
        "Data": ["--data", "--valid", "--tokens", "--vocabulary-size", "--config"],
        "Model": ["--embedding.vectors", "--stack.cell", "--characters", "--start-from", "--output"],
        "Training": ["--training.epochs", "--fine-tuning.layer-decay", "--seed", "--workers"],
        "Output": ["--out", "--overwrite", "--resume"],
    }.items():
        assert set(some) <= flags(parts[group]), group


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "tagging", "--epochs", "3"], "There is no flag --epochs: did you mean --training.epochs?"),
        (["train", "sentiment", "--epochs=3"], "did you mean --training.epochs or --pretraining.epochs?"),
        (["train", "sentiment", "--stack.cel", "gru"], "There is no flag --stack.cel: did you mean --stack.cell?"),
        (["train", "sentiment", "--vocab_size", "3"], "did you mean --vocabulary-size?"),
        (["evaluate", "run", "--data", "x", "--nam", "y"], "There is no flag --nam: did you mean --name?"),
        (["train", "sentiment", "--zzz"], "There is no flag --zzz: --help lists them."),
        (["predit", "run"], 'Did you mean "predict"?'),
        (["check", "taging"], "did you mean tagging?"),
        (["study", "sentiment", "a.tsv", "--grid", "a=1", "b=2"], "'b=2' belongs to no flag: repeat a flag for each"),
    ],
)
def test_a_wrong_name_gets_the_nearest_right_one(arguments, sentence, capsys):
    assert main(arguments) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_what_to_do_next_is_for_people_alone(small, tmp_path, monkeypatch, capsys):
    table, page = write_small_table(tmp_path), tmp_path / "gradients.html"
    other = shutil.copytree(small, tmp_path / "other")
    studied = SimpleNamespace(run=lambda: None, out=tmp_path / "study")
    monkeypatch.setattr("seqkit.Study", lambda *_, **__: studied)
    for command, wanted in {
        ("check", "sentiment", "--data", table): "Next: ",
        ("recipes",): "Next: seqkit new DIR --data FILE",
        ("new", tmp_path / "new", "--data", table): f"then seqkit train {tmp_path / 'new'}",
        ("predict", small, table): "Next: ",
        ("compare", small, other, "--data", table): "Next: keep it",
        ("compare", small, other, "--data", table, "--to", tmp_path / "found.csv"): "Next: open that page",
        (
            "gradients",
            "--cell",
            "gru",
            "--length",
            "3",
            "--units",
            "2",
            "--to",
            page,
        ): "a run's own: seqkit gradients RUN",
        ("study", "sentiment", "--data", table): "Next: more values or seeds",
    }.items():
        for person in (False, True):
            shutil.rmtree(tmp_path / "new", ignore_errors=True)
            with monkeypatch.context() as patch:
                patch.setattr("sys.stdout.isatty", lambda person=person: person)
                assert main([str(word) for word in command]) == 0
            said = capsys.readouterr()
            assert (wanted if person else "") in said.err
            assert ("Next:" in said.err) == person
            assert "Next:" not in said.out


@pytest.mark.parametrize(
    ("format", "said"), [("onnx", ["seqkit verify", "seqkit serve"]), ("c", ["mine_self_test()"]), ("other", [])]
)
def test_what_no_runner_answers_is_neither_verified_nor_served_next(format, said, tmp_path, monkeypatch, capsys):
    (tmp_path / {"c": "mine.h"}.get(format, "model")).touch()
    monkeypatch.setattr("seqkit.cli.commands._load", lambda *_, **__: SimpleNamespace(export=lambda *_, **__: tmp_path))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["export", str(tmp_path), "--format", format]) == 0
    told = capsys.readouterr().err
    assert [part for part in ("seqkit verify", "seqkit serve", "mine_self_test()") if part in told] == said
    assert ("Next:" in told) == bool(said)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_shell_completes_commands_recipes_and_flags(tmp_path, capsys):
    script = tmp_path / "seqkit"
    page(capsys, "--install-completion", "--shell", "bash", "--output", script)
    (function,) = re.findall(r"complete.* -F (\w+) seqkit", script.read_text())

    def completed(*words):
        listed = " ".join(f'"{word}"' for word in words)
        code = (
            f'source {script}; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; {function}; echo "${{COMPREPLY[@]}}"'
        )
        return subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert completed("seqkit", "pred") == ["predict"]
    assert completed("seqkit", "train", "text") == ["text_classification"]
    assert completed("seqkit", "train", "tagging", "--training.epochs") == ["--training.epochs"]
    assert "gru" in completed("seqkit", "train", "tagging", "--stack.cell", "gr")
