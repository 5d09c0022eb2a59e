"""The command line: what it prints where, its exit status, and one sentence for every mistake."""

import contextlib
import dataclasses
import functools
import inspect
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from seqkit import InputError, load, preset
from seqkit.cli.main import main
from seqkit.core.progress import EpochProgress
from seqkit.core.registry import recipes
from seqkit.core.settings import Stack
from seqkit.recipes.sentiment import sentiment
from tests.cases import QUICK, ROWS, answers_alone, write_small_table

TRAINING = "evaluations/training"


@pytest.fixture
def table(tmp_path):
    return write_small_table(tmp_path)


def complaint(capsys, arguments):
    """The one sentence on standard error for arguments that are wrong."""
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    last = captured.err.rstrip("\n").split("\n")[-1]
    assert last.startswith("seqkit: ")
    return last


def test_help_needs_neither_tensorflow_nor_numpy():
    code = """if True:
        import sys, seqkit.cli.main as m
        for arguments in (["--help"], ["train", "sentiment", "--help"], ["recipes"], ["train", "nothing"]):
            m.main(arguments)
            print({"tensorflow", "numpy"} & {*sys.modules})
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines().count("set()") == 4


def test_a_process_that_has_pydantic_reads_the_same_flags(capsys):
    """The library that reads flags lets pydantic look at them wherever something has imported it."""
    pytest.importorskip("pydantic")
    assert "absent.tsv does not exist" in complaint(
        capsys, ["train", "sentiment", "--data", "absent.tsv", "--out", "x"]
    )


def test_flags_leave_the_recipes_other_defaults_alone(small):
    settings = json.loads((small / "run.json").read_text())["settings"]
    default = inspect.signature(sentiment).parameters["stack"].default
    assert default != Stack()  # or a class's own defaults would do
    assert settings["stack"] == dataclasses.asdict(default) | {"units": [4]}


def test_a_preset_is_the_default_of_all_flags(monkeypatch, capsys):
    """A flag changes one setting of it and leaves its others; in Python it is arguments."""
    asked = {}
    known = recipes.find("language_model")

    def train(*args, **kwargs):
        asked.update(kwargs)
        raise InputError("asked")

    functools.update_wrapper(train, known.function)
    monkeypatch.setitem(recipes._added, "language_model", dataclasses.replace(known, function=train))
    command = ["train", "language_model", "--data", "x.txt", "--preset", "awd-lstm", "--training.epochs", "3"]
    assert main(command) == 2
    wanted = preset(known.function, "awd-lstm")
    wanted["training"] = dataclasses.replace(wanted["training"], epochs=3)
    plain = {
        name: dataclasses.asdict(asked[name]) if dataclasses.is_dataclass(asked[name]) else asked[name]
        for name in wanted
    }
    assert plain == {
        name: dataclasses.asdict(one) if dataclasses.is_dataclass(one) else one for name, one in wanted.items()
    }
    assert "preset" not in asked
    assert main(["train", "language_model", "--preset=awd"]) == 2
    assert "has no preset 'awd': there are zaremba-small, zaremba-medium" in capsys.readouterr().err


def test_each_preset_is_a_setting_that_the_recipe_takes(tmp_path):
    """It gets as far as the data, which isn't there."""
    for name, recipe in ((name, recipes.find(name)) for name in recipes.names()):
        for chosen in recipe.presets:
            with pytest.raises(InputError, match="absent.txt does not exist"):
                recipe.function("absent.txt", out=tmp_path / name, **preset(recipe.function, chosen))


def test_the_run_folder_is_complete(run):
    present = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert present >= {
        "run.json",
        "model.keras",
        "vocabulary.json",
        "history.csv",
        "evaluations/training/report.json",
        "evaluations/training/report.html",
    }
    assert not list(run.path.parent.glob(".*"))
    report = json.loads((run.path / TRAINING / "report.json").read_text())
    assert {f"baselines/{name}.npz" for name in report["baselines"]} <= present
    assert len(report["baselines"]) >= 2
    for scores in (report["metrics"], *report["baselines"].values()):
        assert scores.keys() == report["metrics"].keys()
        for score in scores.values():
            assert score.keys() == {"value", "low", "high"}
    assert report["data"].keys() >= {"source", "digest", "rows", "padding_share"}


def test_evaluate_prints_the_report(small, table, capsys):
    assert main(["evaluate", str(small), "--data", str(table), "--json", "--against", str(small)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((small / "evaluations" / "rows" / "report.json").read_text())
    assert report["data"]["rows"] == len(ROWS)
    assert report["macro"].keys() == {"precision", "recall", "f1"}
    other = table.with_suffix(".jsonl")
    other.write_text("".join(json.dumps({"stars": label, "body": text}) + "\n" for label, text in ROWS))
    renamed = ["--column.text", "body", "--column.label", "stars", "--json"]
    assert main(["evaluate", str(small), "--data", str(other), *renamed]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == report["metrics"]
    assert report["against"]["metrics"]["accuracy"]["p_value"] == 1.0


def test_evaluate_counts_empty_long_and_unseen_rows(small, tmp_path, capsys):
    path = tmp_path / "odd.jsonl"
    rows = [("good", "   "), ("good", ""), ("strange", "a film"), ("bad", "word " * 100_000)]
    path.write_text("".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in rows))
    assert main(["evaluate", str(small), "--data", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {name: report["data"][name] for name in ("rows", "empty_texts", "cut_texts", "unseen_labels")} == {
        **{"rows": 4, "empty_texts": 2, "cut_texts": 1, "unseen_labels": 1}
    }


def test_predict_answers_every_line_in_order_and_before_the_input_ends(small, tmp_path, monkeypatch, capsys):
    texts = ["a good film", "", "naïve ☃", "a bad film"]
    (tmp_path / "lines.txt").write_text("\n".join(texts) + "\n")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "others.txt").write_bytes("\r\n".join(texts).encode() + b"\r\n")

    def check(out, err):
        assert answers_alone(out) == expected
        assert err == ""

    expected = load(small).predict(texts)
    command = [sys.executable, "-m", "seqkit.cli", "predict", str(small), "-"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, text=True) as process:
        answered = ""
        for text in texts[:-1]:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            answered += process.stdout.readline()
        out, err = process.communicate(texts[-1], timeout=300)
        check(answered + out, err)
        assert process.returncode == 0
    capsys.readouterr()
    with open(tmp_path / "others.txt") as given:
        monkeypatch.setattr("sys.stdin", given)
        assert main(["predict", str(small)]) == 0
        check(*capsys.readouterr())
    for name in ("lines.txt", "rows.jsonl"):
        assert main(["predict", str(small), str(tmp_path / name)]) == 0
        check(*capsys.readouterr())


def test_predict_keeps_nothing_of_what_it_was_asked(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "lines.txt").write_text("a secret\n")
    assert main(["predict", str(small), str(tmp_path / "lines.txt")]) == 0
    assert not (tmp_path / "cache").exists()
    (tmp_path / "empty.txt").write_text("")
    capsys.readouterr()
    assert main(["predict", str(small), str(tmp_path / "empty.txt")]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "flags", "expected"),
    [
        ("label\ttext\n" + "a\tx\n" * 20, [], "has the one label 'a' in all its rows"),
        ("label\ttext\n" + "a\t \nb\t\n" * 20, [], "hold no token"),
        ("label\ttext\na\tx\nb\ty\n", [], "too few rows"),
        ("label\ttext\na\tx\nb\ty\n", ["--seed", "-1"], "seed is -1"),
        ("label\ttext\na\tx\nb\ty\n", ["--max-length", "1"], "max_length is 1"),
        ("label\ttext\na\tx\nb\ty\n", ["--text", "body"], "no column 'body'"),
        ("label\ttext\na\tx\nb\ty\n", ["--stack.cell", "lstn"], "lstn"),
        ("label\ttext\na\tx\nb\ty\n", ["--training.epochs", "0"], "training.epochs is 0"),
        ("label\ttext\na\tx\nb\ty\n", ["--training.epochs", "many"], "many"),
        ("label\ttext\na\tx\nb\ty\n", ["--no-such-flag"], "no-such-flag"),
        ("label\ttext\na\tx\nb\ty\n", ["--test", "absent.tsv"], "absent.tsv does not exist"),
    ],
)
def test_train_refuses_wrong_input(tmp_path, capsys, content, flags, expected):
    (tmp_path / "rows.tsv").write_text(content)
    arguments = ["train", "sentiment", "--data", tmp_path / "rows.tsv", "--out", tmp_path / "run", "--min-count", "1"]
    assert expected in complaint(capsys, [*arguments, *flags])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.tsv"]


def test_other_mistakes_get_one_sentence(small, table, tmp_path, capsys):
    assert "There is no recipe 'sentimant'" in complaint(capsys, ["train", "sentimant"])
    assert "is no run folder" in complaint(capsys, ["evaluate", tmp_path, "--data", table])
    assert "does not exist" in complaint(capsys, ["evaluate", small, "--data", tmp_path / "absent.csv"])
    assert "does not exist" in complaint(capsys, ["predict", small, tmp_path / "absent.txt"])
    assert "onxx" in complaint(capsys, ["export", small, "--format", "onxx"])
    before = (small / "run.json").read_text()
    taken = complaint(capsys, ["train", "sentiment", "--data", table, "--out", small])
    assert "exists" in taken
    assert "--overwrite" in taken
    assert (small / "run.json").read_text() == before
    assert "no field 'body'" in complaint(capsys, ["evaluate", small, "--data", table, "--column.body", "x"])
    assert "is no run folder" in complaint(
        capsys, ["train", "sentiment", "--data", table, "--out", tmp_path, "--overwrite"]
    )
    (tmp_path / "latin.txt").write_bytes(b"fine\ncaf\xe9\n")
    assert "line 2: byte 0xe9 is not UTF-8" in complaint(capsys, ["predict", small, tmp_path / "latin.txt"])


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_saves_and_the_same_command_resumes(table, tmp_path, monkeypatch, capsys, stop, status):
    """Stopped in the middle of its second epoch, then resumed, the run is that of a training that was left in peace.

    What processes make of real signals at any time is asked of tests/runs/test_kills.py.
    """
    arguments = ["train", "sentiment", "--data", str(table), *QUICK[2:], "--training.epochs", "2"]
    arguments += ["--training.batch-size", "8"]
    straight, out = [[*arguments, "--out", str(tmp_path / name)] for name in ("straight", "run")]
    shown = EpochProgress.step

    def stopping(self, epoch, step, logs):
        shown(self, epoch, step, logs)
        if (epoch, step) == (2, 2):
            os.kill(os.getpid(), stop)

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "step", stopping)
        patch.setattr("seqkit.training.sums.Pace.took", lambda *given: None)  # one step a call
        assert main(out) == status
    assert "the same command with --resume goes on" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run.partial", "rows.tsv"]
    if stop == signal.SIGTERM:  # what comes then is the same
        return
    assert "was started with seed 0, now it is 1" in complaint(capsys, [*out, "--resume", "--seed", "1"])
    assert main([*out, "--resume"]) == 0
    assert main(straight) == 0
    metrics = [
        json.loads((tmp_path / name / TRAINING / "report.json").read_text())["metrics"] for name in ("run", "straight")
    ]
    assert metrics[0] == metrics[1]


@contextlib.contextmanager
def full_disk():
    """Files may grow to 2 KB only: less than any model. Modules that are imported meanwhile would be kept cut off."""
    limit, writing = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        sys.dont_write_bytecode = writing
        signal.signal(signal.SIGXFSZ, heard)


def test_a_full_disk_is_said_and_loses_nothing(small, table, tmp_path, monkeypatch, capsys):
    def fails(*arguments):
        capsys.readouterr()
        with full_disk():
            assert main([*arguments]) == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said.splitlines()[-1]

    out, untouched = tmp_path / "run", "What was saved before is as it was"
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    command = ["train", "sentiment", "--data", str(table), "--out", str(out), *QUICK]
    assert untouched in fails(*command)
    assert not out.exists()
    shutil.copytree(small, out)
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert untouched in fails(*command, "--overwrite")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == kept
    fails("export", str(out), "--format", "savedmodel")
    assert not (out / "export" / "savedmodel").exists()
    assert not list((tmp_path / "cache").glob(".*"))  # nothing half written


def test_sigterm_at_any_time_leaves_nothing_half_done(small, table, tmp_path, monkeypatch, capsys):
    """While data is read, or a run is scored: no folder, no lock, a sentence and a status of its own."""

    def terminated(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    copy = shutil.copytree(small, tmp_path / "copy")
    held = sorted(path for path in tmp_path.rglob("*"))
    monkeypatch.setattr("seqkit.tasks.sentiment.Sentiment.encode", terminated)
    for command in (
        ["evaluate", copy, "--data", table],
        ["train", "sentiment", "--data", table, "--out", tmp_path / "run"],
    ):
        assert main([str(part) for part in command]) == 143
        assert capsys.readouterr().err.splitlines()[-1] == "seqkit: terminated."
        assert sorted(path for path in tmp_path.rglob("*")) == held
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.fixture(scope="module")
def escaped(tmp_path_factory):
    """Labels and file names with escapes, and one row of a class, which is enough: the data, the run, what training said."""
    folder = tmp_path_factory.mktemp("escaped")
    path, out = folder / "rows\x1b[2J.tsv", folder / "run\x1b[5m"
    labels = ["good"] * 20 + ["bad"]
    path.write_text("label\ttext\n" + "".join(f"\x9b[31m{label}\u202e\ta {label} film\n" for label in labels))
    said = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    with contextlib.redirect_stdout(said["stdout"]), contextlib.redirect_stderr(said["stderr"]):
        assert main(["train", "sentiment", "--data", str(path), "--out", str(out), *QUICK]) == 0
    return path, out, *(one.getvalue() for one in said.values())


def test_what_a_terminal_would_obey_is_shown(escaped, tmp_path, capsys):
    """From the training to the answers."""
    path, out, *trained = escaped
    for command in (
        ["evaluate", out, "--data", path],
        ["evaluate", out, "--data", path, "--json"],
        ["predict", out, path],
        ["export", out, "--format", "keras"],
    ):
        assert main([str(part) for part in command]) == 0
    assert main(["predict", str(out), str(tmp_path / "absent\x1b[2J.tsv")]) == 2
    captured = capsys.readouterr()
    for printed in (*trained, *captured):
        assert not set(printed) & {"\x1b", "\x9b", "\u202e"}
    assert "absent\\u001b[2J.tsv does not exist" in captured.err
    assert "run\\u001b[5m" in captured.out
    assert '"label": "\\u009b[31mgood\\u202e"' in captured.out or '"label": "\\u009b[31mbad\\u202e"' in captured.out


def test_progress_of_a_log_file_is_plain_lines(escaped):
    _, run, out, err = escaped
    lines = err.splitlines()
    assert [line for line in lines if line.startswith("epoch 1/1: loss ")]
    assert all(word in err for word in ("gradient norm", "clipped", "val_accuracy", "tokens/s", "batch shapes"))
    assert "\r" not in err
    assert "\x1b" not in err
    assert "No test data" in err
    assert out.splitlines()[-1] == str(run).replace("\x1b", "\\u001b")
    report = json.loads((run / TRAINING / "report.json").read_text())
    assert "validation rows, which chose the epoch" in report["data"]["source"]
